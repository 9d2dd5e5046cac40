//! Triangles of matrices.

use crate::cpu::Cpu;
use crate::error::Result;
use crate::slot::scalar;

/// Matrices `[batch, rows, columns]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatrixStack {
    /// Matrices.
    pub batch: usize,
    /// Their rows.
    pub rows: usize,
    /// Their columns.
    pub columns: usize,
}

/// y = the upper or lower triangle of the last two axes, zero elsewhere; ONNX `Trilu`.
///
/// x and y `[batch, rows, columns]`. Kept is `column − row ≥ k` (upper) or `≤ k` (lower); k is the diagonal where the
/// triangle ends: 0 (also where it is not given) is the main one, positive ones lie above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trilu {
    /// Which triangle is kept.
    pub upper: bool,
}

impl Trilu {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = the triangle of x at the main diagonal.
    pub fn run<T: Clone + Default>(&self, cpu: Cpu, matrices: MatrixStack, x: &[T], y: &mut [T]) {
        y.clone_from_slice(x);
        self.run_in_place(cpu, matrices, y);
    }

    /// Zeroes what is outside the triangle at the main diagonal.
    pub fn run_in_place<T: Clone + Default>(&self, _: Cpu, matrices: MatrixStack, x: &mut [T]) {
        self.cut(matrices, 0, x);
    }

    /// y = the triangle of x at the k-th diagonal above the main one.
    ///
    /// # Errors
    /// If k is not one element.
    pub fn run_with_k<T: Clone + Default>(
        &self,
        cpu: Cpu,
        matrices: MatrixStack,
        x: &[T],
        k: &[i64],
        y: &mut [T],
    ) -> Result<()> {
        y.clone_from_slice(x);
        self.run_with_k_in_place(cpu, matrices, y, k)
    }

    /// Zeroes what is outside the triangle at the k-th diagonal above the main one.
    ///
    /// # Errors
    /// If k is not one element.
    pub fn run_with_k_in_place<T: Clone + Default>(
        &self,
        _cpu: Cpu,
        matrices: MatrixStack,
        x: &mut [T],
        k: &[i64],
    ) -> Result<()> {
        self.cut(matrices, scalar("k", k)?, x);
        Ok(())
    }

    fn cut<T: Clone + Default>(&self, matrices: MatrixStack, k: i64, x: &mut [T]) {
        let MatrixStack {
            batch,
            rows,
            columns,
        } = matrices;
        for (r, row) in x
            .chunks_exact_mut(columns.max(1))
            .take(batch * rows)
            .enumerate()
        {
            // The first column on or right of the diagonal of this row.
            let edge = |k: i64| {
                ((r % rows) as i64)
                    .saturating_add(k)
                    .clamp(0, columns as i64) as usize
            };
            match self.upper {
                true => row[..edge(k)].fill(T::default()),
                false => row[edge(k.saturating_add(1))..].fill(T::default()),
            }
        }
    }
}
