//! The end of a tile: bias is in the sums; the addend, the limits and the way to y are here.
#![allow(
    clippy::needless_range_loop,
    reason = "constant indices into small arrays keep sums in registers; iterators do not always"
)]

use core::ops::Range;

use super::multiply::Vector;
use super::{Addend, Job};
use crate::cpu::Simd;
use crate::pack::PANEL;

/// The end of a row of a tile: adds, clamps, and writes it to y from `begin` on.
#[inline(always)]
pub(super) fn whole<S: Simd, F: Vector<S>, const P: usize, const V: usize>(
    s: S,
    job: &Job,
    mut sums: [[F; V]; P],
    begin: usize,
    (low, high): (F, F),
    y: &mut [f32],
) {
    let width = P * V * F::LEN;
    let y = &mut y[begin..][..width];
    match job.addend {
        Addend::Nothing => {}
        Addend::Slice(values) => add_slice(s, &mut sums, &values[begin..][..width]),
        Addend::Output => add_slice(s, &mut sums, y),
    }
    for p in 0..P {
        for v in 0..V {
            let y = &mut y[(p * V + v) * F::LEN..][..F::LEN];
            clamp::<S, F>(low, high, sums[p][v]).store_slice(y);
        }
    }
}

/// Adds a row of y's width to a row of sums.
#[inline(always)]
fn add_slice<S: Simd, F: Vector<S>, const P: usize, const V: usize>(
    s: S,
    sums: &mut [[F; V]; P],
    values: &[f32],
) {
    for p in 0..P {
        for v in 0..V {
            sums[p][v] += F::from_slice(s, &values[(p * V + v) * F::LEN..][..F::LEN]);
        }
    }
}

/// min(max(value, low), high), limits first: NaN stays NaN.
#[inline(always)]
pub(super) fn clamp<S: Simd, F: Vector<S>>(low: F, high: F, value: F) -> F {
    high.min(low.max(value))
}

/// [`whole`] where y has fewer columns than the tile.
#[inline(always)]
pub(super) fn part<S: Simd, F: Vector<S>, const P: usize, const V: usize>(
    s: S,
    job: &Job,
    mut sums: [[F; V]; P],
    columns: Range<usize>,
    (low, high): (F, F),
    y: &mut [f32],
) {
    let mut values = [[0.0; PANEL]; P];
    let values = &mut values.as_flattened_mut()[..P * V * F::LEN];
    let y = &mut y[columns.clone()];
    match job.addend {
        Addend::Nothing => {}
        Addend::Slice(addend) => values[..y.len()].copy_from_slice(&addend[columns]),
        Addend::Output => values[..y.len()].copy_from_slice(y),
    }
    add_slice(s, &mut sums, values);
    for p in 0..P {
        for v in 0..V {
            let value = &mut values[(p * V + v) * F::LEN..][..F::LEN];
            clamp::<S, F>(low, high, sums[p][v]).store_slice(value);
        }
    }
    // One column is common, and a call of memcpy is long.
    if let [y] = y {
        *y = values[0];
    } else {
        y.copy_from_slice(&values[..y.len()]);
    }
}
