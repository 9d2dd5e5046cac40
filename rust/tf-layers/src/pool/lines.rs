//! Windows of f32, in vectors.
//!
//! With stride 1 most of what a window covers its neighbours cover too. Then a line of the output is folded in two steps: along all
//! outer axes into one line of columns (every column once, whatever the number of windows that see it), then along that line. Both
//! steps walk runs of memory whose neighbours do the same, so that vectors are full with any number of channels.

use super::window::{Axis, Fold, Taps, each, each_line};
use crate::cpu::{Simd, prelude::*};

/// Floats of the line of columns: it stays in the first-level cache beside what it is folded from.
const LINE: usize = 2048;
/// Windows that the line has room for, side by side: the columns at its ends are folded for two parts of an output line.
const WINDOWS: usize = 4;

/// A [`Fold`] on vectors of channels.
pub(super) trait VectorFold: Fold<f32> {
    fn first_v<S: Simd, V: SimdFloat<S, Element = f32>>(&self, s: S) -> V;
    fn step_v<S: Simd, V: SimdFloat<S, Element = f32>>(&self, s: S, acc: V, x: V) -> V;
    fn finish_v<S: Simd, V: SimdFloat<S, Element = f32>>(&self, s: S, acc: V, scale: f32) -> V;
}

/// Three nested loops over elements of x: their numbers and distances, the outermost first.
type Steps = [(usize, usize); 3];

/// How a line of the output is cut, so that the columns it is made of fit a [`LINE`].
#[derive(Clone, Copy)]
struct Cut {
    /// Channels at a time: all, or whole vectors of them.
    block: usize,
    /// Number of such blocks; the last one overlaps its neighbour.
    blocks: usize,
    /// Windows at a time.
    windows: usize,
}

impl Cut {
    /// `None` if columns are not shared, or not even one window fits.
    fn new(axis: &Axis, channels: usize, lanes: usize) -> Option<Self> {
        if axis.stride > 1 {
            return None;
        }
        let most = LINE / (WINDOWS * axis.span());
        let most = (most - most % lanes).max(lanes);
        let blocks = channels.div_ceil(most);
        let block = channels
            .div_ceil(blocks)
            .next_multiple_of(lanes)
            .min(channels);
        let windows = (LINE / block).checked_sub(axis.span())? + 1;
        Some(Self {
            block,
            blocks,
            windows: axis.out.div_ceil(axis.out.div_ceil(windows)),
        })
    }
}

/// Folds every window, where folding parts and then their results gives the same, but for rounding.
#[inline(always)]
pub(super) fn fold<S: Simd>(
    s: S,
    fold: impl VectorFold,
    axes: &[Axis; 3],
    channels: usize,
    x: &[f32],
    y: &mut [f32],
) {
    if y.is_empty() {
        return;
    }
    let axis = axes[2];
    let Some(cut) = Cut::new(&axis, channels, S::f32s::LEN) else {
        return each(
            axes,
            channels,
            x,
            y,
            #[inline(always)]
            |_, taps, x, y| {
                let (first, steps) = taps.runs(channels);
                run(s, fold, x, first, steps, Some(fold.scale(taps)), y);
            },
        );
    };
    let inside = axis.inside();
    let mut line = [0.0; LINE];
    each_line(
        axes,
        channels,
        x,
        y,
        #[inline(always)]
        |_, taps, x, y| {
            for start in (0..axis.out).step_by(cut.windows) {
                let end = (start + cut.windows).min(axis.out);
                for block in 0..cut.blocks {
                    let channel = (block * cut.block).min(channels - cut.block);
                    let line = &mut line[..(end - start - 1 + axis.span()) * cut.block];
                    let x = &x[channel..];
                    columns(s, fold, &taps, &axis, start, channels, cut.block, x, line);
                    let mut c = start;
                    while c < end {
                        let mut window = taps;
                        window.reach[2] = axis.reach(c);
                        // All windows inside the image are alike.
                        let next = if inside.contains(&c) {
                            inside.end.min(end)
                        } else {
                            c + 1
                        };
                        let (count, len) = if cut.block == channels {
                            (1, (next - c) * channels)
                        } else {
                            (next - c, cut.block)
                        };
                        let steps = [(1, 0), (1, 0), (axis.kernel, axis.dilation * cut.block)];
                        let scale = Some(fold.scale(&window));
                        for i in c..c + count {
                            let y = &mut y[i * channels + channel..][..len];
                            run(s, fold, line, (i - start) * cut.block, steps, scale, y);
                        }
                        c = next;
                    }
                }
            }
        },
    );
}

