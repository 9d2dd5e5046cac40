//! Running sums along one axis of `[outer, axis, inner]`.

use crate::cpu::{Cpu, dispatch};
use crate::number::Number;

/// y = the sum of x up to each place along the axis (ONNX `CumSum`).
#[derive(Debug, Clone, Copy)]
pub struct CumSum {
    /// Without the element itself: the first sum is 0.
    pub exclusive: bool,
    /// From the end backwards.
    pub reverse: bool,
}

impl CumSum {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = running sums of x; both have the shape `size`.
    pub fn run<T: Number>(&self, cpu: Cpu, size: [usize; 3], x: &[T], y: &mut [T]) {
        dispatch!(cpu.level, _ => self.run_at(size, x, y));
    }

    #[inline(always)]
    fn run_at<T: Number>(&self, [_, axis, inner]: [usize; 3], x: &[T], y: &mut [T]) {
        let block = axis * inner;
        if block == 0 {
            return;
        }
        for (x, y) in x.chunks_exact(block).zip(y.chunks_exact_mut(block)) {
            // Row k adds to the sums of the row before it, which are y's own (or, exclusive, lack that row's x).
            for k in 0..axis {
                let at = |k: usize| if self.reverse { axis - 1 - k } else { k } * inner;
                let row = at(k);
                if k == 0 {
                    if self.exclusive {
                        y[row..row + inner].fill(T::ZERO);
                    } else {
                        y[row..row + inner].copy_from_slice(&x[row..row + inner]);
                    }
                    continue;
                }
                let before = at(k - 1);
                let added = if self.exclusive { before } else { row };
                let (low, high) = y.split_at_mut(row.max(before));
                let (sums, y) = if row > before {
                    (&low[before..before + inner], &mut high[..inner])
                } else {
                    (&high[..inner], &mut low[row..row + inner])
                };
                for ((y, &sum), &x) in y.iter_mut().zip(sums).zip(&x[added..added + inner]) {
                    *y = sum.plus(x);
                }
            }
        }
    }
}
