//! Reductions of f32 by vectors.

use super::{Plan, Reduction, rows};
use crate::cpu::{Cpu, Simd, dispatch, prelude::*};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::math::exp::exp;
use crate::math::sum::{DEPTH, row_sum};
use crate::number::Number;

/// Columns that are accumulated together.
const BLOCK: usize = 256;

/// See [`Reducible::reduce`](super::Reducible::reduce).
pub(super) fn reduce(cpu: Cpu, reduction: Reduction, plan: &Plan, x: &[f32], y: &mut [f32]) {
    match reduction {
        Reduction::Prod => rows::reduce(cpu, reduction, plan, x, y),
        _ => dispatch!(cpu.level, s => reduce_at(s, reduction, plan, x, y)),
    }
}

/// Every reduction as a sum of g(x), or as a maximum or minimum.
#[inline(always)]
fn reduce_at<S: Simd>(s: S, reduction: Reduction, plan: &Plan, x: &[f32], y: &mut [f32]) {
    /// `sums` with closures that are inlined into its loops.
    macro_rules! sums {
        (|$x:ident, $y:ident| $g:expr, $pad:expr, |$total:ident, $before:ident| $end:expr) => {
            sums(
                s,
                plan,
                x,
                y,
                #[inline(always)]
                |$x, $y| $g,
                $pad,
                |$total: f64, $before: f32| $end,
            )
        };
    }
    let count = plan.count as f64;
    match reduction {
        Reduction::Sum => sums!(|x, _y| x, 0.0, |total, _y| total),
        Reduction::Mean => sums!(|x, _y| x, 0.0, |total, _y| total / count),
        Reduction::LogSum => sums!(|x, _y| x, 0.0, |total, _y| total.ln()),
        Reduction::SumSquare => sums!(|x, _y| x * x, 0.0, |total, _y| total),
        Reduction::L2 => sums!(|x, _y| x * x, 0.0, |total, _y| total.sqrt()),
        Reduction::L1 => sums!(|x, _y| x.abs(), 0.0, |total, _y| total),
        Reduction::Max => extremes::<S, false>(s, plan, x, y),
        Reduction::Min => extremes::<S, true>(s, plan, x, y),
        Reduction::LogSumExp => {
            extremes::<S, false>(s, plan, x, y);
            for y in &mut *y {
                // An infinite maximum must not be subtracted from itself.
                *y = if y.is_finite() { *y } else { 0.0 };
            }
            sums!(
                |x, max| exp(s, x - max),
                f32::NEG_INFINITY,
                |total, max| f64::from(max) + total.ln()
            );
        }
        // Goes by `rows`.
        Reduction::Prod => {}
    }
}

/// y = end(Σ g(x, y), y): y may hold something before. g(pad, y) must be 0.
#[inline(always)]
fn sums<S: Simd>(
    s: S,
    plan: &Plan,
    x: &[f32],
    y: &mut [f32],
    g: impl Fn(S::f32s, S::f32s) -> S::f32s,
    pad: f32,
    end: impl Fn(f64, f32) -> f64,
) {
    let n = plan.inner;
    if plan.inner_reduced {
        let mut y = y.iter_mut();
        plan.kept.positions(
            #[inline(always)]
            |kept| {
                let Some(y) = y.next() else { return };
                let before = S::f32s::splat(s, *y);
                let mut total = 0.0;
                plan.reduced.positions(
                    #[inline(always)]
                    |reduced| {
                        total += row_sum(
                            s,
                            &x[kept + reduced..][..n],
                            #[inline(always)]
                            |x| g(x, before),
                            pad,
                        );
                    },
                );
                *y = end(total, *y) as f32;
            },
        );
        return;
    }
    let mut rows = y.chunks_exact_mut(n.max(1));
    plan.kept.positions(
        #[inline(always)]
        |kept| {
            for (i, y) in rows
                .next()
                .into_iter()
                .flat_map(|row| row.chunks_mut(BLOCK))
                .enumerate()
            {
                let mut before = [0.0; BLOCK];
                before[..y.len()].copy_from_slice(y);
                let mut totals = [0.0f64; BLOCK];
                let mut partial = [0.0f32; BLOCK];
                // Four rows at a time, whose sums are added to those so far, and now and then those to the f64 totals.
                let (mut waiting, mut count, mut depth) = ([0; 4], 0, 0);
                plan.reduced.positions(
                    #[inline(always)]
                    |reduced| {
                        waiting[count] = kept + reduced + i * BLOCK;
                        count += 1;
                        if count == 4 {
                            let mut rows = [&x[..0]; 4];
                            for (row, &at) in rows.iter_mut().zip(&waiting) {
                                *row = &x[at..][..y.len()];
                            }
                            column_sums(s, rows, &before, &mut partial, &g, pad);
                            count = 0;
                            depth += 1;
                            if depth == DEPTH / 4 {
                                flush(&mut totals[..y.len()], &mut partial);
                                depth = 0;
                            }
                        }
                    },
                );
                for row in &waiting[..count] {
                    column_sums(s, [&x[*row..][..y.len()]], &before, &mut partial, &g, pad);
                }
                flush(&mut totals[..y.len()], &mut partial);
                for ((y, total), before) in y.iter_mut().zip(totals).zip(before) {
                    *y = end(total, before) as f32;
                }
            }
        },
    );
}

