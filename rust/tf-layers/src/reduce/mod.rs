//! Reductions over any set of axes.

mod rows;
mod vector;

use crate::cpu::Cpu;
use crate::number::Number;
use crate::{Error, Result};

/// What a reduction makes of its elements; n is their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reduction {
    /// Σx
    Sum,
    /// Σx / n
    Mean,
    /// max x; NaN if any is.
    Max,
    /// min x; NaN if any is.
    Min,
    /// Πx
    Prod,
    /// Σx²
    SumSquare,
    /// Σ|x|
    L1,
    /// √Σx²
    L2,
    /// ln Σx
    LogSum,
    /// ln Σeˣ, with the greatest x taken out first.
    LogSumExp,
}

/// y = a reduction of x over some of its axes (ONNX `ReduceSum` and its sisters).
///
/// y keeps the other axes, in order. Floats are added up in blocks whose sums are added in f64; integers wrap around. A
/// reduction of nothing is its identity (0 for sums, 1 for products, −∞ or the least integer for the maximum).
#[derive(Debug, Clone, Copy)]
pub struct Reduce<const R: usize> {
    /// What is calculated.
    pub reduction: Reduction,
    /// Which axes are reduced, outermost first.
    pub axes: [bool; R],
}

impl<const R: usize> Reduce<R> {
    /// Checks the rank.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(R <= MAX_RANK, "Reduce: rank");
        self
    }

    /// y = reduction of x `shape` over the axes.
    pub fn run<T: Reducible>(&self, cpu: Cpu, shape: [usize; R], x: &[T], y: &mut [T]) {
        T::reduce(cpu, self.reduction, &Plan::new(shape, self.axes), x, y);
    }
}

/// Most axes, after neighbours that are both reduced or both kept have been merged.
const MAX_RANK: usize = 8;

/// Axes to walk, outermost first: (length, step).
#[derive(Debug, Clone, Copy)]
struct Axes {
    axes: [(usize, usize); MAX_RANK],
    len: usize,
}

impl Axes {
    const NONE: Self = Axes {
        axes: [(1, 0); MAX_RANK],
        len: 0,
    };

    /// Calls `f` with every position, the last axis fastest.
    #[inline(always)]
    fn positions(&self, mut f: impl FnMut(usize)) {
        let axes = &self.axes[..self.len];
        let mut count = [0; MAX_RANK];
        let mut left: usize = axes.iter().map(|axis| axis.0).product();
        let mut at = 0;
        while left > 0 {
            f(at);
            left -= 1;
            for ((len, step), count) in axes.iter().zip(&mut count).rev() {
                *count += 1;
                at += step;
                if *count < *len {
                    break;
                }
                *count = 0;
                at -= step * len;
            }
        }
    }
}

/// How to walk a reduction: the innermost axis (reduced or kept) is apart, it is what kernels loop over.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    kept: Axes,
    reduced: Axes,
    /// Length of the innermost axis.
    inner: usize,
    inner_reduced: bool,
    /// Elements that make one of the result.
    count: usize,
}

impl Plan {
    fn new<const R: usize>(shape: [usize; R], reduce: [bool; R]) -> Self {
        let mut plan = Plan {
            kept: Axes::NONE,
            reduced: Axes::NONE,
            inner: 1,
            inner_reduced: true,
            count: 1,
        };
        let (mut step, mut last) = (1, None);
        // From the innermost axis outwards.
        for (&len, &reduce) in shape.iter().zip(&reduce).rev() {
            if len == 1 {
                continue;
            }
            if reduce {
                plan.count *= len;
            }
            let side = if reduce {
                &mut plan.reduced
            } else {
                &mut plan.kept
            };
            match last {
                // The innermost: its own loop.
                None => (plan.inner, plan.inner_reduced) = (len, reduce),
                Some((before, true)) if before == reduce => plan.inner *= len,
                Some((before, false)) if before == reduce => side.axes[side.len - 1].0 *= len,
                _ => {
                    side.axes[side.len] = (len, step);
                    side.len += 1;
                }
            }
            let is_inner =
                last.is_none() || matches!(last, Some((before, true)) if before == reduce);
            last = Some((reduce, is_inner));
            step *= len;
        }
        for side in [&mut plan.kept, &mut plan.reduced] {
            side.axes[..side.len].reverse();
        }
        plan
    }
}

