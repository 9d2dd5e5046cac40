//! Tensors that are made from nothing but parameters: ranges, diagonals.

use crate::cpu::Cpu;
use crate::error::{Error, Result};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::slot::{scalar, size};

/// Element types of [`Range`].
pub trait RangeElement: Copy {
    /// Number of elements of `start, start + delta, …` before `limit`, as the specification computes it:
    /// `max(⌈(limit − start) / delta⌉, 0)`; `None` if `delta` is 0 or there is no such number.
    fn count(start: Self, limit: Self, delta: Self) -> Option<i64>;
    /// start + i · delta
    #[must_use]
    fn at(start: Self, i: usize, delta: Self) -> Self;
}

macro_rules! range_integers {
    ($($t:ty),*) => {$(
        impl RangeElement for $t {
            fn count(start: Self, limit: Self, delta: Self) -> Option<i64> {
                let (span, delta) = (i128::from(limit) - i128::from(start), i128::from(delta));
                if delta == 0 {
                    return None;
                }
                // Rounds away from zero where a step goes beyond the limit.
                let steps = span / delta + i128::from(span % delta != 0 && (span < 0) == (delta < 0));
                Some(i64::try_from(steps.max(0)).unwrap_or(i64::MAX))
            }

            #[inline(always)]
            fn at(start: Self, i: usize, delta: Self) -> Self {
                start.wrapping_add((i as $t).wrapping_mul(delta))
            }
        }
    )*};
}
range_integers!(i16, i32, i64);

macro_rules! range_floats {
    ($($t:ty),*) => {$(
        impl RangeElement for $t {
            fn count(start: Self, limit: Self, delta: Self) -> Option<i64> {
                let steps = ((f64::from(limit) - f64::from(start)) / f64::from(delta)).ceil();
                // The bound keeps bytes countable; NaN (delta 0, infinite ends) fails every comparison.
                (steps < (1u64 << 48) as f64).then_some(steps.max(0.0) as i64)
            }

            #[inline(always)]
            fn at(start: Self, i: usize, delta: Self) -> Self {
                start + i as $t * delta
            }
        }
    )*};
}
range_floats!(f32, f64);

/// y\[i\] = start + i · delta; ONNX `Range`. Start, limit and delta are tensors of one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range;

impl Range {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// Number of elements: `max(⌈(limit − start) / delta⌉, 0)`.
    ///
    /// # Errors
    /// If delta is 0 or the number is not finite, or beyond 2³¹.
    pub fn sizes<T: RangeElement>(
        &self,
        _cpu: Cpu,
        start: &[T],
        limit: &[T],
        delta: &[T],
    ) -> Result<[usize; 1]> {
        let count = T::count(
            scalar("start", start)?,
            scalar("limit", limit)?,
            scalar("delta", delta)?,
        );
        let count = count.ok_or(Error::Size {
            what: "step of a range",
            value: 0,
        })?;
        Ok([size("elements of a range", count)?])
    }

    /// y\[i\] = start + i · delta
    ///
    /// # Errors
    /// If start or delta is not one element.
    pub fn run<T: RangeElement>(
        &self,
        _cpu: Cpu,
        start: &[T],
        _limit: &[T],
        delta: &[T],
        y: &mut [T],
    ) -> Result<()> {
        let (start, delta) = (scalar("start", start)?, scalar("delta", delta)?);
        for (i, y) in y.iter_mut().enumerate() {
            *y = T::at(start, i, delta);
        }
        Ok(())
    }
}

/// y = `one` on a diagonal, zero elsewhere; ONNX `EyeLike`. y `[rows, columns]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EyeLike<T> {
    /// The diagonal: 0 is the main one, positive ones lie above.
    pub k: i64,
    /// One, in the element type.
    pub one: T,
}

impl<T: Copy + Default> EyeLike<T> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y\[r, r + k\] = one
    pub fn run(&self, _cpu: Cpu, [rows, columns]: [usize; 2], y: &mut [T]) {
        y.fill(T::default());
        for r in 0..rows {
            if let Some(c) = (r as i64)
                .checked_add(self.k)
                .and_then(|c| usize::try_from(c).ok())
                && c < columns
            {
                y[r * columns + c] = self.one;
            }
        }
    }
}