/// Moves the sums of f32 to those of f64.
#[inline(always)]
fn flush(totals: &mut [f64], partial: &mut [f32; BLOCK]) {
    for (total, partial) in totals.iter_mut().zip(partial) {
        *total += f64::from(*partial);
        *partial = 0.0;
    }
}

/// partial += Σ g(x, before) over the rows, column by column.
#[inline(always)]
fn column_sums<S: Simd, const N: usize>(
    s: S,
    rows: [&[f32]; N],
    before: &[f32; BLOCK],
    partial: &mut [f32; BLOCK],
    g: &impl Fn(S::f32s, S::f32s) -> S::f32s,
    pad: f32,
) {
    let width = rows[0].len();
    let body = width - width % S::f32s::LEN;
    // `g` goes by reference and is called through it directly: the call of an `&F` that is itself taken for an `F` need not be
    // inlined, and then runs without the level's instructions.
    let mut vectors = [S::f32s::splat(s, pad); N];
    for at in (0..body).step_by(S::f32s::LEN) {
        for (vector, row) in vectors.iter_mut().zip(rows) {
            *vector = S::f32s::from_slice(s, &row[at..at + S::f32s::LEN]);
        }
        add_vectors(s, vectors, &before[at..], &mut partial[at..], g);
    }
    if body < width {
        for (vector, row) in vectors.iter_mut().zip(rows) {
            let mut padded = [pad; 16];
            padded[..width - body].copy_from_slice(&row[body..]);
            *vector = S::f32s::from_slice(s, &padded[..S::f32s::LEN]);
        }
        add_vectors(s, vectors, &before[body..], &mut partial[body..], g);
    }
}

/// The first vector of `partial` += Σ g(x, the first vector of `before`).
#[inline(always)]
fn add_vectors<S: Simd, const N: usize>(
    s: S,
    x: [S::f32s; N],
    before: &[f32],
    partial: &mut [f32],
    g: &impl Fn(S::f32s, S::f32s) -> S::f32s,
) {
    let before = S::f32s::from_slice(s, &before[..S::f32s::LEN]);
    let partial = &mut partial[..S::f32s::LEN];
    let mut sum = S::f32s::splat(s, 0.0);
    for x in x {
        sum += (*g)(x, before);
    }
    (S::f32s::from_slice(s, partial) + sum).store_slice(partial);
}

