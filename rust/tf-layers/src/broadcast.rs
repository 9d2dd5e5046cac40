//! Walking operands of different shapes that are broadcast against each other, as numpy does.

use crate::{Error, Result};

/// Most axes a broadcast may have, after those that behave alike have been merged.
pub const MAX_RANK: usize = 8;

/// One axis of all operands: how long, and how far each operand moves per step (0 where it is repeated).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis<const K: usize> {
    pub len: usize,
    pub steps: [usize; K],
}

/// A plan to walk `K` operands together: axes outermost first, neighbours that behave alike merged into one.
///
/// The innermost axis is apart: it is what kernels loop over, and there an operand moves by 1 or by 0.
#[derive(Debug, Clone, Copy)]
pub struct Walk<const K: usize> {
    pub(crate) inner: Axis<K>,
    outer: [Axis<K>; MAX_RANK],
    outer_len: usize,
    len: usize,
}

impl<const K: usize> Walk<K> {
    /// Plans for operands of these shapes and a result of `len` elements, if they fit.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if two operands differ along an axis and neither is 1 there, or if the result has another length: sizes
    /// known only at run time are broadcast the other way than the model's conversion assumed.
    pub fn fitting<const R: usize>(shapes: [&[usize; R]; K], len: usize) -> Result<Self> {
        for axis in (0..R).rev() {
            let mut sizes = shapes.iter().map(|shape| shape[axis]).filter(|&n| n != 1);
            let left = sizes.next().unwrap_or(1);
            if let Some(right) = sizes.find(|&n| n != left) {
                let what = "broadcast";
                return Err(Error::SizeMismatch { what, left, right });
            }
        }
        let walk = Self::new(shapes);
        if walk.len == len {
            Ok(walk)
        } else {
            Err(Error::SizeMismatch {
                what: "broadcast result",
                left: walk.len,
                right: len,
            })
        }
    }

    /// Plans for operands of shapes that are known to fit: of equal rank, an axis is as long in all of them, or 1.
    pub fn new<const R: usize>(shapes: [&[usize; R]; K]) -> Self {
        const { assert!(R <= MAX_RANK, "broadcast: rank") };
        let none = Axis {
            len: 1,
            steps: [0; K],
        };
        let mut axes = [none; MAX_RANK];
        let (mut count, mut len, mut size) = (0, 1, [1; K]);
        // From the innermost axis outwards.
        for axis in (0..R).rev() {
            let longest = shapes
                .iter()
                .map(|shape| shape[axis])
                .find(|&n| n != 1)
                .unwrap_or(1);
            if longest == 1 {
                continue;
            }
            let mut steps = [0; K];
            for ((shape, step), size) in shapes.iter().zip(&mut steps).zip(&mut size) {
                if shape[axis] == longest {
                    *step = *size;
                    *size *= longest;
                }
            }
            len *= longest;
            let last = &mut axes[count.max(1) - 1];
            let continues = steps
                .iter()
                .zip(&last.steps)
                .all(|(&step, &inner)| step == inner * last.len);
            if count > 0 && continues {
                last.len *= longest;
            } else {
                axes[count] = Axis {
                    len: longest,
                    steps,
                };
                count += 1;
            }
        }
        let inner = axes[0];
        let outer_len = count.max(1) - 1;
        axes[..=outer_len].reverse();
        Self {
            inner,
            outer: axes,
            outer_len,
            len,
        }
    }

    /// Calls `f` with the operands' positions and the result's, once for every row along the inner axis.
    #[inline(always)]
    pub(crate) fn rows(&self, mut f: impl FnMut([usize; K], usize)) {
        if self.len == 0 {
            return;
        }
        let outer = &self.outer[..self.outer_len];
        let (mut at, mut count) = ([0; K], [0usize; MAX_RANK]);
        let mut y = 0;
        loop {
            f(at, y);
            y += self.inner.len;
            if y >= self.len {
                return;
            }
            // Like an odometer, from the last wheel.
            for (axis, count) in outer.iter().zip(&mut count).rev() {
                *count += 1;
                for (at, step) in at.iter_mut().zip(axis.steps) {
                    *at += step;
                }
                if *count < axis.len {
                    break;
                }
                *count = 0;
                for (at, step) in at.iter_mut().zip(axis.steps) {
                    *at -= step * axis.len;
                }
            }
        }
    }
}
