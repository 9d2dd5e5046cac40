//! The tile: a few rows times one or two panels, every sum in a register.
use super::multiply::{Sums, Vector, add, multiply, multiply_3, multiply_9};
use super::{Job, Place, finish};
use crate::cpu::{Simd, at_level, f32x8, prelude::*};
use crate::pack::PANEL;

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
                $($r => {
                    if const { $r <= max_rows::<S>() } && let Ok(places) = places.try_into() {
                        row_tile::<S, $r>(s, job, places, first, count, y);
                    }
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
    if const { S::f32s::LEN >= 8 && R + 1 >= max_rows::<S>() } {
        let half = usize::from(count > 0 && unused >= PANEL / 2);
        if count > half {
            whole_panels::<S, R>(s, job, places, first, count - half, y);
        }
        if half == 1 {
            half_panel::<S, R>(s, job, places, end - 1, y);
        }
    } else {
        whole_panels::<S, R>(s, job, places, first, count, y);
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
    at_level(
        s,
        #[inline(always)]
        || {
            let windows = &windows(job, places, 0);
            let end = first + count;
            match S::f32s::LEN {
                16 => {
                    for p in (first..end - count % 2).step_by(2) {
                        panel_tile::<S, S::f32s, R, 2, 2>(s, job, places, Some(windows), p, y);
                    }
                    if count % 2 == 1 {
                        panel_tile::<S, S::f32s, R, 1, 1>(
                            s,
                            job,
                            places,
                            Some(windows),
                            end - 1,
                            y,
                        );
                    }
                }
                8 => {
                    for p in first..end {
                        panel_tile::<S, S::f32s, R, 1, 2>(s, job, places, Some(windows), p, y);
                    }
                }
                _ => {
                    for p in first..end {
                        panel_tile::<S, S::f32s, R, 1, 4>(s, job, places, Some(windows), p, y);
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
    at_level(
        s,
        #[inline(always)]
        || {
            // Taken before the loop only where there are registers for them: with sixteen, every segment would load them again.
            let known;
            let first = if const { S::f32s::LEN == 16 } {
                known = windows(job, places, 0);
                Some(&known)
            } else {
                None
            };
            panel_tile::<S, f32x8<S>, R, 1, 1>(s, job, places, first, panel, y);
        },
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
        let mut r = 0;
        while r < R {
            let start = places[r].x + offset;
            windows[r] = &job.x[start..start + job.len];
            r += 1;
        }
    }
    windows
}

/// One tile: R rows × P panels of N vectors in all (`N * lanes == P * PANEL`), or × the first half of one panel.
#[inline(always)]
fn panel_tile<S: Simd, F: Vector<S>, const R: usize, const P: usize, const N: usize>(
    s: S,
    job: &Job,
    places: &[Place; R],
    first_windows: Option<&[&[f32]; R]>,
    panel: usize,
    y: &mut [f32],
) {
    let start = panel * PANEL;
    let width = N * F::LEN;
    let columns = (job.columns - start).min(width);
    let mut sums: Sums<F, R, N> = [[F::splat(s, 0.0); N]; R];

    let mut at = panel * job.panel_len + job.panel_start;
    for segment in 0..job.offsets.len() {
        // The first segment's windows were taken once for all panels: of a matrix there are no others.
        let rows = match first_windows {
            Some(first) if segment == 0 => *first,
            _ => windows(job, places, segment),
        };
        let mut panels: [&[f32]; P] = [&[]; P];
        let mut p = 0;
        while p < P {
            panels[p] = &job.panels[at + p * job.panel_len..][..job.len * PANEL];
            p += 1;
        }
        // Three channels (or one) under a kernel of 3: the lengths too short for rounds, worth code of their own in full tiles.
        sums = match job.len {
            3 if const { R == max_rows::<S>() } => {
                multiply_3::<S, F, R, P, N>(s, sums, rows, panels)
            }
            9 if const { R == max_rows::<S>() } => {
                multiply_9::<S, F, R, P, N>(s, sums, rows, panels)
            }
            _ => multiply::<S, F, R, P, N>(s, sums, rows, panels),
        };
        at += job.len * PANEL;
    }

    let bias = finish::bias::<S, F, N>(s, job, start, columns);
    let limits = (F::splat(s, job.limits.0), F::splat(s, job.limits.1));
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
    if columns == width {
        each_row!(|ROW| finish::whole::<S, F, N>(s, job, sums[ROW], &bias, places[ROW].y + start, limits, y); 0 1 2 3 4 5 6 7);
        return;
    }
    let mut rows: [finish::Row; R] = [[0.0; 2 * PANEL]; R];
    each_row!(|ROW| {
        add(&mut sums[ROW], &bias);
        let mut n = 0;
        while n < N {
            sums[ROW][n].store_slice(&mut rows[ROW][n * F::LEN..][..F::LEN]);
            n += 1;
        }
    }; 0 1 2 3 4 5 6 7);
    finish::part(s, job, &mut rows, places, start, columns, y);
}