/// acc = f(acc, x, other) for the columns of `x`.
#[inline(always)]
fn columns<S: Simd>(
    s: S,
    acc: &mut [f32; BLOCK],
    x: &[f32],
    other: &[f32; BLOCK],
    pad: f32,
    f: impl Fn(S::f32s, S::f32s, S::f32s) -> S::f32s,
) {
    let mut padded = [pad; BLOCK];
    let x = if x.len().is_multiple_of(S::f32s::LEN) {
        x
    } else {
        padded[..x.len()].copy_from_slice(x);
        &padded[..x.len().next_multiple_of(S::f32s::LEN)]
    };
    let vectors = x
        .chunks_exact(S::f32s::LEN)
        .zip(other.chunks_exact(S::f32s::LEN));
    for (acc, (x, other)) in acc.chunks_exact_mut(S::f32s::LEN).zip(vectors) {
        let load = |x| S::f32s::from_slice(s, x);
        f(load(acc), load(x), load(other)).store_slice(acc);
    }
}

/// The greater of each pair (or the smaller, if `MIN`); NaN if either is.
#[inline(always)]
fn extreme<S: Simd, const MIN: bool>(a: S::f32s, b: S::f32s) -> S::f32s {
    let numbers = a.simd_eq(a) & b.simd_eq(b);
    numbers.select(if MIN { a.min(b) } else { a.max(b) }, a + b)
}

/// The greatest element (or the least, if `MIN`); NaN if any is.
#[inline(always)]
fn row_extreme<S: Simd, const MIN: bool>(s: S, x: &[f32]) -> f32 {
    let pad = if MIN {
        f32::INFINITY
    } else {
        f32::NEG_INFINITY
    };
    let mut best = [S::f32s::splat(s, pad); 4];
    let mut fours = x.chunks_exact(4 * S::f32s::LEN);
    for x in &mut fours {
        for (best, x) in best.iter_mut().zip(x.chunks_exact(S::f32s::LEN)) {
            *best = extreme::<S, MIN>(*best, S::f32s::from_slice(s, x));
        }
    }
    let rest = fours.remainder();
    let mut padded = [pad; 64];
    if !rest.is_empty() {
        padded[..rest.len()].copy_from_slice(rest);
    }
    for (best, x) in best
        .iter_mut()
        .zip(padded[..rest.len().next_multiple_of(S::f32s::LEN)].chunks_exact(S::f32s::LEN))
    {
        *best = extreme::<S, MIN>(*best, S::f32s::from_slice(s, x));
    }
    let [a, b, c, d] = best;
    let best = extreme::<S, MIN>(extreme::<S, MIN>(a, b), extreme::<S, MIN>(c, d));
    let nan = !best.simd_eq(best);
    if nan.any_true() {
        f32::NAN
    } else if MIN {
        best.reduce_min()
    } else {
        best.reduce_max()
    }
}

/// y = the greatest x (or the least, if `MIN`).
#[inline(always)]
fn extremes<S: Simd, const MIN: bool>(s: S, plan: &Plan, x: &[f32], y: &mut [f32]) {
    let n = plan.inner;
    let pad = if MIN {
        f32::INFINITY
    } else {
        f32::NEG_INFINITY
    };
    if plan.inner_reduced {
        let mut y = y.iter_mut();
        plan.kept.positions(
            #[inline(always)]
            |kept| {
                let mut best = pad;
                plan.reduced.positions(
                    #[inline(always)]
                    |reduced| {
                        let row = row_extreme::<S, MIN>(s, &x[kept + reduced..][..n]);
                        best = if MIN {
                            best.smaller(row)
                        } else {
                            best.larger(row)
                        };
                    },
                );
                if let Some(y) = y.next() {
                    *y = best;
                }
            },
        );
        return;
    }
    let mut rows = y.chunks_exact_mut(n.max(1));
    plan.kept.positions(
        #[inline(always)]
        |kept| {
            for (i, y) in rows
                .next()
                .into_iter()
                .flat_map(|row| row.chunks_mut(BLOCK))
                .enumerate()
            {
                let mut best = [pad; BLOCK];
                let unused = [0.0; BLOCK];
                plan.reduced.positions(
                    #[inline(always)]
                    |reduced| {
                        columns(
                            s,
                            &mut best,
                            &x[kept + reduced + i * BLOCK..][..y.len()],
                            &unused,
                            pad,
                            #[inline(always)]
                            |best, x, _| extreme::<S, MIN>(best, x),
                        );
                    },
                );
                y.copy_from_slice(&best[..y.len()]);
            }
        },
    );
}
