//! Windows of f32, in vectors.
//!
//! With stride 1 most of what a window covers its neighbours cover too. Then a line of the output is folded in two steps: along all
//! outer axes into one line of columns (every column once, whatever the number of windows that see it), then along that line. Both
//! steps walk runs of memory whose neighbours do the same, so that vectors are full with any number of channels.

use core::ops::Range;

use super::window::{Axis, Fold, Taps, each_line};
use crate::cpu::{Cpu, Simd, dispatch, f32x4, prelude::*};

/// Floats of the line of columns: it stays in the first-level cache beside what it is folded from.
const LINE: usize = 2048;
/// Windows that the line has room for, side by side: the columns at its ends are folded for two parts of an output line.
const WINDOWS: usize = 4;

/// A [`Fold`] on vectors of channels.
pub(super) trait VectorFold: Fold<f32> {
    /// The scale that leaves a result as it is, because it is folded further.
    fn unfinished(&self) -> f32;
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

/// `count` runs of `len` outputs each, at equal distances; every run is folded from what lies `steps` apart in x.
#[derive(Clone, Copy, Default)]
struct Runs {
    /// Number of runs.
    count: usize,
    /// Outputs of a run: element i is folded from the elements i further on.
    len: usize,
    /// Where the first run begins in x and in y.
    at: [usize; 2],
    /// From one run to the next, in x and in y.
    pitch: [usize; 2],
    /// What is folded into one output.
    steps: Steps,
    /// How it is finished.
    scale: f32,
}

/// Runs that are folded in one call.
const MANY: usize = 4;

/// Folds every window, where folding parts and then their results gives the same, but for rounding.
///
/// Only [`all`] is compiled for each level: what is here is done once a line.
pub(super) fn fold<F: VectorFold>(
    cpu: Cpu,
    fold: F,
    axes: &[Axis; 3],
    channels: usize,
    x: &[f32],
    y: &mut [f32],
) {
    if y.is_empty() {
        return;
    }
    // Too few channels for the longest vectors, and nothing beside them.
    let cpu = if channels < 16 && axes[2].stride > 1 {
        cpu.narrower()
    } else {
        cpu
    };
    let lanes = dispatch!(cpu.level, s => lanes(s));
    let run = |x: &[f32], list: &[Runs], y: &mut [f32]| dispatch!(cpu.level, s => all(s, fold, x, list, y));
    let mut list = [Runs::default(); MANY];
    let mut known = None;
    let axis = axes[2];
    let cut = Cut::new(&axis, channels, lanes);
    let mut line = [0.0; LINE];
    each_line(axes, channels, x, y, |_, taps, x, y| {
        let Some(cut) = cut else {
            let windows = axis.alike(0..axis.out).map(|windows| {
                let mut window = taps;
                window.reach[2] = axis.reach(windows.start);
                let (at, steps) = window.runs(channels);
                Runs {
                    count: windows.len(),
                    len: channels,
                    at: [at, windows.start * channels],
                    pitch: [axis.stride * channels, channels],
                    steps,
                    scale: fold.scale(&window),
                }
            });
            in_lists(windows, &mut list, |list| run(x, list, y));
            return;
        };
        for start in (0..axis.out).step_by(cut.windows) {
            let end = (start + cut.windows).min(axis.out);
            for block in 0..cut.blocks {
                let channel = (block * cut.block).min(channels - cut.block);
                let line = &mut line[..(end - start - 1 + axis.span()) * cut.block];
                let (columns, runs) = columns(
                    &taps,
                    &axis,
                    start,
                    channels,
                    cut.block,
                    line.len(),
                    fold.unfinished(),
                );
                line[..columns.start].fill(fold.first());
                line[columns.end..].fill(fold.first());
                run(&x[channel..], &[runs], line);
                // The windows of one line are those of the next, unless that begins or ends somewhere else.
                let key = (taps.sides(), start, block);
                if let Some((_, count)) = known.filter(|(known, _)| *known == key) {
                    run(line, &list[..count], y);
                    continue;
                }
                let windows = axis.alike(start..end).map(|windows| {
                    let mut window = taps;
                    window.reach[2] = axis.reach(windows.start);
                    let runs = Runs {
                        count: windows.len(),
                        len: cut.block,
                        at: [
                            (windows.start - start) * cut.block,
                            windows.start * channels + channel,
                        ],
                        pitch: [cut.block, channels],
                        steps: [(1, 0), (1, 0), (axis.kernel, axis.dilation * cut.block)],
                        scale: fold.scale(&window),
                    };
                    runs.joined()
                });
                let count = in_lists(windows, &mut list, |list| run(line, list, y));
                known = count.map(|count| (key, count));
            }
        }
    });
}

/// Calls `f` with a few runs at a time; returns how many those are that `list` holds, if they are all.
fn in_lists(
    mut runs: impl Iterator<Item = Runs>,
    list: &mut [Runs; MANY],
    mut f: impl FnMut(&[Runs]),
) -> Option<usize> {
    for round in 0.. {
        let mut count = 0;
        for (to, runs) in list.iter_mut().zip(&mut runs) {
            *to = runs;
            count += 1;
        }
        f(&list[..count]);
        if count < MANY {
            return (round == 0).then_some(count);
        }
    }
    None
}

/// The columns of a line, `len` elements of it from column `start` on (in the padded image), each folded along the outer axes: where in
/// the line those lie that are in the image, and their runs.
fn columns(
    taps: &Taps,
    axis: &Axis,
    start: usize,
    channels: usize,
    block: usize,
    len: usize,
    unfinished: f32,
) -> (Range<usize>, Runs) {
    let columns = len / block;
    let left = axis.begin.saturating_sub(start).min(columns);
    let right = (axis.begin + axis.size).saturating_sub(start).min(columns);
    let (from, [a, b, _]) = taps.runs(channels);
    let first = (start + left).saturating_sub(axis.begin);
    let runs = Runs {
        count: right - left,
        len: block,
        at: [from + first * channels, left * block],
        pitch: [channels, block],
        steps: [(1, 0), a, b],
        scale: unfinished,
    };
    (left * block..right * block, runs.joined())
}

impl Runs {
    /// One run where they follow each other without a gap.
    fn joined(mut self) -> Self {
        if self.pitch == [self.len; 2] {
            self.len *= self.count;
            self.count = self.count.min(1);
        }
        self
    }
}

#[inline(always)]
fn lanes<S: Simd>(_: S) -> usize {
    S::f32s::LEN
}

/// All runs of a list.
#[inline(always)]
fn all<S: Simd>(s: S, fold: impl VectorFold, x: &[f32], list: &[Runs], y: &mut [f32]) {
    for runs in list {
        let &Runs {
            count,
            len,
            at: [mut x_at, mut y_at],
            pitch,
            steps: [a, b, c],
            scale,
        } = runs;
        for _ in 0..count {
            let y = &mut y[y_at..][..len];
            if a.0 * b.0 == 1 {
                let steps = [c];
                Source { x, at: x_at, steps }.run(s, fold, scale, y);
            } else {
                let steps = [a, b, c];
                Source { x, at: x_at, steps }.run(s, fold, scale, y);
            }
            x_at += pitch[0];
            y_at += pitch[1];
        }
    }
}

/// What outputs are folded from: what lies `steps` apart in `x`, from element `at` on for the first, from the next one on for the next.
#[derive(Clone, Copy)]
struct Source<'a, const A: usize> {
    x: &'a [f32],
    at: usize,
    /// One or three loops, the outermost first.
    steps: [(usize, usize); A],
}

