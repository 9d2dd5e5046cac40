//! The end of a tile: the bias, the addend, the limits, and the way to y.
//!
//! The bias comes after the sum: batch normalisation folded into a convolution makes biases that are larger than the
//! products, and a sum that begins with one is rounded at its size k times (MobileNet-like blocks: 3–8 × the error).

use super::multiply::add;
use super::operand::{At, Lanes, Operand};
use super::{Addend, Job, Place};
use crate::cpu::{Simd, at_level};
use crate::pack::PANEL;

/// Columns of the widest tile.
pub(super) const WIDTH: usize = 2 * PANEL;

/// A row of sums in memory.
pub(super) type Row<T> = [T; WIDTH];

/// What is added to each row: `columns` values of the bias from `start` on, zeros beyond them, or only zeros.
#[inline(always)]
pub(super) fn bias<S: Simd, W: Operand, F: Lanes<S, W>, const N: usize>(
    s: S,
    job: &Job<W>,
    start: usize,
    columns: usize,
) -> [F; N] {
    let mut bias = [F::all(s, W::Sum::default()); N];
    if let Some(values) = job.bias {
        let mut padded = [W::Sum::default(); WIDTH];
        let values = &values[start..start + columns];
        let values = if columns == N * F::LANES {
            values
        } else {
            padded[..columns].copy_from_slice(values);
            &padded[..N * F::LANES]
        };
        let mut n = 0;
        while n < N {
            bias[n] = F::load(s, &values[n * F::LANES..]);
            n += 1;
        }
    }
    bias
}

/// The end of a row of a tile: adds, clamps, and writes it to y from `begin` on.
#[inline(always)]
pub(super) fn whole<S: Simd, W: Operand, F: Lanes<S, W>, const N: usize>(
    s: S,
    job: &Job<W>,
    mut sums: [F; N],
    bias: &[F; N],
    begin: usize,
    (low, high): (F, F),
    y: &mut [W::Sum],
) {
    let width = N * F::LANES;
    let y = &mut y[begin..][..width];
    add::<S, W, F, N>(&mut sums, bias);
    let addend = match job.addend {
        Addend::Nothing => None,
        Addend::Slice(values) => Some(&values[begin..][..width]),
        Addend::Output => Some(&*y),
    };
    if let Some(addend) = addend {
        let mut n = 0;
        while n < N {
            sums[n] = sums[n].plus(F::load(s, &addend[n * F::LANES..]));
            n += 1;
        }
    }
    let mut n = 0;
    while n < N {
        sums[n].clamp(low, high).store(&mut y[n * F::LANES..]);
        n += 1;
    }
}

/// The end of rows of which y has fewer columns than the tile, `columns` from `start` on; the sums with their bias are in memory.
///
/// One for all tiles of a level: only the last columns come here.
#[inline(never)]
pub(super) fn part<S: Simd, W: At<S>>(
    s: S,
    job: &Job<W>,
    rows: &mut [Row<W::Sum>],
    places: &[Place],
    start: usize,
    columns: usize,
    y: &mut [W::Sum],
) {
    at_level(
        s,
        #[inline(always)]
        || {
            let (low, high) = job.limits;
            let (low, high) = (W::Whole::all(s, low), W::Whole::all(s, high));
            for (sums, place) in rows.iter_mut().zip(places) {
                let begin = place.y + start;
                let y = &mut y[begin..][..columns];
                let mut addend = [W::Sum::default(); WIDTH];
                match job.addend {
                    Addend::Nothing => {}
                    Addend::Slice(values) => copy(&values[begin..][..columns], &mut addend),
                    Addend::Output => copy(y, &mut addend),
                }
                let mut vectors = sums.chunks_exact_mut(W::Whole::LANES);
                for addend in addend.chunks_exact(W::Whole::LANES) {
                    let Some(sums) = vectors.next() else { break };
                    let sum = W::Whole::load(s, sums).plus(W::Whole::load(s, addend));
                    sum.clamp(low, high).store(sums);
                }
                copy(&sums[..columns], y);
            }
        },
    );
}

/// Copies `from`, shorter than a tile is wide, by constant lengths: a call of memcpy takes longer.
#[inline(always)]
fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    let to = &mut to[..from.len()];
    let mut at = 0;
    macro_rules! copy {
        ($($n:literal)*) => {
            $(if from.len() & $n != 0 {
                to[at..at + $n].copy_from_slice(&from[at..at + $n]);
                at += $n;
            })*
        };
    }
    copy!(16 8 4 2);
    if let (Some(to), Some(from)) = (to.get_mut(at), from.get(at)) {
        *to = *from;
    }
}
