//! The tile: a few rows times one or two panels, every sum in a register.
#![allow(
    clippy::needless_range_loop,
    reason = "constant indices into small arrays keep sums in registers; iterators do not always"
)]

use core::ops::Range;

use super::{Addend, Job, Place};
use crate::cpu::{Simd, prelude::*};
use crate::pack::PANEL;

/// Sums of one tile: `[row][panel][vector of the panel]`.
type Sums<S, const R: usize, const P: usize, const V: usize> = [[[<S as Simd>::f32s; V]; P]; R];

/// Rows that a full tile has at level `S`: as many as leave no sum outside the registers.
///
/// 16 lanes: 8 × 2 panels of one vector use 16 of 32 registers (12 rows have 12 pointers, more than there are registers
/// for: 20 % slower on short rows). 8 lanes: 6 × 1 panel of two vectors use 12 of 16 (4 × 3
/// spills). 4 lanes: 2 × 1 panel of four vectors use 8 of 16, and 6 × 1 panel 24 of the 32 that NEON has.
pub(super) const fn max_rows<S: Simd>() -> usize {
    match S::f32s::LEN {
        16 => 8,
        8 => 6,
        _ if cfg!(target_arch = "aarch64") => 6,
        _ => 2,
    }
}

/// Multiplies the rows at `places` (at most [`max_rows`]) by the panels `first..first + count`.
#[inline(always)]
pub(super) fn rows<S: Simd>(
    s: S,
    job: &Job,
    places: &[Place],
    first: usize,
    count: usize,
    y: &mut [f32],
) {
    /// One arm a number of rows; those that `max_rows` rules out are never compiled.
    macro_rules! arms {
        ($($r:literal)*) => {
            match places.len() {
                $($r if $r <= max_rows::<S>() => {
                    let places = <&[Place; $r]>::try_from(places).expect("the arm's length");
                    row_tile_apart::<S, $r>(s, job, places, first, count, y);
                })*
                _ => {}
            }
        };
    }
    arms!(1 2 3 4 5 6 7 8);
}

/// [`row_tile`] as a function of its own: all of them in one are too much for the compiler, which takes twice as long.
#[inline(never)]
fn row_tile_apart<S: Simd, const R: usize>(
    s: S,
    job: &Job,
    places: &[Place; R],
    first: usize,
    count: usize,
    y: &mut [f32],
) {
    s.vectorize(
        #[inline(always)]
        || row_tile::<S, R>(s, job, places, first, count, y),
    );
}

/// [`rows`] with the number of rows known.
#[inline(always)]
fn row_tile<S: Simd, const R: usize>(
    s: S,
    job: &Job,
    places: &[Place; R],
    first: usize,
    count: usize,
    y: &mut [f32],
) {
    let windows = windows(job, places, 0);
    match S::f32s::LEN {
        16 => {
            for p in (first..first + count / 2 * 2).step_by(2) {
                panel_tile::<S, R, 2, 1>(s, job, places, &windows, p, y);
            }
            if count % 2 == 1 {
                panel_tile::<S, R, 1, 1>(s, job, places, &windows, first + count - 1, y);
            }
        }
        8 => {
            for p in first..first + count {
                panel_tile::<S, R, 1, 2>(s, job, places, &windows, p, y);
            }
        }
        _ => {
            for p in first..first + count {
                panel_tile::<S, R, 1, 4>(s, job, places, &windows, p, y);
            }
        }
    }
}

/// What a segment covers of each row.
#[inline(always)]
fn windows<'a, const R: usize>(
    job: &Job<'a>,
    places: &[Place; R],
    segment: usize,
) -> [&'a [f32]; R] {
    let mut windows: [&[f32]; R] = [&[]; R];
    if let Some(offset) = job.offsets.get(segment) {
        for r in 0..R {
            let start = places[r].x + offset;
            windows[r] = &job.x[start..start + job.len];
        }
    }
    windows
}

