//! The end of a tile: the bias, the addend, the limits, and the way to y.
//!
//! The bias comes after the sum: batch normalisation folded into a convolution makes biases that are larger than the
//! products, and a sum that begins with one is rounded at its size k times (MobileNet-like blocks: 3–8 × the error).

use super::multiply::{Vector, add};
use super::{Addend, Job, Place};
use crate::cpu::{Simd, at_level, prelude::*};
use crate::pack::PANEL;

/// Columns of the widest tile.
const WIDTH: usize = 2 * PANEL;

/// A row of sums in memory.
pub(super) type Row = [f32; WIDTH];

/// What is added to each row: `columns` values of the bias from `start` on, zeros beyond them, or only zeros.
#[inline(always)]
pub(super) fn bias<S: Simd, F: Vector<S>, const N: usize>(
    s: S,
    job: &Job,
    start: usize,
    columns: usize,
) -> [F; N] {
    let mut bias = [F::splat(s, 0.0); N];
    if let Some(values) = job.bias {
        let mut padded = [0.0; WIDTH];
        let values = &values[start..start + columns];
        let values = if columns == N * F::LEN {
            values
        } else {
            padded[..columns].copy_from_slice(values);
            &padded[..N * F::LEN]
        };
        let mut n = 0;
        while n < N {
            bias[n] = F::from_slice(s, &values[n * F::LEN..][..F::LEN]);
            n += 1;
        }
    }
    bias
}

/// The end of a row of a tile: adds, clamps, and writes it to y from `begin` on.
#[inline(always)]
pub(super) fn whole<S: Simd, F: Vector<S>, const N: usize>(
    s: S,
    job: &Job,
    mut sums: [F; N],
    bias: &[F; N],
    begin: usize,
    (low, high): (F, F),
    y: &mut [f32],
) {
    let width = N * F::LEN;
    let y = &mut y[begin..][..width];
    add(&mut sums, bias);
    let addend = match job.addend {
        Addend::Nothing => None,
        Addend::Slice(values) => Some(&values[begin..][..width]),
        Addend::Output => Some(&*y),
    };
    if let Some(addend) = addend {
        let mut n = 0;
        while n < N {
            sums[n] += F::from_slice(s, &addend[n * F::LEN..][..F::LEN]);
            n += 1;
        }
    }
    let mut n = 0;
    while n < N {
        clamp::<S, F>(low, high, sums[n]).store_slice(&mut y[n * F::LEN..][..F::LEN]);
        n += 1;
    }
}

/// min(max(value, low), high), limits first: NaN stays NaN.
#[inline(always)]
pub(super) fn clamp<S: Simd, F: Vector<S>>(low: F, high: F, value: F) -> F {
    high.min(low.max(value))
}

/// The end of rows of which y has fewer columns than the tile, `columns` from `start` on; the sums with their bias are in memory.
///
/// One for all tiles of a level: only the last columns come here.
#[inline(never)]
pub(super) fn part<S: Simd>(
    s: S,
    job: &Job,
    rows: &mut [Row],
    places: &[Place],
    start: usize,
    columns: usize,
    y: &mut [f32],
) {
    at_level(
        s,
        #[inline(always)]
        || {
            let (low, high) = job.limits;
            let (low, high) = (S::f32s::splat(s, low), S::f32s::splat(s, high));
            for (sums, place) in rows.iter_mut().zip(places) {
                let begin = place.y + start;
                let y = &mut y[begin..][..columns];
                let mut addend = [0.0; WIDTH];
                match job.addend {
                    Addend::Nothing => {}
                    Addend::Slice(values) => copy(&values[begin..][..columns], &mut addend),
                    Addend::Output => copy(y, &mut addend),
                }
                let mut vectors = sums.chunks_exact_mut(S::f32s::LEN);
                for addend in addend.chunks_exact(S::f32s::LEN) {
                    let Some(sums) = vectors.next() else { break };
                    let sum = S::f32s::from_slice(s, sums) + S::f32s::from_slice(s, addend);
                    clamp::<S, S::f32s>(low, high, sum).store_slice(sums);
                }
                copy(&sums[..columns], y);
            }
        },
    );
}

/// Copies `from`, shorter than a tile is wide, by constant lengths: a call of memcpy takes longer.
#[inline(always)]
fn copy(from: &[f32], to: &mut [f32]) {
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
