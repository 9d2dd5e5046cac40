//! The inner loops of a tile: sums += rows · panels.
#![allow(
    clippy::needless_range_loop,
    reason = "constant indices into small arrays keep sums in registers; iterators do not always"
)]

use crate::cpu::{Simd, prelude::*};
use crate::pack::PANEL;

/// Sums of one tile: `[row][panel][vector of the panel]`.
pub(super) type Sums<F, const R: usize, const P: usize, const V: usize> = [[[F; V]; P]; R];

/// What a tile asks of a vector type.
pub(super) trait Vector<S: Simd>: SimdFloat<S, Element = f32> {}
impl<S: Simd, F: SimdFloat<S, Element = f32>> Vector<S> for F {}

/// Steps of k per round of the inner loop.
const STEPS: usize = 4;

/// `sums[r][p] += Σ rows[r][k] · panels[p][k]`; the rows and the panels are equally long (counted in k).
///
/// Rows and panels are walked as chunks of fixed size, taken once per four steps: one bounds check per row and four steps
/// instead of one per multiplication. With few rows, the steps of a round go to several sets of sums, so that one addition
/// need not wait for another.
#[inline(always)]
pub(super) fn multiply<S: Simd, F: Vector<S>, const R: usize, const P: usize, const V: usize>(
    s: S,
    // By value: the caller indexes its array with variables, so that one lives in memory.
    mut sums: Sums<F, R, P, V>,
    rows: [&[f32]; R],
    panels: [&[f32]; P],
) -> Sums<F, R, P, V> {
    let mut row_chunks: [&[[f32; STEPS]]; R] = [&[]; R];
    let mut row_tails: [&[f32]; R] = [&[]; R];
    for r in 0..R {
        (row_chunks[r], row_tails[r]) = rows[r].as_chunks();
    }
    let mut panel_chunks: [&[[f32; STEPS * PANEL]]; P] = [&[]; P];
    let mut panel_tails: [&[f32]; P] = [&[]; P];
    for p in 0..P {
        (panel_chunks[p], panel_tails[p]) = panels[p].as_chunks();
    }

    // All of one length, visibly: no check in the loop.
    let rounds = row_chunks[0].len();
    for r in 0..R {
        row_chunks[r] = &row_chunks[r][..rounds];
    }
    for p in 0..P {
        panel_chunks[p] = &panel_chunks[p][..rounds];
    }
    // Written out: a loop over the steps is too long for LLVM to unroll, and then the sums live in memory.
    match R * P * V {
        1 | 2 => {
            let mut more: [Sums<F, R, P, V>; 3] = [[[[F::splat(s, 0.0); V]; P]; R]; 3];
            for i in 0..rounds {
                let (x, w) = round(&row_chunks, &panel_chunks, i);
                step::<S, F, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut sums, &x, &w, 0);
                step::<S, F, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut more[0], &x, &w, 1);
                step::<S, F, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut more[1], &x, &w, 2);
                step::<S, F, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut more[2], &x, &w, 3);
            }
            for more in &more {
                add::<S, F, R, P, V>(&mut sums, more);
            }
        }
        3..=6 => {
            let mut more: Sums<F, R, P, V> = [[[F::splat(s, 0.0); V]; P]; R];
            for i in 0..rounds {
                let (x, w) = round(&row_chunks, &panel_chunks, i);
                step::<S, F, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut sums, &x, &w, 0);
                step::<S, F, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut more, &x, &w, 1);
                step::<S, F, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut sums, &x, &w, 2);
                step::<S, F, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut more, &x, &w, 3);
            }
            add::<S, F, R, P, V>(&mut sums, &more);
        }
        _ => {
            for i in 0..rounds {
                let (x, w) = round(&row_chunks, &panel_chunks, i);
                step::<S, F, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut sums, &x, &w, 0);
                step::<S, F, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut sums, &x, &w, 1);
                step::<S, F, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut sums, &x, &w, 2);
                step::<S, F, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut sums, &x, &w, 3);
            }
        }
    }
    // The last one to three steps, two and one at a time.
    let tail = row_tails[0].len();
    if tail >= 2 {
        let mut x = [&[0.0; 2]; R];
        for r in 0..R {
            x[r] = &row_tails[r].as_chunks().0[0];
        }
        let mut w = [&[0.0; 2 * PANEL]; P];
        for p in 0..P {
            w[p] = &panel_tails[p].as_chunks().0[0];
        }
        step::<S, F, R, P, V, 2, { 2 * PANEL }>(s, &mut sums, &x, &w, 0);
        step::<S, F, R, P, V, 2, { 2 * PANEL }>(s, &mut sums, &x, &w, 1);
    }
    if tail % 2 == 1 {
        let mut x = [&[0.0; 1]; R];
        for r in 0..R {
            x[r] = &row_tails[r].as_chunks().0[tail - 1];
        }
        let mut w = [&[0.0; PANEL]; P];
        for p in 0..P {
            w[p] = &panel_tails[p].as_chunks().0[tail - 1];
        }
        step::<S, F, R, P, V, 1, PANEL>(s, &mut sums, &x, &w, 0);
    }
    sums
}

