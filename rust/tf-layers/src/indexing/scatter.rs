//! Writing at positions that a tensor holds.

use super::gather::{Index, elements, slice};
use crate::cpu::Cpu;
use crate::error::{Error, Result};
use crate::number::{Bf16, F16};
#[cfg(feature = "alloc")]
use alloc::string::String;

/// How an update meets the element that is already there; ONNX's attribute `reduction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reduction {
    /// It takes its place: of several updates for one element the last counts.
    None,
    /// Sum; integers wrap.
    Add,
    /// Product; integers wrap.
    Mul,
    /// The larger.
    Max,
    /// The smaller.
    Min,
}

/// Element types that updates can be written in: numbers and booleans, and what has no reductions (strings, 16-bit floats).
pub trait Combine: Clone {
    /// `self` becomes `self` combined with `update`.
    fn combine(&mut self, reduction: Reduction, update: &Self);

    /// Refuses what the type has no reductions for.
    ///
    /// # Errors
    /// If there is no such reduction.
    fn check(_: Reduction) -> Result<()> {
        Ok(())
    }
}

/// `Combine` by expressions of what is there and the update.
macro_rules! combine {
    ($($t:ty),*: |$x:ident, $u:ident| $add:expr, $mul:expr, $max:expr, $min:expr) => {$(
        impl Combine for $t {
            #[inline(always)]
            fn combine(&mut self, reduction: Reduction, update: &Self) {
                let ($x, $u) = (*self, *update);
                *self = match reduction {
                    Reduction::None => $u,
                    Reduction::Add => $add,
                    Reduction::Mul => $mul,
                    Reduction::Max => $max,
                    Reduction::Min => $min,
                };
            }
        }
    )*};
}
combine!(u8, u16, u32, u64, i8, i16, i32, i64: |x, u| x.wrapping_add(u), x.wrapping_mul(u), x.max(u), x.min(u));
// NaN wins, as in numpy's maximum and minimum.
combine!(f32, f64: |x, u| x + u, x * u, if x.is_nan() || x > u { x } else { u }, if x.is_nan() || x < u { x } else { u });
// Or and and, as for numbers that are 0 or 1.
combine!(bool: |x, u| x | u, x & u, x | u, x & u);

/// `Combine` for types that have no reductions.
macro_rules! replace {
    ($($t:ty),*) => {$(
        impl Combine for $t {
            #[inline(always)]
            fn combine(&mut self, _: Reduction, update: &Self) {
                self.clone_from(update);
            }

            fn check(reduction: Reduction) -> Result<()> {
                match reduction {
                    Reduction::None => Ok(()),
                    _ => Err(Error::Unsupported { what: concat!("a reduction of ", stringify!($t)) }),
                }
            }
        }
    )*};
}
replace!(F16, Bf16);
#[cfg(feature = "alloc")]
replace!(String);

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

/// y = x, then y\[i with its coordinate on `axis` replaced by indices\[i\]\] = updates\[i\] (or combined with it);
/// ONNX `ScatterElements` and `Scatter`.
///
/// x and y `shape`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScatterElements<const R: usize> {
    /// The axis that the indices count on.
    pub axis: usize,
    /// How an update meets what is there.
    pub reduction: Reduction,
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
    /// If an index is outside the axis, or T has no such reduction.
    pub fn run<T: Combine, I: Index>(
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
    /// If an index is outside the axis, or T has no such reduction; x may then be partly written.
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
        T::check(self.reduction)?;
        match self.reduction {
            Reduction::None => elements(self.axis, shape, indices_shape, indices, |i, at| {
                x[at].clone_from(&updates[i]);
            }),
            reduction => elements(self.axis, shape, indices_shape, indices, |i, at| {
                x[at].combine(reduction, &updates[i]);
            }),
        }
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

/// y = x, then y\[indices\[i, 0\], indices\[i, 1\], …\] = updates\[i\] (or combined with it); ONNX
/// `ScatterND`.
///
/// x and y `[*axes, inner]`, indices `[n, K]`, updates `[n, inner]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScatterNd<const K: usize> {
    /// How an update meets what is there.
    pub reduction: Reduction,
}

impl<const K: usize> ScatterNd<K> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = x with the updates.
    ///
    /// # Errors
    /// If an index is outside its axis, or T has no such reduction.
    pub fn run<T: Combine, I: Index>(
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
    /// If an index is outside its axis, or T has no such reduction; x may then be partly written.
    pub fn run_in_place<T: Combine, I: Index>(
        &self,
        _cpu: Cpu,
        slices: ScatterSlices<K>,
        x: &mut [T],
        indices: &[I],
        updates: &[T],
    ) -> Result<()> {
        T::check(self.reduction)?;
        match self.reduction {
            Reduction::None => {
                self.slices(slices, x, indices, updates, |x, u| x.clone_from_slice(u))
            }
            reduction => self.slices(slices, x, indices, updates, |x, u| {
                for (x, u) in x.iter_mut().zip(u) {
                    x.combine(reduction, u);
                }
            }),
        }
    }

    /// Calls `write` with every slice that an index tuple stands for, and its update.
    #[inline(always)]
    fn slices<T, I: Index>(
        &self,
        ScatterSlices { axes, inner, n }: ScatterSlices<K>,
        x: &mut [T],
        indices: &[I],
        updates: &[T],
        write: impl Fn(&mut [T], &[T]),
    ) -> Result<()> {
        for i in 0..n {
            let (index, update) = (&indices[i * K..][..K], &updates[i * inner..][..inner]);
            let at = slice(&axes, index)? * inner;
            write(&mut x[at..][..inner], update);
        }
        Ok(())
    }
}
