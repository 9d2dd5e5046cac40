//! Tiles before and behind the products of their positions.
#![allow(
    clippy::needless_range_loop,
    reason = "constant indices into small arrays keep sums in registers; iterators do not always"
)]

use super::{Block, WinogradConv2d};
use crate::cpu::{Simd, prelude::*};

impl<const M: usize> WinogradConv2d<'_, M> {
    /// A block of tiles before the products.
    #[inline(always)]
    pub(super) fn see_any<S: Simd>(&self, s: S, block: &Block, image: &[f32], seen: &mut [f32]) {
        if M == 2 {
            self.see::<S, 4>(s, block, image, seen);
        } else {
            self.see::<S, 6>(s, block, image, seen);
        }
    }

    /// Bᵀ·d·B of every tile: `seen` is `[position][tile][channel]`.
    #[inline(always)]
    fn see<S: Simd, const T: usize>(&self, s: S, block: &Block, image: &[f32], seen: &mut [f32]) {
        let (inputs, lanes) = (self.input_channels, S::f32s::LEN);
        let plane = block.plane(inputs);
        let [height, width] = block.padded;
        let zero = S::f32s::splat(s, 0.0);
        for tile in 0..block.tiles {
            let [image_number, down, across] = block.place(tile);
            let corner = ((image_number * height + down * M) * width + across * M) * inputs;
            for channel in (0..inputs).step_by(lanes) {
                let mut half = [[zero; T]; T];
                for i in 0..T {
                    let line = &image[corner + i * width * inputs..][..T * inputs];
                    let mut d = [zero; T];
                    for j in 0..T {
                        d[j] = S::f32s::from_slice(s, &line[j * inputs + channel..][..lanes]);
                    }
                    half[i] = input_line::<S, T>(d);
                }
                for j in 0..T {
                    let mut d = [zero; T];
                    for i in 0..T {
                        d[i] = half[i][j];
                    }
                    let d = input_line::<S, T>(d);
                    for i in 0..T {
                        let at = (i * T + j) * plane + tile * inputs + channel;
                        d[i].store_slice(&mut seen[at..at + lanes]);
                    }
                }
            }
        }
    }

    /// A block of tiles behind the products.
    #[inline(always)]
    pub(super) fn finish_any<S: Simd>(
        &self,
        s: S,
        block: &Block,
        sums: &[f32],
        residual: Option<&[f32]>,
        y: &mut [f32],
    ) {
        if M == 2 {
            self.finish::<S, 4>(s, block, sums, residual, y);
        } else {
            self.finish::<S, 6>(s, block, sums, residual, y);
        }
    }

    /// Aᵀ·m·A of every tile, with bias and residual, to its place in y.
    #[inline(always)]
    fn finish<S: Simd, const T: usize>(
        &self,
        s: S,
        block: &Block,
        sums: &[f32],
        residual: Option<&[f32]>,
        y: &mut [f32],
    ) {
        let (outputs, lanes) = (self.output_channels, S::f32s::LEN);
        let plane = block.plane(outputs);
        let zero = S::f32s::splat(s, 0.0);
        let (low, high) = (
            S::f32s::splat(s, block.limits.0),
            S::f32s::splat(s, block.limits.1),
        );
        let [height, width] = block.output;
        for tile in 0..block.tiles {
            let [image, down, across] = block.place(tile);
            let (top, left) = (down * M, across * M);
            for channel in (0..outputs).step_by(lanes) {
                let mut half = [[zero; T]; M];
                for j in 0..T {
                    let mut m = [zero; T];
                    for i in 0..T {
                        let at = (i * T + j) * plane + tile * outputs + channel;
                        m[i] = S::f32s::from_slice(s, &sums[at..at + lanes]);
                    }
                    let m = output_line::<S, T, M>(s, m);
                    for i in 0..M {
                        half[i][j] = m[i];
                    }
                }
                let bias = match self.bias {
                    Some(bias) => S::f32s::from_slice(s, &bias[channel..channel + lanes]),
                    None => zero,
                };
                for i in 0..M {
                    let line = output_line::<S, T, M>(s, half[i]);
                    for j in 0..M {
                        if top + i < height && left + j < width {
                            let line_start = (image * height + top + i) * width;
                            let at = (line_start + left + j) * outputs + channel;
                            let mut value = line[j] + bias;
                            if let Some(residual) = residual {
                                value += S::f32s::from_slice(s, &residual[at..at + lanes]);
                            }
                            // Limits first: NaN stays NaN.
                            high.min(low.max(value)).store_slice(&mut y[at..at + lanes]);
                        }
                    }
                }
            }
        }
    }
}

/// Bᵀ·d for one line of a tile.
#[inline(always)]
fn input_line<S: Simd, const T: usize>(d: [S::f32s; T]) -> [S::f32s; T] {
    let mut v = d;
    if T == 4 {
        v[0] = d[0] - d[2];
        v[1] = d[1] + d[2];
        v[2] = d[2] - d[1];
        v[3] = d[1] - d[3];
    } else {
        let (even, odd) = (d[4] - d[2] * 4.0, d[3] - d[1] * 4.0);
        let (even_2, odd_2) = (d[4] - d[2], (d[3] - d[1]) * 2.0);
        v[0] = d[0] * 4.0 - d[2] * 5.0 + d[4];
        v[1] = even + odd;
        v[2] = even - odd;
        v[3] = even_2 + odd_2;
        v[4] = even_2 - odd_2;
        v[5] = d[1] * 4.0 - d[3] * 5.0 + d[5];
    }
    v
}

/// Aᵀ·m for one line of a tile.
#[inline(always)]
fn output_line<S: Simd, const T: usize, const M: usize>(s: S, m: [S::f32s; T]) -> [S::f32s; M] {
    let mut y = [S::f32s::splat(s, 0.0); M];
    if T == 4 {
        y[0] = m[0] + m[1] + m[2];
        y[1] = m[1] - m[2] - m[3];
    } else {
        let (plus, minus) = (m[1] + m[2], m[1] - m[2]);
        let (plus_2, minus_2) = (m[3] + m[4], m[3] - m[4]);
        y[0] = m[0] + plus + plus_2;
        y[1] = minus + minus_2 * 2.0;
        y[2] = plus + plus_2 * 4.0;
        y[3] = minus + minus_2 * 8.0 + m[5];
    }
    y
}
