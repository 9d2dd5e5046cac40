//! Reading at positions that a tensor holds.

use crate::axis::{AlongAxis, strides};
use crate::cpu::Cpu;
use crate::error::{Error, Result};

/// Types of index tensors: i32 and i64.
pub trait Index: Copy {
    /// As a signed number.
    fn to_i64(self) -> i64;

    /// The position on an axis of `size` elements; negative indices count from its end.
    ///
    /// # Errors
    /// If it is outside `-size..size`.
    #[inline(always)]
    fn position(self, size: usize) -> Result<usize> {
        let index = self.to_i64();
        let wrapped = if index < 0 {
            index.wrapping_add(size as i64)
        } else {
            index
        };
        match usize::try_from(wrapped) {
            Ok(position) if position < size => Ok(position),
            _ => Err(Error::IndexOutOfRange { index, size }),
        }
    }
}

impl Index for i32 {
    #[inline(always)]
    fn to_i64(self) -> i64 {
        self.into()
    }
}

impl Index for i64 {
    #[inline(always)]
    fn to_i64(self) -> i64 {
        self
    }
}

/// y\[o, i, k\] = x\[o, indices\[i\], k\]; ONNX `Gather`, Keras `Embedding`.
///
/// x `[outer, axis, inner]`, indices `[n]`, y `[outer, n, inner]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gather;

impl Gather {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = the rows of x at `indices`.
    ///
    /// # Errors
    /// If an index is outside `-axis..axis`.
    pub fn run<T: Clone, I: Index>(
        &self,
        _cpu: Cpu,
        AlongAxis { outer, axis, inner }: AlongAxis,
        x: &[T],
        indices: &[I],
        y: &mut [T],
    ) -> Result<()> {
        for o in 0..outer {
            let x = &x[o * axis * inner..][..axis * inner];
            let y = &mut y[o * indices.len() * inner..][..indices.len() * inner];
            if inner == 1 {
                for (y, index) in y.iter_mut().zip(indices) {
                    y.clone_from(&x[index.position(axis)?]);
                }
            } else {
                for (i, index) in indices.iter().enumerate() {
                    let row = &x[index.position(axis)? * inner..][..inner];
                    y[i * inner..][..inner].clone_from_slice(row);
                }
            }
        }
        Ok(())
    }
}

/// y\[i\] = x\[indices\[i\]\], zeros where there is no such row: the product of a one-hot encoding of `indices` with x.
///
/// x `[rows, inner]`, indices `[n]`, y `[n, inner]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatherOrZero {
    /// Whether negative indices count from the end, as in ONNX `OneHot`; else there is no such row.
    pub negative: bool,
}

impl GatherOrZero {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = the rows of x at `indices`, or zeros.
    pub fn run<T: Clone + Default, I: Index>(
        &self,
        _cpu: Cpu,
        [rows, inner]: [usize; 2],
        x: &[T],
        indices: &[I],
        y: &mut [T],
    ) {
        if inner == 0 {
            return;
        }
        for (y, index) in y.chunks_exact_mut(inner).zip(indices) {
            match index.position(rows) {
                Ok(row) if self.negative || index.to_i64() >= 0 => {
                    y.clone_from_slice(&x[row * inner..][..inner]);
                }
                _ => y.fill(T::default()),
            }
        }
    }
}

/// y\[i\] = x\[i with its coordinate on `axis` replaced by indices\[i\]\]; ONNX `GatherElements`.
///
/// x `shape`, indices and y `indices_shape`, which may be smaller than x on the other axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatherElements<const R: usize> {
    /// The axis that the indices count on.
    pub axis: usize,
}

impl<const R: usize> GatherElements<R> {
    /// Checks the axis; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.axis < R, "GatherElements: axis");
        self
    }

    /// y = the elements of x at `indices`.
    ///
    /// # Errors
    /// If an index is outside the axis.
    pub fn run<T: Clone, I: Index>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        x: &[T],
        indices_shape: [usize; R],
        indices: &[I],
        y: &mut [T],
    ) -> Result<()> {
        elements(self.axis, shape, indices_shape, indices, |i, at| {
            y[i].clone_from(&x[at])
        })
    }
}

/// Calls `f(i, position)` for every element i of `indices` and the position in a tensor of `shape` it stands for.
pub(super) fn elements<I: Index, const R: usize>(
    axis: usize,
    shape: [usize; R],
    indices_shape: [usize; R],
    indices: &[I],
    mut f: impl FnMut(usize, usize),
) -> Result<()> {
    let strides = strides(shape);
    let row = indices_shape[R - 1];
    if indices.is_empty() || row == 0 {
        return Ok(());
    }
    let mut index = [0; R];
    for (r, chunk) in indices.chunks_exact(row).enumerate() {
        let base: usize = (0..R - 1)
            .filter(|&d| d != axis)
            .map(|d| index[d] * strides[d])
            .sum();
        let step = if axis == R - 1 { 0 } else { 1 };
        for (i, value) in chunk.iter().enumerate() {
            f(
                r * row + i,
                base + i * step + value.position(shape[axis])? * strides[axis],
            );
        }
        for d in (0..R - 1).rev() {
            index[d] += 1;
            if index[d] < indices_shape[d] {
                break;
            }
            index[d] = 0;
        }
    }
    Ok(())
}

/// What tuples of indices are read from: x `[batch, *axes, inner]`, `n` tuples in each of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatherSlices<const K: usize> {
    /// Axes that indices and x share.
    pub batch: usize,
    /// Axes that a tuple indexes.
    pub axes: [usize; K],
    /// Elements that a tuple reads.
    pub inner: usize,
    /// Tuples.
    pub n: usize,
}

/// y\[b, i\] = x\[b, indices\[b, i, 0\], indices\[b, i, 1\], …\]; ONNX `GatherND`.
///
/// x `[batch, *axes, inner]`, indices `[batch, n, K]`, y `[batch, n, inner]`: K axes are indexed, `inner` are the
/// axes behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatherNd<const K: usize>;

impl<const K: usize> GatherNd<K> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = the slices of x at `indices`.
    ///
    /// # Errors
    /// If an index is outside its axis.
    pub fn run<T: Clone, I: Index>(
        &self,
        _cpu: Cpu,
        GatherSlices {
            batch,
            axes,
            inner,
            n,
        }: GatherSlices<K>,
        x: &[T],
        indices: &[I],
        y: &mut [T],
    ) -> Result<()> {
        let image = axes.iter().product::<usize>() * inner;
        for b in 0..batch {
            let (x, y) = (
                &x[b * image..][..image],
                &mut y[b * n * inner..][..n * inner],
            );
            let indices = &indices[b * n * K..][..n * K];
            for i in 0..n {
                let at = slice(&axes, &indices[i * K..][..K])? * inner;
                y[i * inner..][..inner].clone_from_slice(&x[at..][..inner]);
            }
        }
        Ok(())
    }
}

/// Row-major position of an index tuple.
pub(super) fn slice<I: Index>(axes: &[usize], index: &[I]) -> Result<usize> {
    let mut at = 0;
    for (i, &size) in index.iter().zip(axes) {
        at = at * size + i.position(size)?;
    }
    Ok(at)
}
