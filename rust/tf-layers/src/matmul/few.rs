//! Products with few rows: b is read once, where it lies.
#![allow(
    clippy::needless_range_loop,
    reason = "constant indices into small arrays keep sums in registers; iterators do not always"
)]

use super::Operand;
use crate::cpu::{Simd, at_level, prelude::*};

/// Columns of y at a time, where they are neighbours in b: in vectors.
const COLUMNS: usize = 4;
/// Longest sum kept in one accumulator (as in the product kernel).
const MAX_BLOCK: usize = 768;

/// y = alpha · a · b; the rows of a are runs, and so are b's rows or its columns.
#[inline(always)]
pub(super) fn matrix<S: Simd>(
    s: S,
    [m, k, n]: [usize; 3],
    a: Operand,
    b: Operand,
    alpha: f32,
    y: &mut [f32],
) {
    for (i, y) in y.chunks_exact_mut(n).enumerate().take(m) {
        let a = &a.data[i * a.steps[0]..][..k];
        if b.steps[1] == 1 {
            at_level(
                s,
                #[inline(always)]
                || across(s, a, b.data, b.steps[0], alpha, y),
            );
        } else {
            at_level(
                s,
                #[inline(always)]
                || down(s, a, b, alpha, y),
            );
        }
    }
}

/// One row of y, where the rows of b are runs of memory: a few vectors of columns at a time, down all of b.
#[inline(always)]
fn across<S: Simd>(s: S, a: &[f32], b: &[f32], step: usize, alpha: f32, y: &mut [f32]) {
    let lanes = S::f32s::LEN;
    let n = y.len();
    for (c, y) in y.chunks_mut(COLUMNS * lanes).enumerate() {
        let start = c * COLUMNS * lanes;
        if y.len() == COLUMNS * lanes {
            let mut total = [S::f32s::splat(s, 0.0); COLUMNS];
            for (part, a) in a.chunks(MAX_BLOCK).enumerate() {
                let mut sums = [S::f32s::splat(s, 0.0); COLUMNS];
                let mut at = part * MAX_BLOCK * step + start;
                for a in a {
                    let row = &b[at..at + COLUMNS * lanes];
                    for v in 0..COLUMNS {
                        let row = S::f32s::from_slice(s, &row[v * lanes..(v + 1) * lanes]);
                        sums[v] = row.mul_add(*a, sums[v]);
                    }
                    at += step;
                }
                for (total, sum) in total.iter_mut().zip(sums) {
                    *total += sum;
                }
            }
            for (y, total) in y.chunks_exact_mut(lanes).zip(total) {
                (total * alpha).store_slice(y);
            }
        } else {
            y.fill(0.0);
            for (i, a) in a.iter().enumerate() {
                for (y, b) in y.iter_mut().zip(&b[i * step + start..i * step + n]) {
                    *y += a * b;
                }
            }
            for y in y {
                *y *= alpha;
            }
        }
    }
}

/// One row of y, where the columns of b are runs of memory: a scalar product each, four at a time.
#[inline(always)]
fn down<S: Simd>(s: S, a: &[f32], b: Operand, alpha: f32, y: &mut [f32]) {
    const TOGETHER: usize = 4;
    let k = a.len();
    for (c, y) in y.chunks_mut(TOGETHER).enumerate() {
        let mut columns: [&[f32]; TOGETHER] = [a; TOGETHER];
        for (j, column) in columns.iter_mut().enumerate().take(y.len()) {
            *column = &b.data[(c * TOGETHER + j) * b.steps[1]..][..k];
        }
        let mut sums = [S::f32s::splat(s, 0.0); TOGETHER];
        let whole = k - k % S::f32s::LEN;
        for at in (0..whole).step_by(S::f32s::LEN) {
            let x = S::f32s::from_slice(s, &a[at..at + S::f32s::LEN]);
            for j in 0..TOGETHER {
                sums[j] = x.mul_add(
                    S::f32s::from_slice(s, &columns[j][at..at + S::f32s::LEN]),
                    sums[j],
                );
            }
        }
        for ((y, column), sum) in y.iter_mut().zip(columns).zip(sums) {
            let tail: f32 = a[whole..]
                .iter()
                .zip(&column[whole..])
                .map(|(a, b)| a * b)
                .sum();
            let mut sum = *sum.as_array();
            *y = alpha * (halves(sum.as_mut()) + tail);
        }
    }
}

/// The sum of a vector's elements, by halves.
#[inline(always)]
fn halves(values: &mut [f32]) -> f32 {
    let mut len = values.len();
    while len > 1 {
        len /= 2;
        for i in 0..len {
            values[i] += values[i + len];
        }
    }
    values[0]
}