/// `line` = the columns from `start` on (in the padded image), each folded along the outer axes; `x` begins at the first channel.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "inlined into its only caller")]
fn columns<S: Simd>(
    s: S,
    fold: impl VectorFold,
    taps: &Taps,
    axis: &Axis,
    start: usize,
    channels: usize,
    block: usize,
    x: &[f32],
    line: &mut [f32],
) {
    let columns = line.len() / block;
    let left = axis.begin.saturating_sub(start).min(columns);
    let right = (axis.begin + axis.size).saturating_sub(start).min(columns);
    line[..left * block].fill(fold.first());
    line[right * block..].fill(fold.first());
    let (from, [a, b, _]) = taps.runs(channels);
    let (count, len) = if block == channels {
        (usize::from(left < right), (right - left) * block)
    } else {
        (right - left, block)
    };
    for i in 0..count {
        let at = from + (start + left + i - axis.begin) * channels;
        let line = &mut line[(left + i) * block..][..len];
        run(s, fold, x, at, [(1, 0), a, b], None, line);
    }
}

/// y = the fold of what lies `steps` apart in `x`, from element `at` on for the first y, from the next one on for the next; finished if there is
/// a scale.
#[inline(always)]
fn run<S: Simd>(
    s: S,
    fold: impl VectorFold,
    x: &[f32],
    at: usize,
    steps: Steps,
    scale: Option<f32>,
    y: &mut [f32],
) {
    if y.len() >= S::f32s::LEN {
        let done = fours::<S, S::f32s>(s, fold, x, at, steps, scale, y);
        ones::<S, S::f32s>(s, fold, x, at, steps, scale, done, y);
    } else if y.len() >= 4 {
        ones::<S, fearless_simd::f32x4<S>>(s, fold, x, at, steps, scale, 0, y);
    } else {
        for (i, y) in y.iter_mut().enumerate() {
            let mut acc = fold.first();
            each_step(
                at + i,
                steps,
                #[inline(always)]
                |at| acc = fold.step(acc, x[at]),
            );
            *y = scale.map_or(acc, |scale| fold.finish(acc, scale));
        }
    }
}

/// Calls `f` with every position that `steps` reach from `at`.
#[inline(always)]
fn each_step(at: usize, [a, b, c]: Steps, mut f: impl FnMut(usize)) {
    for i in 0..a.0 {
        for j in 0..b.0 {
            let mut at = at + i * a.1 + j * b.1;
            for _ in 0..c.0 {
                f(at);
                at += c.1;
            }
        }
    }
}

/// [`run`] by four vectors at a time; returns how many elements that makes.
#[inline(always)]
fn fours<S: Simd, V: SimdFloat<S, Element = f32>>(
    s: S,
    fold: impl VectorFold,
    x: &[f32],
    at: usize,
    steps: Steps,
    scale: Option<f32>,
    y: &mut [f32],
) -> usize {
    let first = fold.first_v::<S, V>(s);
    let mut i = 0;
    // Four vectors, by their names: an array of them would be taken apart too late, and live in memory.
    while i + 4 * V::LEN <= y.len() {
        let (mut a, mut b, mut c, mut d) = (first, first, first, first);
        each_step(
            at + i,
            steps,
            #[inline(always)]
            |at| {
                let x = &x[at..at + 4 * V::LEN];
                a = fold.step_v(s, a, V::from_slice(s, &x[..V::LEN]));
                b = fold.step_v(s, b, V::from_slice(s, &x[V::LEN..2 * V::LEN]));
                c = fold.step_v(s, c, V::from_slice(s, &x[2 * V::LEN..3 * V::LEN]));
                d = fold.step_v(s, d, V::from_slice(s, &x[3 * V::LEN..]));
            },
        );
        let y = &mut y[i..i + 4 * V::LEN];
        end(s, fold, a, scale, &mut y[..V::LEN]);
        end(s, fold, b, scale, &mut y[V::LEN..2 * V::LEN]);
        end(s, fold, c, scale, &mut y[2 * V::LEN..3 * V::LEN]);
        end(s, fold, d, scale, &mut y[3 * V::LEN..]);
        i += 4 * V::LEN;
    }
    i
}

/// [`run`] by vectors from element `i` of y on; the last one overlaps its neighbour so that there is no tail (computing an element twice gives
/// the same twice).
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "inlined into its only caller")]
fn ones<S: Simd, V: SimdFloat<S, Element = f32>>(
    s: S,
    fold: impl VectorFold,
    x: &[f32],
    at: usize,
    steps: Steps,
    scale: Option<f32>,
    mut i: usize,
    y: &mut [f32],
) {
    let first = fold.first_v::<S, V>(s);
    while i < y.len() {
        i = i.min(y.len() - V::LEN);
        let mut acc = first;
        each_step(
            at + i,
            steps,
            #[inline(always)]
            |at| acc = fold.step_v(s, acc, V::from_slice(s, &x[at..at + V::LEN])),
        );
        end(s, fold, acc, scale, &mut y[i..i + V::LEN]);
        i += V::LEN;
    }
}

/// Writes a vector, finished if there is a scale.
#[inline(always)]
fn end<S: Simd, V: SimdFloat<S, Element = f32>>(
    s: S,
    fold: impl VectorFold,
    acc: V,
    scale: Option<f32>,
    y: &mut [f32],
) {
    match scale {
        Some(scale) => fold.finish_v(s, acc, scale).store_slice(y),
        None => acc.store_slice(y),
    }
}
