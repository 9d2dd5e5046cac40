//! Running sums and products along one axis of `[outer, axis, inner]`.

use crate::axis::AlongAxis;
use crate::cpu::{Cpu, dispatch};
use crate::number::Number;
use crate::{Error, Result};

macro_rules! cumulative {
    ($(#[$doc:meta])* $layer:ident, $dynamic:ident, $start:ident, $combine:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $layer {
            /// Without the element itself: the first result is that of nothing.
            pub exclusive: bool,
            /// From the end backwards.
            pub reverse: bool,
        }

        impl $layer {
            /// Checks the parameters (there is nothing to check).
            #[must_use]
            pub const fn checked(self) -> Self {
                self
            }

            /// Writes y; `x` and `y` have the shape that `along` says.
            pub fn run<T: Number>(&self, cpu: Cpu, along: AlongAxis, x: &[T], y: &mut [T]) {
                let (exclusive, reverse) = (self.exclusive, self.reverse);
                dispatch!(cpu.level, _ => accumulate(along, exclusive, reverse, x, y, T::$start, T::$combine));
            }
        }

        /// The same along an axis that is known only when the model runs.
        #[derive(Debug, Clone, Copy)]
        pub struct $dynamic {
            /// Without the element itself: the first result is that of nothing.
            pub exclusive: bool,
            /// From the end backwards.
            pub reverse: bool,
        }

        impl $dynamic {
            /// Checks the parameters (there is nothing to check).
            #[must_use]
            pub const fn checked(self) -> Self {
                self
            }

            /// Writes y; `x` and `y` have the shape `shape`, `axis` one element (negative: from the last).
            ///
            /// # Errors
            /// [`Error::IndexOutOfRange`] if there is no such axis.
            pub fn run<T: Number, A: Copy + Into<i64>, const R: usize>(
                &self,
                cpu: Cpu,
                shape: [usize; R],
                x: &[T],
                axis: &[A],
                y: &mut [T],
            ) -> Result<()> {
                let [axis] = axis else {
                    return Err(Error::InputLength { name: "axis", expected: 1, actual: axis.len() });
                };
                let wanted: i64 = (*axis).into();
                let from_front = if wanted < 0 { wanted + R as i64 } else { wanted };
                let axis = usize::try_from(from_front).ok().filter(|&axis| axis < R);
                let axis = axis.ok_or(Error::IndexOutOfRange { index: wanted, size: R })?;
                let product = |part: &[usize]| part.iter().product::<usize>();
                let (outer, inner) = (product(&shape[..axis]), product(&shape[axis + 1..]));
                let along = AlongAxis { outer, axis: shape[axis], inner };
                let layer = $layer { exclusive: self.exclusive, reverse: self.reverse };
                layer.run(cpu, along, x, y);
                Ok(())
            }
        }
    };
}
cumulative! {
    /// y = the sum of x up to each place along the axis (ONNX `CumSum`).
    CumSum, DynamicCumSum, ZERO, plus
}
cumulative! {
    /// y = the product of x up to each place along the axis (ONNX `CumProd`).
    CumProd, DynamicCumProd, ONE, times
}

/// Row k of y is made of the row before it, which lacks that row's x if `exclusive`.
#[inline(always)]
fn accumulate<T: Number>(
    AlongAxis { axis, inner, .. }: AlongAxis,
    exclusive: bool,
    reverse: bool,
    x: &[T],
    y: &mut [T],
    start: T,
    combine: impl Fn(T, T) -> T,
) {
    let block = axis * inner;
    if block == 0 {
        return;
    }
    let at = |k: usize| if reverse { axis - 1 - k } else { k } * inner;
    for (x, y) in x.chunks_exact(block).zip(y.chunks_exact_mut(block)) {
        let first = at(0)..at(0) + inner;
        if exclusive {
            y[first].fill(start);
        } else {
            y[first.clone()].copy_from_slice(&x[first]);
        }
        for k in 1..axis {
            let (before, row) = (at(k - 1), at(k));
            let added = if exclusive { before } else { row };
            let (low, high) = y.split_at_mut(row.max(before));
            let (results, y) = if row > before {
                (&low[before..before + inner], &mut high[..inner])
            } else {
                (&high[..inner], &mut low[row..row + inner])
            };
            for ((y, &so_far), &x) in y.iter_mut().zip(results).zip(&x[added..added + inner]) {
                *y = combine(so_far, x);
            }
        }
    }
}
