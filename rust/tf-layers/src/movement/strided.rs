//! The one loop under transposition, slicing, broadcasting and padding: copies from a strided view to a strided view.

use core::any::{Any, TypeId};

use crate::axis::strides;
use crate::cpu::{Level, SMALL, dispatch, f32x4, prelude::*};

/// Axes a walk can have; walks of a layer of rank R need at most R, tiling 2 R.
const MAX_AXES: usize = 16;
/// Side of the square blocks in which a transposition goes.
const BLOCK: usize = 8;

/// One axis of a copy.
#[derive(Debug, Clone, Copy)]
struct Axis {
    size: usize,
    /// Elements between neighbours in the source: 0 repeats, negative reverses.
    from: isize,
    /// Elements between neighbours in the destination.
    to: usize,
}

/// A copy between two strided views, as few axes as say it.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    axes: [Axis; MAX_AXES],
    rank: usize,
    empty: bool,
}

impl Walk {
    pub(super) fn new() -> Self {
        Self {
            axes: [Axis {
                size: 1,
                from: 0,
                to: 0,
            }; MAX_AXES],
            rank: 0,
            empty: false,
        }
    }

    /// A walk that fills a dense destination of this shape.
    pub(super) fn dense<const R: usize>(shape: [usize; R], from: [isize; R]) -> Self {
        let mut walk = Self::new();
        let to = strides(shape);
        for d in 0..R {
            walk.push(shape[d], from[d], to[d]);
        }
        walk
    }

    /// Adds an axis inside all others. Axes of size 1 vanish, and one that continues its outer neighbour joins it.
    pub(super) fn push(&mut self, size: usize, from: isize, to: usize) {
        self.empty |= size == 0;
        if size <= 1 {
            return;
        }
        if let Some(outer) = self.axes[..self.rank].last_mut()
            && outer.from == from * size as isize
            && outer.to == to * size
        {
            *outer = Axis {
                size: outer.size * size,
                from,
                to,
            };
            return;
        }
        assert!(self.rank < MAX_AXES, "tensors have at most {MAX_AXES} axes");
        self.axes[self.rank] = Axis { size, from, to };
        self.rank += 1;
    }

    /// Copies: `x[start]` is the first element read, `y[0]` the first written.
    pub(super) fn copy<T: Clone + 'static>(&self, x: &[T], start: usize, y: &mut [T]) {
        if self.empty {
            return;
        }
        let axes = &self.axes[..self.rank];
        let Some((&inner, outer)) = axes.split_last() else {
            y[0].clone_from(&x[start]);
            return;
        };
        if !SMALL && inner.to == 1 && inner.from != 1 {
            // Where another axis is contiguous in the source, both go together in blocks.
            if let Some(j) = outer.iter().position(|a| a.from == 1) {
                let column = outer[j];
                let mut rest = [inner; MAX_AXES];
                rest[..j].copy_from_slice(&outer[..j]);
                rest[j..outer.len() - 1].copy_from_slice(&outer[j + 1..]);
                each(&rest[..outer.len() - 1], start as isize, |from, to| {
                    transpose(inner, column, from as usize, x, &mut y[to..]);
                });
                return;
            }
        }
        match inner {
            Axis {
                size,
                from: 1,
                to: 1,
            } => each(outer, start as isize, |from, to| {
                let (x, y) = (&x[from as usize..][..size], &mut y[to..][..size]);
                // A call of memcpy costs more than a few elements.
                if size <= 8 {
                    y.iter_mut().zip(x).for_each(|(y, x)| y.clone_from(x));
                } else {
                    y.clone_from_slice(x);
                }
            }),
            Axis {
                size,
                from: 0,
                to: 1,
            } => each(outer, start as isize, |from, to| {
                let x = &x[from as usize];
                y[to..][..size].iter_mut().for_each(|y| y.clone_from(x));
            }),
            Axis {
                size,
                from: step,
                to,
            } => each(outer, start as isize, |from, at| {
                let mut from = from;
                for y in y[at..].iter_mut().step_by(to).take(size) {
                    y.clone_from(&x[from as usize]);
                    from += step;
                }
            }),
        }
    }
}

/// Calls `f(from, to)` for every combination of positions along `axes`.
#[inline(always)]
fn each(axes: &[Axis], start: isize, mut f: impl FnMut(isize, usize)) {
    let Some((&inner, outer)) = axes.split_last() else {
        return f(start, 0);
    };
    let mut index = [0; MAX_AXES];
    let (mut from, mut to) = (start, 0);
    loop {
        let (mut a, mut b) = (from, to);
        for _ in 0..inner.size {
            f(a, b);
            a += inner.from;
            b += inner.to;
        }
        // The odometer: the innermost axis that is not at its end moves on, those inside it go back to 0.
        let mut d = outer.len();
        loop {
            let Some(next) = d.checked_sub(1) else {
                return;
            };
            d = next;
            from += outer[d].from;
            to += outer[d].to;
            index[d] += 1;
            if index[d] < outer[d].size {
                break;
            }
            from -= outer[d].from * outer[d].size as isize;
            to -= outer[d].to * outer[d].size;
            index[d] = 0;
        }
    }
}

