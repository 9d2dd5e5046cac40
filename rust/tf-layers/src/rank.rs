//! Which elements along an axis are the greatest: `ArgMax`, `ArgMin` and `TopK` over `[outer, axis, inner]`.

use core::cmp::Ordering;

use crate::axis::AlongAxis;
use crate::cpu::{Cpu, dispatch};
use crate::number::Number;
use crate::{Error, Result, Scratch};

/// y `[outer, inner]` = the position of the greatest x along the axis of `[outer, axis, inner]` (ONNX `ArgMax`).
///
/// Of equals the first. NaN is never greater than what came before, as in onnxruntime.
#[derive(Debug, Clone, Copy)]
pub struct ArgMax {
    /// Of equals take the last.
    pub select_last_index: bool,
}

/// y `[outer, inner]` = the position of the least x along the axis of `[outer, axis, inner]` (ONNX `ArgMin`); see [`ArgMax`].
#[derive(Debug, Clone, Copy)]
pub struct ArgMin {
    /// Of equals take the last.
    pub select_last_index: bool,
}

macro_rules! positions {
    ($layer:ident, $better:tt, $as_good:tt) => {
        impl $layer {
            /// Checks the parameters (there is nothing to check).
            #[must_use]
            pub const fn checked(self) -> Self {
                self
            }

            /// Writes the positions.
            ///
            /// # Errors
            /// [`Error::Size`] if the axis is empty.
            pub fn run<T: Number>(&self, cpu: Cpu, along: AlongAxis, x: &[T], y: &mut [i64]) -> Result<()> {
                if along.axis == 0 && !y.is_empty() {
                    return Err(Error::Size { what: "axis to choose from", value: 0 });
                }
                dispatch!(cpu.level, _ => if self.select_last_index {
                    best(along, x, y, #[inline(always)] |x, best| x $as_good best)
                } else {
                    best(along, x, y, #[inline(always)] |x, best| x $better best)
                });
                Ok(())
            }
        }
    };
}
positions!(ArgMax, >, >=);
positions!(ArgMin, <, <=);

/// Columns that are walked together.
const BLOCK: usize = 64;

/// y = the last position whose x is better than the best before.
#[inline(always)]
fn best<T: Number>(
    AlongAxis { axis, inner, .. }: AlongAxis,
    x: &[T],
    y: &mut [i64],
    better: impl Fn(T, T) -> bool,
) {
    if axis * inner == 0 {
        return;
    }
    if inner == 1 {
        for (x, y) in x.chunks_exact(axis).zip(y) {
            let (mut at, mut best) = (0, x[0]);
            for (k, &x) in x.iter().enumerate().skip(1) {
                if better(x, best) {
                    (at, best) = (k, x);
                }
            }
            *y = at as i64;
        }
        return;
    }
    for (x, y) in x.chunks_exact(axis * inner).zip(y.chunks_exact_mut(inner)) {
        for (i, y) in y.chunks_mut(BLOCK).enumerate() {
            let mut best = [T::ZERO; BLOCK];
            let best = &mut best[..y.len()];
            best.copy_from_slice(&x[i * BLOCK..][..y.len()]);
            y.fill(0);
            for k in 1..axis {
                let row = &x[k * inner + i * BLOCK..][..y.len()];
                for ((y, best), &x) in y.iter_mut().zip(&mut *best).zip(row) {
                    if better(x, *best) {
                        (*y, *best) = (k as i64, x);
                    }
                }
            }
        }
    }
}

/// A tensor `[outer, axis, inner]`, and how many elements of its axis are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranked {
    /// What stands in front of the axis.
    pub outer: usize,
    /// The axis.
    pub axis: usize,
    /// What stands behind it.
    pub inner: usize,
    /// How many are kept.
    pub k: usize,
}

/// The k greatest (or least) x along the axis of `[outer, axis, inner]` and their positions, both `[outer, k, inner]` (ONNX
/// `TopK`). k may be known only when the model runs: then it is a symbol.
///
/// Sorted, best first; of equals the lower position first. NaN counts as greater than every number, as in numpy.
#[derive(Debug, Clone, Copy)]
pub struct TopK {
    /// The greatest, not the least.
    pub largest: bool,
}

impl TopK {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// Elements of scratch that a run needs: positions along the axis.
    #[must_use]
    pub const fn scratch_len(&self, ranked: Ranked) -> usize {
        ranked.axis
    }

    /// Writes the values and the positions of the best `k`.
    ///
    /// # Errors
    /// [`Error::Size`] if the axis has fewer than k elements, [`Error::Memory`] if there is none for the scratch.
    pub fn run<T: Number>(
        &self,
        _: Cpu,
        ranked: Ranked,
        x: &[T],
        values: &mut [T],
        positions: &mut [i64],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        let Ranked { axis, inner, k, .. } = ranked;
        if k > axis {
            return Err(Error::Size {
                what: "k of TopK, beyond its axis",
                value: k as i64,
            });
        }
        if k * inner == 0 {
            return Ok(());
        }
        // Positions as the bits of floats: the scratch that layers share holds those.
        let order: &mut [u32] =
            bytemuck::must_cast_slice_mut(scratch.fit(self.scratch_len(ranked))?);
        let results = values
            .chunks_exact_mut(k * inner)
            .zip(positions.chunks_exact_mut(k * inner));
        for (x, (values, positions)) in x.chunks_exact(axis * inner).zip(results) {
            for i in 0..inner {
                let at = |p: u32| x[p as usize * inner + i];
                let ordering = |&a: &u32, &b: &u32| {
                    let sizes = compare(at(a), at(b));
                    if self.largest { sizes.reverse() } else { sizes }.then(a.cmp(&b))
                };
                for (p, slot) in order.iter_mut().enumerate() {
                    *slot = p as u32;
                }
                if k < axis {
                    order.select_nth_unstable_by(k - 1, ordering);
                }
                order[..k].sort_unstable_by(ordering);
                for (r, &p) in order[..k].iter().enumerate() {
                    values[r * inner + i] = at(p);
                    positions[r * inner + i] = i64::from(p);
                }
            }
        }
        Ok(())
    }
}

/// A total order: NaN above all numbers, equal to itself.
#[inline(always)]
fn compare<T: Number>(a: T, b: T) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_not_a_number().cmp(&b.is_not_a_number()))
}
