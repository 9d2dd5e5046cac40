//! Matrix products whose both sides are computed while the model runs.

mod any;
mod few;
mod panels;

pub use any::MatMulAny;

use crate::activation::Activation;
use crate::cpu::{Cpu, dispatch};
use crate::error::Result;
use crate::gemm::{Addend, Grid, Product, Segments};
use crate::matrices::Matrices;
use crate::pack::PANEL;
use crate::slot::Scratch;

/// Fewer rows than this are multiplied by b as it lies: packing it would take longer than the product.
pub(crate) const FEW_ROWS: usize = 6;

/// y = alpha · a · b, matrix by matrix: a `[*batch, m, k]`, b `[*batch, k, n]`, y `[*batch, m, n]`, all f32.
///
/// [`Matrices`] says where elements lie. Serves ONNX `MatMul`, `Gemm`, and `Einsum` as far as it is a product of matrices.
#[derive(Debug, Clone, Copy)]
pub struct MatMul {
    /// Factor of the product.
    pub alpha: f32,
}

/// Where the elements of one operand lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operand<'a> {
    pub data: &'a [f32],
    /// Steps along its rows and its columns.
    pub steps: [usize; 2],
}

impl MatMul {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// Elements of scratch that a run needs: what is packed of b, and copied of a.
    #[must_use]
    pub const fn scratch_len<const B: usize>(&self, matrices: Matrices<B>) -> usize {
        let [panels, copy] = Self::lens(&matrices);
        panels + copy
    }

    /// Elements of b as panels, and of a copy of a; 0 where they are read as they lie.
    const fn lens<const B: usize>(matrices: &Matrices<B>) -> [usize; 2] {
        let Matrices { m, k, n, .. } = *matrices;
        let b_in_place = m < FEW_ROWS && (matrices.b_steps[1] == 1 || matrices.b_steps[0] == 1);
        // Rows of a must be runs; one column of many rows is copied too, but then there is hardly anything to copy.
        let a_in_place = matrices.a_steps[1] == 1 || k < 2;
        [
            if b_in_place {
                0
            } else {
                n.div_ceil(PANEL) * PANEL * k
            },
            if a_in_place { 0 } else { m * k },
        ]
    }

    /// y = alpha · a · b.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is none for the scratch.
    pub fn run<const B: usize>(
        &self,
        cpu: Cpu,
        matrices: Matrices<B>,
        a: &[f32],
        b: &[f32],
        y: &mut [f32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        let Matrices { m, k, n, .. } = matrices;
        let (a_steps, b_steps) = (matrices.a_steps, matrices.b_steps);
        let y = &mut y[..matrices.outputs()];
        if y.is_empty() {
            return Ok(());
        }
        if k == 0 {
            y.fill(0.0);
            return Ok(());
        }
        // Neither m, n nor k is 0 here.
        let [panels_len, a_len] = Self::lens(&matrices);
        let (panels, a_copy) = scratch.fit(panels_len + a_len)?.split_at_mut(panels_len);
        // Where in b the matrix stands that the panels hold.
        let mut packed_from = None;
        for (i, y) in y.chunks_exact_mut(m * n).enumerate() {
            let [a_at, b_at] = matrices.starts(i);
            let mut a = Operand {
                data: &a[a_at..],
                steps: a_steps,
            };
            let b = Operand {
                data: &b[b_at..],
                steps: b_steps,
            };
            if a_len > 0 {
                panels::rows(a, [m, k], a_copy);
                a = Operand {
                    data: a_copy,
                    steps: [k, 1],
                };
            }
            if panels_len == 0 {
                dispatch!(cpu.level, s => few::matrix(s, [m, k, n], a, b, self.alpha, y));
                continue;
            }
            if packed_from != Some(b_at) {
                pack_panels(cpu, b, [k, n], self.alpha, panels);
                packed_from = Some(b_at);
            }
            Product {
                grid: Grid::matrix(m, a.steps[0], n),
                segments: Segments::one(k),
                columns: n,
                panels,
                bias: None,
                activation: Activation::Linear,
            }
            .run(cpu, a.data, Addend::Nothing, y);
        }
        Ok(())
    }
}

/// Packs an operand of `k` × `n`, times `alpha`, into panels for the product kernel.
pub(crate) fn pack_panels(cpu: Cpu, b: Operand, size: [usize; 2], alpha: f32, to: &mut [f32]) {
    dispatch!(cpu.level, s => panels::pack(s, b, size, alpha, to));
}

/// y = alpha · a · b for one row a; the rows of b are runs, or its columns are.
#[cfg(feature = "attention")]
pub(crate) fn few_rows(cpu: Cpu, a: &[f32], b: Operand, alpha: f32, y: &mut [f32]) {
    let sizes = [1, a.len(), y.len()];
    let a = Operand {
        data: a,
        steps: [a.len(), 1],
    };
    dispatch!(cpu.level, s => few::matrix(s, sizes, a, b, alpha, y));
}
