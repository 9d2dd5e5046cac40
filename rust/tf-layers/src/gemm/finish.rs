//! The end of a tile: the bias, the addend, the limits, and the way to y.
//!
//! The bias comes after the sum: batch normalisation folded into a convolution makes biases that are larger than the
//! products, and a sum that begins with one is rounded at its size k times (MobileNet-like blocks: 3–8 × the error).

use super::multiply::{Sums, add};
use super::operand::{At, Lanes, Operand};
use super::{Addend, Job, Place};
use crate::cpu::{Simd, at_level};
use crate::pack::PANEL;

/// Columns of the widest tile.
const WIDTH: usize = 2 * PANEL;

/// A row of sums in memory.
type Row<T> = [T; WIDTH];

/// The end of a tile: its rows but the first `skip`, from column `start` on, with what is added to them.
#[inline(always)]
pub(super) fn rows<S: Simd, W: At<S>, F: Lanes<S, W>, const R: usize, const N: usize>(
    s: S,
    job: &Job<W>,
    mut sums: Sums<F, R, N>,
    places: &[Place; R],
    skip: usize,
    start: usize,
    y: &mut [W::Sum],
) {
    let width = N * F::LANES;
    let columns = (job.columns - start).min(width);
    let bias = bias::<S, W, F, N>(s, job, start, columns);
    let limits = (F::all(s, job.limits.0), F::all(s, job.limits.1));
    /// Row by row, each with a constant index: a loop over the rows would be unrolled too late, and all sums would go through the
    /// stack between the segments.
    macro_rules! each_row {
        (|$r:ident| $row:expr; $($index:literal)*) => {
            $(if const { $index < R } {
                const $r: usize = $index;
                $row;
            })*
        };
    }
    if columns == width && skip == 0 {
        each_row!(|ROW| whole::<S, W, F, N>(s, job, sums[ROW], &bias, places[ROW].y + start, limits, y); 0 1 2 3 4 5 6 7);
        return;
    }
    let mut rows: [Row<W::Sum>; R] = [[W::Sum::default(); WIDTH]; R];
    each_row!(|ROW| {
        add::<S, W, F, N>(&mut sums[ROW], &bias);
        let mut n = 0;
        while n < N {
            sums[ROW][n].store(&mut rows[ROW][n * F::LANES..]);
            n += 1;
        }
    }; 0 1 2 3 4 5 6 7);
    part(
        s,
        job,
        &mut rows[skip..],
        &places[skip..],
        start,
        columns,
        y,
    );
}

/// What is added to each row: `columns` values of the bias from `start` on, zeros beyond them, or only zeros.
#[inline(always)]
fn bias<S: Simd, W: Operand, F: Lanes<S, W>, const N: usize>(
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
fn whole<S: Simd, W: Operand, F: Lanes<S, W>, const N: usize>(
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

/// The end of rows of which y has fewer columns than the tile, or of some of its rows, `columns` from `start` on; the sums with their bias are in memory.
///
/// One for all tiles of a level: only the last columns come here.
#[inline(never)]
fn part<S: Simd, W: At<S>>(
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

/// Copies `from`, at most as long as a tile is wide, by constant lengths: a call of memcpy takes longer.
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
    copy!(32 16 8 4 2);
    if let (Some(to), Some(from)) = (to.get_mut(at), from.get(at)) {
        *to = *from;
    }
}
