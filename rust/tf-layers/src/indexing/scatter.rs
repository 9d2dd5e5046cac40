//! Writing at positions that a tensor holds.

use super::gather::{Index, elements, slice};
use crate::cpu::Cpu;
use crate::error::Result;

/// How an update meets the element that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reduction {
    /// Sum; integers wrap.
    Add,
    /// Product; integers wrap.
    Mul,
    /// The larger.
    Max,
    /// The smaller.
    Min,
}

/// Element types that updates can be combined in: numbers.
pub trait Combine: Copy {
    /// `self` combined with `update`.
    #[must_use]
    fn combine(self, reduction: Reduction, update: Self) -> Self;
}

macro_rules! combine {
    ($($t:ty: $add:ident $mul:ident),*) => {$(
        impl Combine for $t {
            #[inline(always)]
            fn combine(self, reduction: Reduction, update: Self) -> Self {
                match reduction {
                    Reduction::Add => self.$add(update),
                    Reduction::Mul => self.$mul(update),
                    Reduction::Max => if update > self { update } else { self },
                    Reduction::Min => if update < self { update } else { self },
                }
            }
        }
    )*};
}
combine!(
    u8: wrapping_add wrapping_mul, u16: wrapping_add wrapping_mul,
    u32: wrapping_add wrapping_mul, u64: wrapping_add wrapping_mul,
    i8: wrapping_add wrapping_mul, i16: wrapping_add wrapping_mul,
    i32: wrapping_add wrapping_mul, i64: wrapping_add wrapping_mul
);

macro_rules! combine_floats {
    ($($t:ty),*) => {$(
        impl Combine for $t {
            #[inline(always)]
            fn combine(self, reduction: Reduction, update: Self) -> Self {
                match reduction {
                    Reduction::Add => self + update,
                    Reduction::Mul => self * update,
                    // NaN wins, as in numpy's maximum and minimum.
                    Reduction::Max => if self.is_nan() || self > update { self } else { update },
                    Reduction::Min => if self.is_nan() || self < update { self } else { update },
                }
            }
        }
    )*};
}
combine_floats!(f32, f64);

/// `Add` is or, `Mul` is and, as for numbers that are 0 or 1.
impl Combine for bool {
    #[inline(always)]
    fn combine(self, reduction: Reduction, update: Self) -> Self {
        match reduction {
            Reduction::Add | Reduction::Max => self | update,
            Reduction::Mul | Reduction::Min => self & update,
        }
    }
}

/// What is written where: indices and updates `indices_shape`.
#[derive(Debug, Clone, Copy)]
pub struct ScatterUpdates<'a, I, T, const R: usize> {
    /// Shape of both.
    pub indices_shape: [usize; R],
    /// Where on the axis each update belongs; negative ones count from the end.
    pub indices: &'a [I],
    /// What is written there.
    pub updates: &'a [T],
}

/// y = x, then y\[i with its coordinate on `axis` replaced by indices\[i\]\] = updates\[i\]; ONNX `ScatterElements`
/// (and `Scatter`) without a reduction. Of several updates for one element the last counts.
///
/// x and y `shape`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScatterElements<const R: usize> {
    /// The axis that the indices count on.
    pub axis: usize,
}

impl<const R: usize> ScatterElements<R> {
    /// Checks the axis; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.axis < R, "ScatterElements: axis");
        self
    }

    /// y = x with the updates.
    ///
    /// # Errors
    /// If an index is outside the axis.
    pub fn run<T: Clone, I: Index>(
        &self,
        cpu: Cpu,
        shape: [usize; R],
        x: &[T],
        updates: ScatterUpdates<I, T, R>,
        y: &mut [T],
    ) -> Result<()> {
        y.clone_from_slice(x);
        self.run_in_place(cpu, shape, y, updates)
    }

    /// The updates written into x.
    ///
    /// # Errors
    /// If an index is outside the axis; x is then partly written.
    pub fn run_in_place<T: Clone, I: Index>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        x: &mut [T],
        updates: ScatterUpdates<I, T, R>,
    ) -> Result<()> {
        let ScatterUpdates {
            indices_shape,
            indices,
            updates,
        } = updates;
        elements(self.axis, shape, indices_shape, indices, |i, at| {
            x[at].clone_from(&updates[i])
        })
    }
}

/// y = x, then the updates combined into it; ONNX `ScatterElements` with a reduction.
///
/// x and y `shape`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScatterElementsReduce<const R: usize> {
    /// The axis that the indices count on.
    pub axis: usize,
    /// How an update meets what is there.
    pub reduction: Reduction,
}

