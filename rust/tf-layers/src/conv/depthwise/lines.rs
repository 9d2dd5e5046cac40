//! The kernels: one output line after the other, a vector of channels at a time.
#![allow(
    clippy::needless_range_loop,
    reason = "constant indices into small arrays keep sums in registers; iterators do not always"
)]

use super::{Image, Job, Shape};
use crate::cpu::{SMALL, Simd, prelude::*};
use crate::image::Window;
use crate::pack::PANEL;

impl Job<'_> {
    /// A few lines of y; `at` (depth, height) is the first one. `B` is the number of lanes.
    #[inline(always)]
    pub(super) fn band<S: Simd, const B: usize>(
        &self,
        s: S,
        image: &Image,
        at: [usize; 2],
        y: &mut [f32],
    ) {
        let (shape, channels) = (self.shape(), image.channels);
        for block in 0..channels.div_ceil(B) {
            // The last block overlaps the one before: vectors stay whole.
            let first = (block * B).min(channels - B);
            match shape {
                Shape::K3S1 => self.walk::<S, B, 3, 3, 1, 3>(s, image, at, first, y),
                Shape::K3S2 => self.walk::<S, B, 3, 3, 2, 2>(s, image, at, first, y),
                Shape::K5S1 if const { !SMALL } => {
                    self.walk::<S, B, 5, 5, 1, 5>(s, image, at, first, y)
                }
                Shape::K5S2 if const { !SMALL } => {
                    self.walk::<S, B, 5, 5, 2, 3>(s, image, at, first, y)
                }
                _ => self.general::<S, B>(s, image, at, first, y),
            }
        }
    }

    /// `B` channels from channel `first`, for a kernel of `KH` × `KW` taps and stride `SX`.
    ///
    /// Every column of x is read once and given to all outputs that see it: `LIVE = (KW − 1) / SX + 1` of them are under way, each a sum in
    /// a register.
    #[inline(always)]
    fn walk<
        S: Simd,
        const B: usize,
        const KH: usize,
        const KW: usize,
        const SX: usize,
        const LIVE: usize,
    >(
        &self,
        s: S,
        image: &Image,
        [z, at]: [usize; 2],
        first: usize,
        y: &mut [f32],
    ) {
        let (outputs, channels) = (self.outputs(), image.channels);
        let [depth, height, width] = image.size;
        let len = width * channels;
        let plane = (z * self.window.strides[0]).wrapping_sub(image.begin[0]);
        let bias = self.bias_block::<S, B>(s, first);
        let mut weights = [[bias; KW]; KH];
        for i in 0..KH {
            for j in 0..KW {
                weights[i][j] = self.weights_block::<S, B>(s, KH * KW, i * KW + j, first);
            }
        }
        // Outputs that see no column over the right border.
        let whole = (width + image.begin[2])
            .checked_sub(KW)
            .map_or(0, |free| free / SX + 1);
        let y_len = self.window.output()[2] * outputs;
        for (at, y) in y
            .chunks_exact_mut(y_len)
            .enumerate()
            .map(|(i, y)| (at + i, y))
        {
            // All rows of one length, so that one bounds check serves them all; those over the border are zeros.
            let top = (at * self.window.strides[1]).wrapping_sub(image.begin[1]);
            let mut rows: [&[f32]; KH] = [&image.zeros[..len]; KH];
            for (i, row) in rows.iter_mut().enumerate() {
                let line = top.wrapping_add(i);
                if plane < depth && line < height {
                    *row = &image.x[(plane * height + line) * len..][..len];
                }
            }
            // Columns that the first outputs see before the loop begins.
            let mut sums = [bias; LIVE];
            let mut from = first;
            for column in image.begin[2]..KW - SX {
                if from < len {
                    column_taps::<S, B, KH, KW, SX, LIVE>(
                        s, &mut sums, &weights, &rows, from, column,
                    );
                }
                from += channels;
            }
            sums[LIVE - 1] = bias;
            let (whole, rest) = y.split_at_mut((whole * outputs).min(y.len()));
            for y in whole.chunks_exact_mut(outputs) {
                for q in 0..SX {
                    column_taps::<S, B, KH, KW, SX, LIVE>(
                        s,
                        &mut sums,
                        &weights,
                        &rows,
                        from,
                        KW - SX + q,
                    );
                    from += channels;
                }
                store::<S, B>(sums[0], &mut y[first..]);
                for d in 0..LIVE - 1 {
                    sums[d] = sums[d + 1];
                }
                sums[LIVE - 1] = bias;
            }
            for y in rest.chunks_exact_mut(outputs) {
                for q in 0..SX {
                    if from < len {
                        column_taps::<S, B, KH, KW, SX, LIVE>(
                            s,
                            &mut sums,
                            &weights,
                            &rows,
                            from,
                            KW - SX + q,
                        );
                    }
                    from += channels;
                }
                store::<S, B>(sums[0], &mut y[first..]);
                for d in 0..LIVE - 1 {
                    sums[d] = sums[d + 1];
                }
                sums[LIVE - 1] = bias;
            }
        }
    }

    /// `B` channels from channel `first`, for any kernel; the padding is in the image.
    #[inline(always)]
    fn general<S: Simd, const B: usize>(
        &self,
        s: S,
        image: &Image,
        [z, at]: [usize; 2],
        first: usize,
        y: &mut [f32],
    ) {
        let (outputs, channels) = (self.outputs(), image.channels);
        let Window {
            kernel,
            strides,
            dilations,
            ..
        } = self.window;
        let [_, height, width] = image.size;
        let taps: usize = kernel.iter().product();
        let bias = self.bias_block::<S, B>(s, first);
        let y_width = self.window.output()[2];
        for (i, y) in y.chunks_exact_mut(outputs).enumerate() {
            let (line, x) = (at + i / y_width, i % y_width);
            let pixel = (z * strides[0] * height + line * strides[1]) * width + x * strides[2];
            let (mut sum, mut tap) = (bias, 0);
            for z in 0..kernel[0] {
                for y in 0..kernel[1] {
                    let line = (z * dilations[0] * height + y * dilations[1]) * width;
                    for x in 0..kernel[2] {
                        let from = (pixel + line + x * dilations[2]) * channels + first;
                        let w = self.weights_block::<S, B>(s, taps, tap, first);
                        sum = w.mul_add(S::f32s::from_slice(s, &image.x[from..from + B]), sum);
                        tap += 1;
                    }
                }
            }
            store::<S, B>(sum, &mut y[first..]);
        }
    }

    /// Weights of one tap for `B` channels from `first`, which may lie in two panels.
    #[inline(always)]
    fn weights_block<S: Simd, const B: usize>(
        &self,
        s: S,
        taps: usize,
        tap: usize,
        first: usize,
    ) -> S::f32s {
        let (panel, lane) = (first / PANEL, first % PANEL);
        let at = (panel * taps + tap) * PANEL + lane;
        if lane + B <= PANEL {
            return S::f32s::from_slice(s, &self.kernel[at..at + B]);
        }
        let (mut weights, here) = ([0.0; B], PANEL - lane);
        weights[..here].copy_from_slice(&self.kernel[at..at + here]);
        let at = ((panel + 1) * taps + tap) * PANEL;
        weights[here..].copy_from_slice(&self.kernel[at..at + B - here]);
        S::f32s::from_slice(s, &weights)
    }

    /// Bias of `B` channels from `first`.
    #[inline(always)]
    fn bias_block<S: Simd, const B: usize>(&self, s: S, first: usize) -> S::f32s {
        let Some(bias) = self.bias.map(|bias| &bias[first..]) else {
            return S::f32s::splat(s, 0.0);
        };
        let mut padded = [0.0; B];
        let len = bias.len().min(B);
        padded[..len].copy_from_slice(&bias[..len]);
        S::f32s::from_slice(s, &padded)
    }
}

/// Gives one column, which begins at `from` in each row, to the outputs under way: to output d under tap `tap - d * SX`.
#[inline(always)]
fn column_taps<
    S: Simd,
    const B: usize,
    const KH: usize,
    const KW: usize,
    const SX: usize,
    const LIVE: usize,
>(
    s: S,
    sums: &mut [S::f32s; LIVE],
    weights: &[[S::f32s; KW]; KH],
    rows: &[&[f32]; KH],
    from: usize,
    tap: usize,
) {
    for i in 0..KH {
        let x = S::f32s::from_slice(s, &rows[i][from..from + B]);
        for d in 0..LIVE {
            if let Some(tap) = tap.checked_sub(d * SX)
                && tap < KW
            {
                sums[d] = x.mul_add(weights[i][tap], sums[d]);
            }
        }
    }
}

/// Writes a vector, or as much of it as `y` has room for.
#[inline(always)]
fn store<S: Simd, const B: usize>(sum: S::f32s, y: &mut [f32]) {
    if let Some(y) = y.first_chunk_mut::<B>() {
        sum.store_slice(y);
    } else {
        let mut out = [0.0; B];
        sum.store_slice(&mut out);
        let len = y.len();
        y.copy_from_slice(&out[..len]);
    }
}
