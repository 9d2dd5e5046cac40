//! Products of rows that overlap: first convolutions, of images with one channel or three.
//!
//! Their segments are a few elements long, and finding every row's own takes a tile longer than multiplying them. But neighbours on a
//! line begin one pixel apart: one slice has a segment of all rows of a tile, and their elements lie at constant distances in it.

use core::ops::Range;

use super::finish;
use super::multiply::Sums;
use super::operand::{At, Lanes, Limits};
use super::{Addend, Job, KERNEL_BYTES, MAX_SEGMENTS, Operand, Place, Product};
use crate::cpu::{Simd, at_level, prelude::*};
use crate::pack::PANEL;

/// Rows of a tile at most: as many must be on a line.
const ROWS: usize = 8;

/// A vector of half a panel.
type Half<S> = <f32 as At<S>>::Half;

/// Whether the product has the shape for it: rows that overlap, enough of them on a line, weights that stay in the first-level cache.
fn fits(product: &Product) -> bool {
    let (segments, grid) = (&product.segments, &product.grid);
    let total = segments.total();
    grid.size[2] >= ROWS
        && product.columns >= PANEL / 2
        && (segments.count() > 1 || segments.len > grid.x_step[2])
        && segments.count() <= MAX_SEGMENTS
        && total <= f32::MAX_BLOCK
        && product.columns.div_ceil(PANEL) * total * PANEL * size_of::<f32>() <= KERNEL_BYTES
}

/// y = x · w + bias + addend within `limits`, or `false` if the product does not have the shape for it.
#[inline(always)]
pub(super) fn run<S: Simd>(
    s: S,
    product: &Product,
    x: &[f32],
    addend: Addend,
    limits: Limits<f32>,
    y: &mut [f32],
) -> bool {
    // Four lanes have no registers for eight rows of half a panel, or (NEON) are fast without.
    if const { S::f32s::LEN < PANEL / 2 } || !fits(product) {
        return false;
    }
    let mut offsets = [0; MAX_SEGMENTS];
    let offsets = &mut offsets[..product.segments.count()];
    for (i, offset) in offsets.iter_mut().enumerate() {
        *offset = product.segments.offset(i);
    }
    let job = Job {
        x,
        offsets,
        len: product.segments.len,
        panels: product.panels,
        panel_len: product.segments.total() * PANEL,
        panel_start: 0,
        columns: product.columns,
        bias: product.bias,
        addend,
        limits,
    };
    /// The arm for a distance of rows, and what eight and four of them reach over.
    macro_rules! arms {
        ($($step:literal)*) => {
            match product.grid.x_step[2] {
                $($step => outlined::<S, $step, { 7 * $step + 1 }, { 3 * $step + 1 }>(s, product, &job, y),)*
                _ => return false,
            }
        };
    }
    arms!(1 2 3 6);
    true
}

/// [`lines`], one call away: as the tiles, for the sake of its registers.
#[inline(never)]
fn outlined<S: Simd, const STEP: usize, const REACH: usize, const REACH_4: usize>(
    s: S,
    product: &Product,
    job: &Job<f32>,
    y: &mut [f32],
) {
    at_level(
        s,
        #[inline(always)]
        || lines::<S, STEP, REACH, REACH_4>(s, product, job, y),
    );
}

