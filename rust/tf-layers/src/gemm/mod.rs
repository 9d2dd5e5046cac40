//! The product kernel under every layer that multiplies: `y = activation(x · w + bias + addend)`.
//!
//! A row of x is a list of *segments*, runs of consecutive elements at fixed distances from the row's first one; w is packed in panels of
//! [`PANEL`] columns ([`pack::panels`](crate::pack::panels)). A matrix has one segment a row; a convolution has one per kernel row, because in
//! channels-last order the inputs under one kernel row are neighbours in memory: no im2col is made.

mod dots;
mod finish;
mod grid;
mod multiply;
mod tile;

use crate::activation::{Activation, UNLIMITED};
use crate::cpu::{Cpu, Simd, dispatch};
use crate::pack::PANEL;

use grid::Place;
pub(crate) use grid::{Grid, Segments};

/// Longest sum kept in one accumulator. Fresh accumulators per block keep the error at 3–7e-7 of max |y| (one accumulator
/// over k = 2048 errs 1.4–2.8e-6) and cost 3 %.
const MAX_BLOCK: usize = 768;
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
pub(crate) enum Addend<'a> {
    /// Nothing.
    Nothing,
    /// Another tensor, laid out as y.
    Slice(&'a [f32]),
    /// What y held.
    Output,
}

/// A product of many rows with one packed kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product<'a> {
    /// Where rows begin in x and in y.
    pub grid: Grid,
    /// What a row of x consists of.
    pub segments: Segments,
    /// Columns of y.
    pub columns: usize,
    /// `[ceil(columns / 16)][segments.total()][16]`
    pub panels: &'a [f32],
    /// Added to each row: `[columns]`.
    pub bias: Option<&'a [f32]>,
    /// Applied last. Where the rows of y are not neighbours only what tiles do by themselves: Linear, Relu and Clip.
    pub activation: Activation,
}

/// What a tile needs to know: one block of k of a [`Product`].
#[derive(Clone, Copy)]
struct Job<'a> {
    x: &'a [f32],
    /// Where the segments of this block begin, from the row's begin.
    offsets: &'a [usize],
    /// Elements per segment.
    len: usize,
    panels: &'a [f32],
    /// Distance between panels.
    panel_len: usize,
    /// Where this block begins in each panel.
    panel_start: usize,
    columns: usize,
    bias: Option<&'a [f32]>,
    addend: Addend<'a>,
    /// Least and greatest value of y.
    limits: (f32, f32),
}

impl Product<'_> {
    /// y = activation(x · w + bias + addend)
    pub(crate) fn run(&self, cpu: Cpu, x: &[f32], addend: Addend, y: &mut [f32]) {
        dispatch!(dots::level(self, cpu).level, s => self.run_at(s, x, addend, y));
    }

    #[inline(always)]
    fn run_at<S: Simd>(&self, s: S, x: &[f32], addend: Addend, y: &mut [f32]) {
        let rows = self.grid.rows();
        if rows == 0 || self.columns == 0 {
            return;
        }
        let (limits, activation) = self.activation.limits();
        if dots::run(s, self, x, addend, limits, y) {
            if activation != Activation::Linear {
                activation.apply_at(s, &mut y[..rows * self.columns]);
            }
            return;
        }
        let total = self.segments.total();
        let (count, len) = (self.segments.count(), self.segments.len);
        let segments_per_block = (MAX_BLOCK / len.max(1)).clamp(1, MAX_SEGMENTS).min(count);
        let parts = len.div_ceil(MAX_BLOCK).max(1);
        let part_len = len.div_ceil(parts).next_multiple_of(4);

        let panels = self.columns.div_ceil(PANEL);
        let block_len = segments_per_block * len.min(part_len);
        let group = (KERNEL_BYTES / (block_len * PANEL * 4).max(1)).max(2) / 2 * 2;
        let tiles = rows.div_ceil(tile::max_rows::<S>());
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
                            panel_len: total * PANEL,
                            panel_start: (first_segment * len + k) * PANEL,
                            columns: self.columns,
                            bias: if is_last { self.bias } else { None },
                            addend: if is_first { addend } else { Addend::Output },
                            limits: if is_last { limits } else { UNLIMITED },
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
            if activation != Activation::Linear {
                let start = block_start.row() * self.columns;
                activation.apply_at(s, &mut y[start..cursor.row() * self.columns]);
            }
            block_start = cursor;
        }
    }
}
