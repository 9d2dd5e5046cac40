//! The tile: a few rows times one or two panels, every sum in a register.
#![allow(
    clippy::needless_range_loop,
    reason = "constant indices into small arrays keep sums in registers; iterators do not always"
)]

use core::ops::Range;

use super::{Addend, Job, Place};
use crate::cpu::{Simd, f32x8, prelude::*};
use crate::pack::PANEL;

/// Sums of one tile: `[row][panel][vector of the panel]`.
type Sums<F, const R: usize, const P: usize, const V: usize> = [[[F; V]; P]; R];

/// What a tile asks of a vector type.
trait Vector<S: Simd>: SimdFloat<S, Element = f32> {}
impl<S: Simd, F: SimdFloat<S, Element = f32>> Vector<S> for F {}

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
                    row_tile::<S, $r>(s, job, places, first, count, y);
                })*
                _ => {}
            }
        };
    }
    arms!(1 2 3 4 5 6 7 8);
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
    let end = first + count;
    let unused = (end * PANEL).saturating_sub(job.columns);
    // Few columns (as few as 8 channels of an image): half a panel is half the work. Full tiles only, the others are not worth their code.
    let half = usize::from(count > 0 && unused >= PANEL / 2 && R + 1 >= max_rows::<S>());
    if count > half {
        whole_panels::<S, R>(s, job, places, first, count - half, y);
    }
    if half == 1 {
        half_panel::<S, R>(s, job, places, end - 1, y);
    }
}

/// R rows × whole panels.
///
/// Not inlined: in one function with the other tiles, one or two sums of each lose their registers (10 % slower).
#[inline(never)]
fn whole_panels<S: Simd, const R: usize>(
    s: S,
    job: &Job,
    places: &[Place; R],
    first: usize,
    count: usize,
    y: &mut [f32],
) {
    s.vectorize(
        #[inline(always)]
        || {
            let windows = windows(job, places, 0);
            let end = first + count;
            match S::f32s::LEN {
                16 => {
                    for p in (first..end - count % 2).step_by(2) {
                        panel_tile::<S, S::f32s, R, 2, 1>(s, job, places, &windows, p, y);
                    }
                    if count % 2 == 1 {
                        panel_tile::<S, S::f32s, R, 1, 1>(s, job, places, &windows, end - 1, y);
                    }
                }
                8 => {
                    for p in first..end {
                        panel_tile::<S, S::f32s, R, 1, 2>(s, job, places, &windows, p, y);
                    }
                }
                _ => {
                    for p in first..end {
                        panel_tile::<S, S::f32s, R, 1, 4>(s, job, places, &windows, p, y);
                    }
                }
            }
        },
    );
}

/// R rows × the first half of a panel.
#[inline(never)]
fn half_panel<S: Simd, const R: usize>(
    s: S,
    job: &Job,
    places: &[Place; R],
    panel: usize,
    y: &mut [f32],
) {
    s.vectorize(
        #[inline(always)]
        || panel_tile::<S, f32x8<S>, R, 1, 1>(s, job, places, &windows(job, places, 0), panel, y),
    );
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

/// One tile: R rows × P panels of V vectors (`V * lanes == PANEL`), or × the first half of one panel (`V * lanes == PANEL / 2`).
#[inline(always)]
fn panel_tile<S: Simd, F: Vector<S>, const R: usize, const P: usize, const V: usize>(
    s: S,
    job: &Job,
    places: &[Place; R],
    windows_0: &[&[f32]; R],
    panel: usize,
    y: &mut [f32],
) {
    let start = panel * PANEL;
    let width = P * V * F::LEN;
    let columns = (job.columns - start).min(width);
    // One row's worth of bias, copied to all rows: a branch around all sums would send half of them through the stack.
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
    let mut sums: Sums<F, R, P, V> = [bias; R];

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
            3 if R == max_rows::<S>() => multiply_3::<S, F, R, P, V>(s, sums, rows, panels),
            9 if R == max_rows::<S>() => multiply_9::<S, F, R, P, V>(s, sums, rows, panels),
            _ => multiply::<S, F, R, P, V>(s, sums, rows, panels),
        };
        at += job.len * PANEL;
    }

    let limits = (F::splat(s, job.limits.0), F::splat(s, job.limits.1));
    /// A row at a time, each with a constant index: a loop over the rows would be unrolled too late, and all sums would go
    /// through the stack between the segments.
    macro_rules! finish {
        ($($r:literal)*) => {
            $(if $r < R {
                let begin = places[$r].y + start;
                if columns == width {
                    finish_whole::<S, F, P, V>(s, job, sums[$r], begin, limits, y);
                } else {
                    finish_part::<S, F, P, V>(s, job, sums[$r], begin..begin + columns, limits, y);
                }
            })*
        };
    }
    finish!(0 1 2 3 4 5 6 7);
}

/// The end of a row of a tile: adds, clamps, and writes it to y from `begin` on.
#[inline(always)]
fn finish_whole<S: Simd, F: Vector<S>, const P: usize, const V: usize>(
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
fn clamp<S: Simd, F: Vector<S>>(low: F, high: F, value: F) -> F {
    high.min(low.max(value))
}

/// [`finish_whole`] where y has fewer columns than the tile.
#[inline(always)]
fn finish_part<S: Simd, F: Vector<S>, const P: usize, const V: usize>(
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

/// Steps of k per round of the inner loop.
const STEPS: usize = 4;

/// `sums[r][p] += Σ rows[r][k] · panels[p][k]`; the rows and the panels are equally long (counted in k).
///
/// Rows and panels are walked as chunks of fixed size, taken once per four steps: one bounds check per row and four steps
/// instead of one per multiplication. With few rows, the steps of a round go to several sets of sums, so that one addition
/// need not wait for another.
#[inline(always)]
fn multiply<S: Simd, F: Vector<S>, const R: usize, const P: usize, const V: usize>(
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
        fn $name<S: Simd, F: Vector<S>, const R: usize, const P: usize, const V: usize>(
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
