//! The end of a tile: the bias, the addend, the limits, and the way to y.
//!
//! The bias comes after the sum: batch normalisation folded into a convolution makes biases that are larger than the
//! products, and a sum that begins with one is rounded at its size k times (MobileNet-like blocks: 3–8 × the error).
#![allow(
    clippy::needless_range_loop,
    reason = "constant indices into small arrays keep sums in registers; iterators do not always"
)]

use core::ops::Range;

use super::multiply::Vector;
use super::{Addend, Job};
use crate::cpu::Simd;
use crate::pack::PANEL;

/// What is added to each row: `columns` values of the bias from `start` on, zeros beyond them, or only zeros.
#[inline(always)]
pub(super) fn bias<S: Simd, F: Vector<S>, const P: usize, const V: usize>(
    s: S,
    job: &Job,
    start: usize,
    columns: usize,
) -> [[F; V]; P] {
    let width = P * V * F::LEN;
    let mut bias = [[F::splat(s, 0.0); V]; P];
    if let Some(values) = job.bias {
        let mut padded = [[0.0; PANEL]; P];
        let values = if columns == width {
            &values[start..start + width]
        } else {
            let some = &mut padded.as_flattened_mut()[..columns];
            some.copy_from_slice(&values[start..start + columns]);
            &padded.as_flattened()[..width]
        };
        for p in 0..P {
            for v in 0..V {
                bias[p][v] = F::from_slice(s, &values[p * PANEL + v * F::LEN..][..F::LEN]);
            }
        }
    }
    bias
}

/// The end of a row of a tile: adds, clamps, and writes it to y from `begin` on.
#[inline(always)]
pub(super) fn whole<S: Simd, F: Vector<S>, const P: usize, const V: usize>(
    s: S,
    job: &Job,
    mut sums: [[F; V]; P],
    bias: [[F; V]; P],
    begin: usize,
    (low, high): (F, F),
    y: &mut [f32],
) {
    let width = P * V * F::LEN;
    let y = &mut y[begin..][..width];
    add(&mut sums, &bias);
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

#[inline(always)]
fn add<S: Simd, F: Vector<S>, const P: usize, const V: usize>(
    sums: &mut [[F; V]; P],
    bias: &[[F; V]; P],
) {
    for p in 0..P {
        for v in 0..V {
            sums[p][v] += bias[p][v];
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
    bias: [[F; V]; P],
    columns: Range<usize>,
    (low, high): (F, F),
    y: &mut [f32],
) {
    let mut values = [[0.0; PANEL]; P];
    let values = &mut values.as_flattened_mut()[..P * V * F::LEN];
    let y = &mut y[columns.clone()];
    add(&mut sums, &bias);
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