/// All lines, a tile at a time: four rows × two vectors, or eight × one, whose eight sums hide a multiplication's latency.
#[inline(always)]
fn lines<S: Simd, const STEP: usize, const REACH: usize, const REACH_4: usize>(
    s: S,
    product: &Product,
    job: &Job<f32>,
    y: &mut [f32],
) {
    let grid = &product.grid;
    for plane in 0..grid.size[0] {
        for row in 0..grid.size[1] {
            let begin = |step: &[usize; 3]| plane * step[0] + row * step[1];
            let line = Line {
                begin: Place {
                    x: begin(&grid.x_step),
                    y: begin(&grid.y_step),
                },
                width: grid.size[2],
                y_step: grid.y_step[2],
            };
            let (mut panel, mut left) = (0, job.columns);
            if const { S::f32s::LEN == PANEL } {
                while left > PANEL {
                    let whole = line.width / 8 * 8;
                    line.run::<S, S::f32s, 8, STEP, REACH, 2, 2>(s, job, 0..whole, panel, y);
                    let rest = whole..line.width;
                    line.run::<S, S::f32s, 4, STEP, REACH_4, 2, 2>(s, job, rest, panel, y);
                    panel += 2;
                    left = left.saturating_sub(2 * PANEL);
                }
                if left > PANEL / 2 {
                    line.run::<S, S::f32s, 8, STEP, REACH, 1, 1>(s, job, 0..line.width, panel, y);
                    left = 0;
                }
            } else {
                while left > PANEL / 2 {
                    line.run::<S, S::f32s, 4, STEP, REACH_4, 1, 2>(s, job, 0..line.width, panel, y);
                    panel += 1;
                    left = left.saturating_sub(PANEL);
                }
            }
            if left > 0 {
                line.run::<S, Half<S>, 8, STEP, REACH, 1, 1>(s, job, 0..line.width, panel, y);
            }
        }
    }
}

/// A line of rows.
struct Line {
    begin: Place,
    width: usize,
    /// Distance of neighbours in y.
    y_step: usize,
}

impl Line {
    /// These rows of the line × `N` vectors of `P` panels, `R` rows at a time; the last of them overlap their neighbours.
    #[inline(always)]
    fn run<
        S: Simd,
        F: Lanes<S, f32>,
        const R: usize,
        const STEP: usize,
        const REACH: usize,
        const P: usize,
        const N: usize,
    >(
        &self,
        s: S,
        job: &Job<f32>,
        rows: Range<usize>,
        panel: usize,
        y: &mut [f32],
    ) {
        for first in rows.step_by(R) {
            let row = first.min(self.width - R);
            // Nothing is added to y twice.
            let skip = match job.addend {
                Addend::Output => first - row,
                _ => 0,
            };
            let mut places = [Place::default(); R];
            for (r, place) in places.iter_mut().enumerate() {
                place.x = self.begin.x + (row + r) * STEP;
                place.y = self.begin.y + (row + r) * self.y_step;
            }
            let sums = products::<S, F, R, STEP, REACH, P, N>(s, job, places[0].x, panel);
            finish::rows::<S, f32, F, R, N>(s, job, sums, &places, skip, panel * PANEL, y);
        }
    }
}

/// The products of `R` rows, the first of them at `begin`, with `N` vectors of `P` panels.
#[inline(always)]
fn products<
    S: Simd,
    F: Lanes<S, f32>,
    const R: usize,
    const STEP: usize,
    const REACH: usize,
    const P: usize,
    const N: usize,
>(
    s: S,
    job: &Job<f32>,
    begin: usize,
    panel: usize,
) -> Sums<F, R, N> {
    let mut sums: Sums<F, R, N> = [[F::all(s, 0.0); N]; R];
    let mut at = panel * job.panel_len;
    for offset in job.offsets {
        let x = &job.x[begin + offset..][..REACH - 1 + job.len];
        let mut panels: [&[[f32; PANEL]]; P] = [&[]; P];
        let mut p = 0;
        while p < P {
            panels[p] = &job.panels[at + p * job.panel_len..].as_chunks().0[..job.len];
            p += 1;
        }
        let mut i = 0;
        while let Some(x) = x[i..].first_chunk::<REACH>() {
            let mut weights = [F::weights(s, &panels[0][i]); N];
            let mut n = 1;
            while n < N {
                let (panel, vector) = (n / (N / P), n % (N / P));
                weights[n] = F::weights(s, &panels[panel][i][vector * F::LANES..]);
                n += 1;
            }
            /// Written out: a loop over the rows would be unrolled too late, and the sums live in memory.
            macro_rules! rows {
                ($($r:literal)*) => {
                    $(if const { $r < R } {
                        let x = F::values(s, x[$r * STEP]);
                        let mut n = 0;
                        while n < N {
                            sums[$r][n] = sums[$r][n].multiply_add(s, x, weights[n]);
                            n += 1;
                        }
                    })*
                };
            }
            rows!(0 1 2 3 4 5 6 7);
            i += 1;
        }
        at += job.len * PANEL;
    }
    sums
}