/// One tile: R rows × P panels of V vectors (`V * lanes == PANEL`).
#[inline(always)]
fn panel_tile<S: Simd, const R: usize, const P: usize, const V: usize>(
    s: S,
    job: &Job,
    places: &[Place; R],
    windows_0: &[&[f32]; R],
    panel: usize,
    y: &mut [f32],
) {
    let start = panel * PANEL;
    let columns = (job.columns - start).min(P * PANEL);
    let mut sums: Sums<S, R, P, V> = [[[S::f32s::splat(s, 0.0); V]; P]; R];
    if let Some(bias) = job.bias {
        let mut padded = [[0.0; PANEL]; P];
        padded.as_flattened_mut()[..columns].copy_from_slice(&bias[start..start + columns]);
        for p in 0..P {
            for v in 0..V {
                let bias = S::f32s::from_slice(s, &padded[p][v * S::f32s::LEN..][..S::f32s::LEN]);
                for r in 0..R {
                    sums[r][p][v] = bias;
                }
            }
        }
    }

    let mut at = panel * job.panel_len + job.panel_start;
    for segment in 0..job.offsets.len() {
        // The first segment's windows were taken once for all panels: of a matrix there are no others.
        let rows = if segment == 0 {
            *windows_0
        } else {
            windows(job, places, segment)
        };
        let mut panels: [&[f32]; P] = [&[]; P];
        for (p, panel) in panels.iter_mut().enumerate() {
            let start = at + p * job.panel_len;
            *panel = &job.panels[start..start + job.len * PANEL];
        }
        // Three channels (or one) under a kernel of 3: the lengths too short for rounds, worth code of their own in full tiles.
        sums = match job.len {
            3 if R == max_rows::<S>() => multiply_3::<S, R, P, V>(s, sums, rows, panels),
            9 if R == max_rows::<S>() => multiply_9::<S, R, P, V>(s, sums, rows, panels),
            _ => multiply::<S, R, P, V>(s, sums, rows, panels),
        };
        at += job.len * PANEL;
    }

    let (low, high) = (
        S::f32s::splat(s, job.limits.0),
        S::f32s::splat(s, job.limits.1),
    );
    if columns < P * PANEL {
        return finish_part::<S, R, P, V>(job, places, &sums, start..start + columns, y);
    }
    // The two cases apart, each with constant indices: no branch per vector, and the sums stay in registers.
    if let Addend::Nothing = job.addend {
        for r in 0..R {
            let y = &mut y[places[r].y + start..][..P * PANEL];
            for p in 0..P {
                for v in 0..V {
                    let y = &mut y[p * PANEL + v * S::f32s::LEN..][..S::f32s::LEN];
                    clamp::<S>(low, high, sums[r][p][v]).store_slice(y);
                }
            }
        }
    } else {
        for r in 0..R {
            let range = places[r].y + start..places[r].y + start + P * PANEL;
            let values = match job.addend {
                Addend::Slice(values) => &values[range.clone()],
                _ => &y[range.clone()],
            };
            for p in 0..P {
                for v in 0..V {
                    let value = &values[p * PANEL + v * S::f32s::LEN..][..S::f32s::LEN];
                    sums[r][p][v] += S::f32s::from_slice(s, value);
                }
            }
            let y = &mut y[range];
            for p in 0..P {
                for v in 0..V {
                    let y = &mut y[p * PANEL + v * S::f32s::LEN..][..S::f32s::LEN];
                    clamp::<S>(low, high, sums[r][p][v]).store_slice(y);
                }
            }
        }
    }
}

/// min(max(value, low), high), limits first: NaN stays NaN.
#[inline(always)]
fn clamp<S: Simd>(low: S::f32s, high: S::f32s, value: S::f32s) -> S::f32s {
    high.min(low.max(value))
}

/// The end of a tile that is wider than y: adds, clamps, and writes its `columns`.
#[inline(always)]
fn finish_part<S: Simd, const R: usize, const P: usize, const V: usize>(
    job: &Job,
    places: &[Place; R],
    sums: &Sums<S, R, P, V>,
    columns: Range<usize>,
    y: &mut [f32],
) {
    let mut out = [[[0.0; PANEL]; P]; R];
    for (out, sum) in out
        .as_flattened_mut()
        .as_flattened_mut()
        .chunks_exact_mut(S::f32s::LEN)
        .zip(sums.as_flattened().as_flattened())
    {
        sum.store_slice(out);
    }
    write_part(job, places, out.as_flattened().as_flattened(), columns, y);
}

/// [`finish_part`] once the sums, `places.len()` rows of them, are in memory: one function for all tiles.
#[inline(never)]
fn write_part(job: &Job, places: &[Place], sums: &[f32], columns: Range<usize>, y: &mut [f32]) {
    let (low, high) = job.limits;
    for (place, sums) in places
        .iter()
        .zip(sums.chunks_exact(sums.len() / places.len()))
    {
        let range = place.y + columns.start..place.y + columns.end;
        let y = &mut y[range.clone()];
        for (i, (y, sum)) in y.iter_mut().zip(sums).enumerate() {
            let sum = match job.addend {
                Addend::Nothing => *sum,
                Addend::Slice(values) => *sum + values[range.start + i],
                Addend::Output => *sum + *y,
            };
            // As the vectors do: NaN stays NaN, and the upper limit has the last word.
            let sum = if sum < low { low } else { sum };
            *y = if sum > high { high } else { sum };
        }
    }
}

/// Steps of k per round of the inner loop.
const STEPS: usize = 4;

