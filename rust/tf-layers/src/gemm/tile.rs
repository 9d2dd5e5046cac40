//! The tile: a few rows times one or two panels, every sum in a register.
use super::multiply::{Sums, multiply, multiply_3, multiply_9};
use super::operand::{At, Lanes, Operand};
use super::{Job, Place, finish};
use crate::cpu::{Simd, at_level};
use crate::pack::PANEL;

/// Multiplies the rows at `places` (at most [`At::ROWS`]) by the panels `first..first + count`.
#[inline(always)]
pub(super) fn rows<S: Simd, W: At<S>>(
    s: S,
    job: &Job<W>,
    places: &[Place],
    first: usize,
    count: usize,
    y: &mut [W::Sum],
) {
    /// One arm a number of rows; those that `ROWS` rules out are never compiled.
    macro_rules! arms {
        ($($r:literal)*) => {
            match places.len() {
                $($r => {
                    if const { $r <= W::ROWS } && let Ok(places) = places.try_into() {
                        row_tile::<S, W, $r>(s, job, places, first, count, y);
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
fn row_tile<S: Simd, W: At<S>, const R: usize>(
    s: S,
    job: &Job<W>,
    places: &[Place; R],
    first: usize,
    count: usize,
    y: &mut [W::Sum],
) {
    let end = first + count;
    let unused = (end * PANEL).saturating_sub(job.columns);
    // Few columns (as few as 8 channels of an image): half a panel is half the work. Full tiles only, the others are not worth their code.
    if const { W::HALVES && R + 1 >= W::ROWS } {
        let half = usize::from(count > 0 && unused >= PANEL / 2);
        if count > half {
            whole_panels::<S, W, R>(s, job, places, first, count - half, y);
        }
        if half == 1 {
            half_panel::<S, W, R>(s, job, places, end - 1, y);
        }
    } else {
        whole_panels::<S, W, R>(s, job, places, first, count, y);
    }
}

/// R rows × whole panels.
///
/// Not inlined: in one function with the other tiles, one or two sums of each lose their registers (10 % slower).
#[inline(never)]
fn whole_panels<S: Simd, W: At<S>, const R: usize>(
    s: S,
    job: &Job<W>,
    places: &[Place; R],
    first: usize,
    count: usize,
    y: &mut [W::Sum],
) {
    at_level(
        s,
        #[inline(always)]
        || {
            let windows = &windows(job, places, 0);
            let end = first + count;
            match W::Whole::LANES {
                16 => {
                    for p in (first..end - count % 2).step_by(2) {
                        panel_tile::<S, W, W::Whole, R, 2, 2>(s, job, places, Some(windows), p, y);
                    }
                    if count % 2 == 1 {
                        panel_tile::<S, W, W::Whole, R, 1, 1>(
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
                        panel_tile::<S, W, W::Whole, R, 1, 2>(s, job, places, Some(windows), p, y);
                    }
                }
                _ if const { W::BY_HALVES && R > 2 } => {
                    for p in first..end {
                        panel_tile::<S, W, W::Half, R, 1, 1>(s, job, places, Some(windows), p, y);
                        if job.columns > p * PANEL + PANEL / 2 {
                            panel_tile::<S, W, W::Upper, R, 1, 1>(
                                s,
                                job,
                                places,
                                Some(windows),
                                p,
                                y,
                            );
                        }
                    }
                }
                _ => {
                    let mut p = first;
                    // A row by itself waits for its weights: two streams of them keep more loads under way.
                    if const { W::BY_HALVES && R == 1 } {
                        while p + 1 < end {
                            panel_tile::<S, W, W::Whole, R, 2, 8>(
                                s,
                                job,
                                places,
                                Some(windows),
                                p,
                                y,
                            );
                            p += 2;
                        }
                    }
                    while p < end {
                        panel_tile::<S, W, W::Whole, R, 1, 4>(s, job, places, Some(windows), p, y);
                        p += 1;
                    }
                }
            }
        },
    );
}

/// R rows × the first half of a panel.
#[inline(never)]
fn half_panel<S: Simd, W: At<S>, const R: usize>(
    s: S,
    job: &Job<W>,
    places: &[Place; R],
    panel: usize,
    y: &mut [W::Sum],
) {
    at_level(
        s,
        #[inline(always)]
        || {
            // Taken before the loop only where there are registers for them: with sixteen, every segment would load them again.
            let known;
            let first = if const { W::Whole::LANES == 16 } {
                known = windows(job, places, 0);
                Some(&known)
            } else {
                None
            };
            panel_tile::<S, W, W::Half, R, 1, 1>(s, job, places, first, panel, y);
        },
    );
}

/// What a segment covers of each row.
#[inline(always)]
fn windows<'a, W: Operand, const R: usize>(
    job: &Job<'a, W>,
    places: &[Place; R],
    segment: usize,
) -> [&'a [W::Group]; R] {
    let mut windows: [&[W::Group]; R] = [&[]; R];
    if let Some(offset) = job.offsets.get(segment) {
        let mut r = 0;
        while r < R {
            let start = places[r].x + offset;
            windows[r] = W::groups(&job.x[start..start + job.len]);
            r += 1;
        }
    }
    windows
}

/// One tile: R rows × P panels of N vectors in all (`N * lanes == P * PANEL`), or × half of one panel.
#[inline(always)]
fn panel_tile<S: Simd, W: At<S>, F: Lanes<S, W>, const R: usize, const P: usize, const N: usize>(
    s: S,
    job: &Job<W>,
    places: &[Place; R],
    first_windows: Option<&[&[W::Group]; R]>,
    panel: usize,
    y: &mut [W::Sum],
) {
    let start = panel * PANEL + F::FIRST;
    let mut sums: Sums<F, R, N> = [[F::all(s, W::Sum::default()); N]; R];

    let mut at = panel * job.panel_len + job.panel_start;
    for segment in 0..job.offsets.len() {
        // The first segment's windows were taken once for all panels: of a matrix there are no others.
        let rows = match first_windows {
            Some(first) if segment == 0 => *first,
            _ => windows(job, places, segment),
        };
        let mut panels: [&[W]; P] = [&[]; P];
        let mut p = 0;
        while p < P {
            panels[p] = &job.panels[at + p * job.panel_len..][..job.len / W::DEPTH * PANEL];
            p += 1;
        }
        // Three channels (or one) under a kernel of 3: the lengths too short for rounds, worth code of their own in full tiles.
        sums = match job.len / W::DEPTH {
            3 if const { W::SHORT && R == W::ROWS } => {
                multiply_3::<S, W, F, R, P, N>(s, sums, rows, panels)
            }
            9 if const { W::SHORT && R == W::ROWS } => {
                multiply_9::<S, W, F, R, P, N>(s, sums, rows, panels)
            }
            _ => multiply::<S, W, F, R, P, N>(s, sums, rows, panels),
        };
        at += job.len / W::DEPTH * PANEL;
    }

    finish::rows::<S, W, F, R, N>(s, job, sums, places, 0, start, y);
}
