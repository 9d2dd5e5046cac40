//! The product kernel under every layer that multiplies: `y = activation(x · w + bias + addend)`.
//!
//! A row of x is a list of *segments*, runs of consecutive elements at fixed distances from the row's first one; w is packed in panels of
//! [`PANEL`] columns ([`pack::panels`](crate::pack::panels)). A matrix has one segment a row; a convolution has one per kernel row, because in
//! channels-last order the inputs under one kernel row are neighbours in memory: no im2col is made.

#[cfg(feature = "integer")]
mod bytes;
mod dots;
mod finish;
mod grid;
#[cfg(any(feature = "conv", feature = "integer"))]
mod images;
mod lines;
mod multiply;
mod operand;
mod tile;

use crate::cpu::{Cpu, Simd, dispatch};
use crate::pack::PANEL;

#[cfg(feature = "integer")]
pub(crate) use bytes::DEPTH;
use grid::Place;
pub(crate) use grid::{Grid, Segments};
#[cfg(any(feature = "conv", feature = "integer"))]
pub(crate) use images::images;
use operand::{At, Limits, Operand};

/// Segments per block at most: their offsets live on the stack.
const MAX_SEGMENTS: usize = 32;
/// Bytes of packed kernel to keep in the first-level cache while rows pass by.
const KERNEL_BYTES: usize = 24 << 10;
/// Bytes of x and y to keep in the second-level cache while panels pass by.
const ROW_BYTES: usize = 256 << 10;
/// Bytes of y to finish (activation) while they are in the first-level cache.
const OUTPUT_BYTES: usize = 12 << 10;

/// What is added to a product before the activation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Addend<'a, T = f32> {
    /// Nothing.
    Nothing,
    /// Another tensor, laid out as y.
    Slice(&'a [T]),
    /// What y held.
    Output,
}

impl<'a, T> Addend<'a, T> {
    /// What of it is added to the part of y that begins at `start`.
    #[cfg(feature = "conv")]
    pub(crate) fn of(self, start: usize, len: usize) -> Self {
        match self {
            Self::Slice(values) => Self::Slice(&values[start..][..len]),
            other => other,
        }
    }
}

/// A product of many rows with one packed kernel, whose element says which types are multiplied, and how ([`Operand`]).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product<'a, W: Operand = f32> {
    /// Where rows begin in x and in y.
    pub grid: Grid,
    /// What a row of x consists of.
    pub segments: Segments,
    /// Columns of y.
    pub columns: usize,
    /// `[ceil(columns / 16)][segments.total() / W::DEPTH][16]`
    pub panels: &'a [W],
    /// Added to each row: `[columns]`.
    pub bias: Option<&'a [W::Sum]>,
    /// Applied last: the activation of floats. Where the rows of y are not neighbours only what tiles do by themselves: Linear, Relu
    /// and Clip.
    pub activation: W::End,
}

/// What a tile needs to know: one block of k of a [`Product`].
#[derive(Clone, Copy)]
struct Job<'a, W: Operand> {
    x: &'a [W::Element],
    /// Where the segments of this block begin, from the row's begin.
    offsets: &'a [usize],
    /// Elements of x per segment.
    len: usize,
    panels: &'a [W],
    /// Distance between panels.
    panel_len: usize,
    /// Where this block begins in each panel.
    panel_start: usize,
    columns: usize,
    bias: Option<&'a [W::Sum]>,
    addend: Addend<'a, W::Sum>,
    /// Least and greatest value of y.
    limits: Limits<W>,
}

impl Product<'_> {
    /// y = activation(x · w + bias + addend)
    pub(crate) fn run(&self, cpu: Cpu, x: &[f32], addend: Addend, y: &mut [f32]) {
        dispatch!(dots::level(self, cpu).level, s => self.run_at(s, x, addend, y));
    }
}

impl<W: Operand> Product<'_, W> {
    #[inline(always)]
    fn run_at<S: Simd>(&self, s: S, x: &[W::Element], addend: Addend<W::Sum>, y: &mut [W::Sum])
    where
        W: At<S>,
    {
        let rows = self.grid.rows();
        if rows == 0 || self.columns == 0 {
            return;
        }
        let (limits, rest) = W::limits(self.activation);
        if W::without_tiles(s, self, x, addend, limits, y) {
            if let Some(rest) = rest {
                W::finish(s, rest, &mut y[..rows * self.columns]);
            }
            return;
        }
        let total = self.segments.total();
        let (count, len) = (self.segments.count(), self.segments.len);
        let segments_per_block = (W::MAX_BLOCK / len.max(1))
            .clamp(1, MAX_SEGMENTS)
            .min(count);
        let parts = len.div_ceil(W::MAX_BLOCK).max(1);
        let part_len = len.div_ceil(parts).next_multiple_of(4);

        let panels = self.columns.div_ceil(PANEL);
        let block_len = segments_per_block * len.min(part_len);
        let block_bytes = block_len / W::DEPTH * PANEL * size_of::<W>();
        let group = (KERNEL_BYTES / block_bytes.max(1)).max(2) / 2 * 2;
        let tiles = rows.div_ceil(W::ROWS);
        let row_len = if group >= panels {
            self.columns
        } else {
            block_len + self.columns
        };
        let budget = if group >= panels {
            OUTPUT_BYTES
        } else {
            ROW_BYTES
        };
        let tiles_per_block = (budget / (row_len * 4 * rows.div_ceil(tiles)).max(1)).max(1);

        let mut offsets = [0; MAX_SEGMENTS];
        let mut places = [Place::default(); grid::MAX_ROWS];
        let mut block_start = self.grid.begin();
        for first_tile in (0..tiles).step_by(tiles_per_block) {
            let block_tiles = first_tile..(first_tile + tiles_per_block).min(tiles);
            let mut cursor = block_start.clone();
            for first_panel in (0..panels).step_by(group) {
                let panel_count = group.min(panels - first_panel);
                for first_segment in (0..count).step_by(segments_per_block) {
                    let segment_count = segments_per_block.min(count - first_segment);
                    for part in 0..parts {
                        let k = part * part_len;
                        for (i, offset) in offsets[..segment_count].iter_mut().enumerate() {
                            *offset = self.segments.offset(first_segment + i) + k;
                        }
                        let (is_first, is_last) = (
                            first_segment == 0 && part == 0,
                            first_segment + segment_count == count && part + 1 == parts,
                        );
                        let job = Job {
                            x,
                            offsets: &offsets[..segment_count],
                            len: part_len.min(len - k),
                            panels: self.panels,
                            panel_len: total / W::DEPTH * PANEL,
                            panel_start: (first_segment * len + k) / W::DEPTH * PANEL,
                            columns: self.columns,
                            bias: if is_last { self.bias } else { None },
                            addend: if is_first { addend } else { Addend::Output },
                            limits: if is_last { limits } else { W::UNLIMITED },
                        };
                        cursor = block_start.clone();
                        for t in block_tiles.clone() {
                            let places = &mut places[..Grid::tile_rows(rows, tiles, t)];
                            cursor.take(&self.grid, places);
                            tile::rows(s, &job, places, first_panel, panel_count, y);
                        }
                    }
                }
            }
            if let Some(rest) = rest {
                let start = block_start.row() * self.columns;
                W::finish(s, rest, &mut y[start..cursor.row() * self.columns]);
            }
            block_start = cursor;
        }
    }
}