impl<const A: usize> Source<'_, A> {
    /// y = the fold of each output's elements.
    #[inline(always)]
    fn run<S: Simd>(self, s: S, fold: impl VectorFold, scale: f32, y: &mut [f32]) {
        if y.len() >= S::f32s::LEN {
            let done = self.fours::<S, S::f32s>(s, fold, scale, y);
            self.ones::<S, S::f32s>(s, fold, scale, done, y);
        } else if const { S::f32s::LEN > 4 } && y.len() >= 4 {
            self.ones::<S, f32x4<S>>(s, fold, scale, 0, y);
        } else {
            for (i, y) in y.iter_mut().enumerate() {
                let mut acc = fold.first();
                self.each(
                    i,
                    #[inline(always)]
                    |at| acc = fold.step(acc, self.x[at]),
                );
                *y = fold.finish(acc, scale);
            }
        }
    }

    /// Calls `f` with the position of every element that output `i` is folded from.
    #[inline(always)]
    fn each(self, i: usize, mut f: impl FnMut(usize)) {
        let mut at = self.at + i;
        let c = self.steps[A - 1];
        if const { A == 1 } {
            for _ in 0..c.0 {
                f(at);
                at += c.1;
            }
            return;
        }
        let (a, b) = (self.steps[0], self.steps[A / 2]);
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

    /// [`run`](Self::run) by four vectors at a time; returns how many elements that makes.
    #[inline(always)]
    fn fours<S: Simd, V: SimdFloat<S, Element = f32>>(
        self,
        s: S,
        fold: impl VectorFold,
        scale: f32,
        y: &mut [f32],
    ) -> usize {
        let first = fold.first_v::<S, V>(s);
        let mut i = 0;
        // Four vectors, by their names: an array of them would be taken apart too late, and live in memory.
        while i + 4 * V::LEN <= y.len() {
            let (mut a, mut b, mut c, mut d) = (first, first, first, first);
            self.each(
                i,
                #[inline(always)]
                |at| {
                    let x = &self.x[at..at + 4 * V::LEN];
                    a = fold.step_v(s, a, V::from_slice(s, &x[..V::LEN]));
                    b = fold.step_v(s, b, V::from_slice(s, &x[V::LEN..2 * V::LEN]));
                    c = fold.step_v(s, c, V::from_slice(s, &x[2 * V::LEN..3 * V::LEN]));
                    d = fold.step_v(s, d, V::from_slice(s, &x[3 * V::LEN..]));
                },
            );
            let y = &mut y[i..i + 4 * V::LEN];
            fold.finish_v(s, a, scale).store_slice(&mut y[..V::LEN]);
            fold.finish_v(s, b, scale)
                .store_slice(&mut y[V::LEN..2 * V::LEN]);
            fold.finish_v(s, c, scale)
                .store_slice(&mut y[2 * V::LEN..3 * V::LEN]);
            fold.finish_v(s, d, scale).store_slice(&mut y[3 * V::LEN..]);
            i += 4 * V::LEN;
        }
        i
    }

    /// [`run`](Self::run) by vectors from element `i` of y on; the last one overlaps its neighbour so that there is no tail (computing an
    /// element twice gives the same twice).
    #[inline(always)]
    fn ones<S: Simd, V: SimdFloat<S, Element = f32>>(
        self,
        s: S,
        fold: impl VectorFold,
        scale: f32,
        mut i: usize,
        y: &mut [f32],
    ) {
        let first = fold.first_v::<S, V>(s);
        while i < y.len() {
            i = i.min(y.len() - V::LEN);
            let mut acc = first;
            self.each(
                i,
                #[inline(always)]
                |at| acc = fold.step_v(s, acc, V::from_slice(s, &self.x[at..at + V::LEN])),
            );
            fold.finish_v(s, acc, scale)
                .store_slice(&mut y[i..i + V::LEN]);
            i += V::LEN;
        }
    }
}