impl<const R: usize> ScatterElementsReduce<R> {
    /// Checks the axis; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.axis < R, "ScatterElementsReduce: axis");
        self
    }

    /// y = x with the updates.
    ///
    /// # Errors
    /// If an index is outside the axis.
    pub fn run<T: Combine, I: Index>(
        &self,
        cpu: Cpu,
        shape: [usize; R],
        x: &[T],
        updates: ScatterUpdates<I, T, R>,
        y: &mut [T],
    ) -> Result<()> {
        y.copy_from_slice(x);
        self.run_in_place(cpu, shape, y, updates)
    }

    /// The updates combined into x.
    ///
    /// # Errors
    /// If an index is outside the axis; x is then partly written.
    pub fn run_in_place<T: Combine, I: Index>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        x: &mut [T],
        updates: ScatterUpdates<I, T, R>,
    ) -> Result<()> {
        let ScatterUpdates {
            indices_shape,
            indices,
            updates,
        } = updates;
        elements(self.axis, shape, indices_shape, indices, |i, at| {
            x[at] = x[at].combine(self.reduction, updates[i]);
        })
    }
}

/// What tuples of indices write to: x `[*axes, inner]`, `n` tuples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScatterSlices<const K: usize> {
    /// Axes that a tuple indexes.
    pub axes: [usize; K],
    /// Elements that a tuple writes.
    pub inner: usize,
    /// Tuples.
    pub n: usize,
}

/// y = x, then y\[indices\[i, 0\], indices\[i, 1\], …\] = updates\[i\]; ONNX `ScatterND` without a reduction.
///
/// x and y `[*axes, inner]`, indices `[n, K]`, updates `[n, inner]`. Of several updates for one slice the last counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScatterNd<const K: usize>;

impl<const K: usize> ScatterNd<K> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = x with the updates.
    ///
    /// # Errors
    /// If an index is outside its axis.
    pub fn run<T: Clone, I: Index>(
        &self,
        cpu: Cpu,
        slices: ScatterSlices<K>,
        x: &[T],
        indices: &[I],
        updates: &[T],
        y: &mut [T],
    ) -> Result<()> {
        y.clone_from_slice(x);
        self.run_in_place(cpu, slices, y, indices, updates)
    }

    /// The updates written into x.
    ///
    /// # Errors
    /// If an index is outside its axis; x is then partly written.
    pub fn run_in_place<T: Clone, I: Index>(
        &self,
        _cpu: Cpu,
        ScatterSlices { axes, inner, n }: ScatterSlices<K>,
        x: &mut [T],
        indices: &[I],
        updates: &[T],
    ) -> Result<()> {
        for i in 0..n {
            let at = slice(&axes, &indices[i * K..][..K])? * inner;
            x[at..][..inner].clone_from_slice(&updates[i * inner..][..inner]);
        }
        Ok(())
    }
}

/// y = x, then the updates combined into it; ONNX `ScatterND` with a reduction.
///
/// x and y `[*axes, inner]`, indices `[n, K]`, updates `[n, inner]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScatterNdReduce<const K: usize> {
    /// How an update meets what is there.
    pub reduction: Reduction,
}

impl<const K: usize> ScatterNdReduce<K> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = x with the updates.
    ///
    /// # Errors
    /// If an index is outside its axis.
    pub fn run<T: Combine, I: Index>(
        &self,
        cpu: Cpu,
        slices: ScatterSlices<K>,
        x: &[T],
        indices: &[I],
        updates: &[T],
        y: &mut [T],
    ) -> Result<()> {
        y.copy_from_slice(x);
        self.run_in_place(cpu, slices, y, indices, updates)
    }

    /// The updates combined into x.
    ///
    /// # Errors
    /// If an index is outside its axis; x is then partly written.
    pub fn run_in_place<T: Combine, I: Index>(
        &self,
        _cpu: Cpu,
        ScatterSlices { axes, inner, n }: ScatterSlices<K>,
        x: &mut [T],
        indices: &[I],
        updates: &[T],
    ) -> Result<()> {
        for i in 0..n {
            let at = slice(&axes, &indices[i * K..][..K])? * inner;
            for (x, &update) in x[at..][..inner]
                .iter_mut()
                .zip(&updates[i * inner..][..inner])
            {
                *x = x.combine(self.reduction, update);
            }
        }
        Ok(())
    }
}