/// `sums[r][p] += Σ rows[r][k] · panels[p][k]`; the rows and the panels are equally long (counted in k).
///
/// Rows and panels are walked as chunks of fixed size, taken once per four steps: one bounds check per row and four steps
/// instead of one per multiplication. With few rows, the steps of a round go to several sets of sums, so that one addition
/// need not wait for another.
#[inline(always)]
fn multiply<S: Simd, const R: usize, const P: usize, const V: usize>(
    s: S,
    // By value: the caller indexes its array with variables, so that one lives in memory.
    mut sums: Sums<S, R, P, V>,
    rows: [&[f32]; R],
    panels: [&[f32]; P],
) -> Sums<S, R, P, V> {
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

    // Written out: a loop over the steps is too long for LLVM to unroll, and then the sums live in memory.
    let rounds = row_chunks[0].len();
    match R * P * V {
        1 | 2 => {
            let mut more: [Sums<S, R, P, V>; 3] = [[[[S::f32s::splat(s, 0.0); V]; P]; R]; 3];
            for i in 0..rounds {
                let (x, w) = round(&row_chunks, &panel_chunks, i);
                step::<S, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut sums, &x, &w, 0);
                step::<S, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut more[0], &x, &w, 1);
                step::<S, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut more[1], &x, &w, 2);
                step::<S, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut more[2], &x, &w, 3);
            }
            for more in &more {
                add::<S, R, P, V>(&mut sums, more);
            }
        }
        3 | 4 => {
            let mut more: Sums<S, R, P, V> = [[[S::f32s::splat(s, 0.0); V]; P]; R];
            for i in 0..rounds {
                let (x, w) = round(&row_chunks, &panel_chunks, i);
                step::<S, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut sums, &x, &w, 0);
                step::<S, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut more, &x, &w, 1);
                step::<S, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut sums, &x, &w, 2);
                step::<S, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut more, &x, &w, 3);
            }
            add::<S, R, P, V>(&mut sums, &more);
        }
        _ => {
            for i in 0..rounds {
                let (x, w) = round(&row_chunks, &panel_chunks, i);
                step::<S, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut sums, &x, &w, 0);
                step::<S, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut sums, &x, &w, 1);
                step::<S, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut sums, &x, &w, 2);
                step::<S, R, P, V, STEPS, { STEPS * PANEL }>(s, &mut sums, &x, &w, 3);
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
        step::<S, R, P, V, 2, { 2 * PANEL }>(s, &mut sums, &x, &w, 0);
        step::<S, R, P, V, 2, { 2 * PANEL }>(s, &mut sums, &x, &w, 1);
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
        step::<S, R, P, V, 1, PANEL>(s, &mut sums, &x, &w, 0);
    }
    sums
}

/// [`multiply`] for rows of a constant length: all steps written out.
macro_rules! multiply_fixed {
    ($name:ident, $k:literal: $($j:literal)*) => {
        #[inline(always)]
        fn $name<S: Simd, const R: usize, const P: usize, const V: usize>(
            s: S,
            mut sums: Sums<S, R, P, V>,
            rows: [&[f32]; R],
            panels: [&[f32]; P],
        ) -> Sums<S, R, P, V> {
            let mut x = [&[0.0; $k]; R];
            for r in 0..R {
                x[r] = &rows[r].as_chunks().0[0];
            }
            let mut w = [&[0.0; $k * PANEL]; P];
            for p in 0..P {
                w[p] = &panels[p].as_chunks().0[0];
            }
            $(step::<S, R, P, V, $k, { $k * PANEL }>(s, &mut sums, &x, &w, $j);)*
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
fn step<S: Simd, const R: usize, const P: usize, const V: usize, const K: usize, const W: usize>(
    s: S,
    sums: &mut Sums<S, R, P, V>,
    x: &[&[f32; K]; R],
    w: &[&[f32; W]; P],
    j: usize,
) {
    // Weights first, then row by row: one broadcast value lives at a time, and the full tile fits the registers.
    let mut weights = [[S::f32s::splat(s, 0.0); V]; P];
    for p in 0..P {
        for v in 0..V {
            weights[p][v] =
                S::f32s::from_slice(s, &w[p][j * PANEL + v * S::f32s::LEN..][..S::f32s::LEN]);
        }
    }
    for r in 0..R {
        let x = S::f32s::splat(s, x[r][j]);
        for p in 0..P {
            for v in 0..V {
                sums[r][p][v] = x.mul_add(weights[p][v], sums[r][p][v]);
            }
        }
    }
}

#[inline(always)]
fn add<S: Simd, const R: usize, const P: usize, const V: usize>(
    sums: &mut Sums<S, R, P, V>,
    more: &Sums<S, R, P, V>,
) {
    for r in 0..R {
        for p in 0..P {
            for v in 0..V {
                sums[r][p][v] += more[r][p][v];
            }
        }
    }
}