/// Elements that can be reduced: every [`Number`]. f32 has vector kernels, compiled in this crate; for other types the
/// default loops are compiled where a model uses them.
pub trait Reducible: Number {
    /// What elements are added up in.
    type Total: Number;
    /// As a total of one.
    fn total(self) -> Self::Total;
    /// Rounded to an element.
    fn from_total(total: Self::Total) -> Self;
    #[doc(hidden)]
    fn reduce(cpu: Cpu, reduction: Reduction, plan: &Plan, x: &[Self], y: &mut [Self]) {
        rows::reduce(cpu, reduction, plan, x, y);
    }
}

impl Reducible for f32 {
    type Total = f64;
    #[inline(always)]
    fn total(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn from_total(total: f64) -> f32 {
        total as f32
    }
    fn reduce(cpu: Cpu, reduction: Reduction, plan: &Plan, x: &[Self], y: &mut [Self]) {
        vector::reduce(cpu, reduction, plan, x, y);
    }
}

macro_rules! floats_in_f64 {
    ($($t:ty)*) => {$(
        impl Reducible for $t {
            type Total = f64;
            #[inline(always)]
            fn total(self) -> f64 {
                self.to_f64()
            }
            #[inline(always)]
            fn from_total(total: f64) -> Self {
                Self::from_f64(total)
            }
        }
    )*};
}
floats_in_f64!(f64 crate::F16 crate::Bf16);

macro_rules! integers_as_they_are {
    ($($t:ty)*) => {$(
        impl Reducible for $t {
            type Total = $t;
            #[inline(always)]
            fn total(self) -> $t {
                self
            }
            #[inline(always)]
            fn from_total(total: $t) -> Self {
                total
            }
        }
    )*};
}
integers_as_they_are!(u8 u16 u32 u64 i8 i16 i32 i64);

/// [`Reduce`] over axes that are only known while the model runs.
#[derive(Debug, Clone, Copy)]
pub struct DynamicReduce {
    /// What is calculated.
    pub reduction: Reduction,
    /// Whether reduced axes stay, with size 1.
    pub keep: bool,
    /// Whether no axes means none; else it means all.
    pub none_is_none: bool,
}

impl DynamicReduce {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// Shape of y for x `shape`.
    ///
    /// # Errors
    /// If an axis does not exist, or another number of axes stays than N.
    pub fn sizes<const R: usize, const N: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        axes: &[i64],
    ) -> Result<[usize; N]> {
        let mask = self.mask::<R>(axes)?;
        let mut sizes = [1; N];
        let mut count = 0;
        for (size, reduced) in shape.into_iter().zip(mask) {
            if reduced && !self.keep {
                continue;
            }
            if let Some(out) = sizes.get_mut(count) {
                *out = if reduced { 1 } else { size };
            }
            count += 1;
        }
        if count == N {
            Ok(sizes)
        } else {
            Err(Error::SizeMismatch {
                what: "axes that a reduction keeps",
                left: count,
                right: N,
            })
        }
    }

    /// y = x reduced over `axes`.
    ///
    /// # Errors
    /// If an axis does not exist.
    pub fn run<T: Reducible, const R: usize>(
        &self,
        cpu: Cpu,
        shape: [usize; R],
        x: &[T],
        axes: &[i64],
        y: &mut [T],
    ) -> Result<()> {
        let mask = self.mask::<R>(axes)?;
        T::reduce(cpu, self.reduction, &Plan::new(shape, mask), x, y);
        Ok(())
    }

    fn mask<const R: usize>(&self, axes: &[i64]) -> Result<[bool; R]> {
        let mut mask = [axes.is_empty() && !self.none_is_none; R];
        for &axis in axes {
            let index = if axis < 0 { axis + R as i64 } else { axis };
            let marked = usize::try_from(index).ok().and_then(|k| mask.get_mut(k));
            *marked.ok_or(Error::IndexOutOfRange {
                index: axis,
                size: R,
            })? = true;
        }
        Ok(mask)
    }
}