/// [`multiply`] for rows of a constant length: all steps written out.
macro_rules! multiply_fixed {
    ($name:ident, $k:literal: $($j:literal)*) => {
        #[inline(always)]
        pub(super) fn $name<S: Simd, F: Vector<S>, const R: usize, const P: usize, const V: usize>(
            s: S,
            mut sums: Sums<F, R, P, V>,
            rows: [&[f32]; R],
            panels: [&[f32]; P],
        ) -> Sums<F, R, P, V> {
            let mut x = [&[0.0; $k]; R];
            for r in 0..R {
                x[r] = &rows[r].as_chunks().0[0];
            }
            let mut w = [&[0.0; $k * PANEL]; P];
            for p in 0..P {
                w[p] = &panels[p].as_chunks().0[0];
            }
            $(step::<S, F, R, P, V, $k, { $k * PANEL }>(s, &mut sums, &x, &w, $j);)*
            sums
        }
    };
}
multiply_fixed!(multiply_3, 3: 0 1 2);
multiply_fixed!(multiply_9, 9: 0 1 2 3 4 5 6 7 8);

/// Round `i` of each row and each panel.
#[inline(always)]
fn round<'a, const R: usize, const P: usize>(
    rows: &[&'a [[f32; STEPS]]; R],
    panels: &[&'a [[f32; STEPS * PANEL]]; P],
    i: usize,
) -> ([&'a [f32; STEPS]; R], [&'a [f32; STEPS * PANEL]; P]) {
    let mut x: [&[f32; STEPS]; R] = [&[0.0; STEPS]; R];
    for r in 0..R {
        x[r] = &rows[r][i];
    }
    let mut w: [&[f32; STEPS * PANEL]; P] = [&[0.0; STEPS * PANEL]; P];
    for p in 0..P {
        w[p] = &panels[p][i];
    }
    (x, w)
}

/// One step of k: every row's value times every panel's 16 weights.
#[inline(always)]
fn step<
    S: Simd,
    F: Vector<S>,
    const R: usize,
    const P: usize,
    const V: usize,
    const K: usize,
    const W: usize,
>(
    s: S,
    sums: &mut Sums<F, R, P, V>,
    x: &[&[f32; K]; R],
    w: &[&[f32; W]; P],
    j: usize,
) {
    // Weights first, then row by row: one broadcast value lives at a time, and the full tile fits the registers.
    let mut weights = [[F::splat(s, 0.0); V]; P];
    for p in 0..P {
        for v in 0..V {
            weights[p][v] = F::from_slice(s, &w[p][j * PANEL + v * F::LEN..][..F::LEN]);
        }
    }
    for r in 0..R {
        let x = F::splat(s, x[r][j]);
        for p in 0..P {
            for v in 0..V {
                sums[r][p][v] = x.mul_add(weights[p][v], sums[r][p][v]);
            }
        }
    }
}

#[inline(always)]
fn add<S: Simd, F: Vector<S>, const R: usize, const P: usize, const V: usize>(
    sums: &mut Sums<F, R, P, V>,
    more: &Sums<F, R, P, V>,
) {
    for r in 0..R {
        for p in 0..P {
            for v in 0..V {
                sums[r][p][v] += more[r][p][v];
            }
        }
    }
}