/// y[j · column.to + i] = x[start + i · row.from + j]
fn transpose<T: Clone + 'static>(row: Axis, column: Axis, start: usize, x: &[T], y: &mut [T]) {
    let (rows, columns) = (row.size, column.size);
    let line = |i: usize| (start as isize + i as isize * row.from) as usize;
    match rows {
        2 => return interleave::<T, 2>(line, columns, column.to, x, y),
        3 => return interleave::<T, 3>(line, columns, column.to, x, y),
        4 => return interleave::<T, 4>(line, columns, column.to, x, y),
        _ => {}
    }
    if row.from == columns as isize {
        let x = &x[start..];
        match columns {
            2 => return deinterleave::<T, 2>(rows, column.to, x, y),
            3 => return deinterleave::<T, 3>(rows, column.to, x, y),
            4 => return deinterleave::<T, 4>(rows, column.to, x, y),
            _ => {}
        }
    }
    let whole = (rows / BLOCK * BLOCK, columns / BLOCK * BLOCK);
    for pair in (0..whole.0).step_by(2 * BLOCK) {
        for j in (0..whole.1).step_by(BLOCK) {
            // Two blocks together fill whole cache lines of y.
            for i in (pair..whole.0.min(pair + 2 * BLOCK)).step_by(BLOCK) {
                let block: [&[T; BLOCK]; BLOCK] = core::array::from_fn(|r| {
                    x[line(i + r) + j..]
                        .first_chunk()
                        .expect("a whole block lies inside")
                });
                transpose_block(block, column.to, &mut y[j * column.to + i..]);
            }
        }
    }
    for j in 0..columns {
        let first = if j < whole.1 { whole.0 } else { 0 };
        for (i, out) in y[j * column.to..][..rows]
            .iter_mut()
            .enumerate()
            .skip(first)
        {
            out.clone_from(&x[line(i) + j]);
        }
    }
}

/// y[c · to + r] = rows[r][c]
#[inline(always)]
fn transpose_block<T: Clone + 'static>(rows: [&[T; BLOCK]; BLOCK], to: usize, y: &mut [T]) {
    if TypeId::of::<T>() == TypeId::of::<f32>() {
        let rows = rows.map(|row| (row as &dyn Any).downcast_ref().unwrap_or(&[0.0; BLOCK]));
        for (c, column) in transpose_floats(rows).iter().enumerate() {
            let out = y[c * to..].first_chunk_mut::<BLOCK>();
            if let Some(out) = out.and_then(|out| (out as &mut dyn Any).downcast_mut()) {
                *out = *column;
            }
        }
    } else {
        for c in 0..BLOCK {
            for (out, row) in y[c * to..][..BLOCK].iter_mut().zip(rows) {
                out.clone_from(&row[c]);
            }
        }
    }
}

/// An 8 × 8 block of f32, as four of 4 × 4: every level has vectors of four.
#[inline(always)]
fn transpose_floats(rows: [&[f32; BLOCK]; BLOCK]) -> [[f32; BLOCK]; BLOCK] {
    let mut out = [[0.0; BLOCK]; BLOCK];
    dispatch!(Level::baseline(), s => {
        for i in [0, 4] {
            for j in [0, 4] {
                let [a, b, c, d] = core::array::from_fn(
                    #[inline(always)]
                    |r| f32x4::from_slice(s, &rows[i + r][j..j + 4]),
                );
                let (ac, bd) = ((a.zip_low(c), a.zip_high(c)), (b.zip_low(d), b.zip_high(d)));
                let columns = [
                    ac.0.zip_low(bd.0),
                    ac.0.zip_high(bd.0),
                    ac.1.zip_low(bd.1),
                    ac.1.zip_high(bd.1),
                ];
                for (c, column) in columns.into_iter().enumerate() {
                    column.store_slice(&mut out[j + c][i..i + 4]);
                }
            }
        }
    });
    out
}

/// The transposition of few columns (pixels of an image into planes).
fn deinterleave<T: Clone, const N: usize>(rows: usize, to: usize, x: &[T], y: &mut [T]) {
    let pixels = &x.as_chunks::<N>().0[..rows];
    for c in 0..N {
        for (out, pixel) in y[c * to..][..rows].iter_mut().zip(pixels) {
            out.clone_from(&pixel[c]);
        }
    }
}

/// The transposition of few rows (planes of an image into pixels).
fn interleave<T: Clone, const N: usize>(
    line: impl Fn(usize) -> usize,
    columns: usize,
    to: usize,
    x: &[T],
    y: &mut [T],
) {
    let rows: [&[T]; N] = core::array::from_fn(|i| &x[line(i)..][..columns]);
    for (j, pixel) in y.chunks_mut(to).take(columns).enumerate() {
        for (out, row) in pixel[..N].iter_mut().zip(rows) {
            out.clone_from(&row[j]);
        }
    }
}

/// How far neighbours along each axis of a dense tensor lie apart, signed.
pub(super) fn signed<const R: usize>(shape: [usize; R]) -> [isize; R] {
    strides(shape).map(|s| s as isize)
}
