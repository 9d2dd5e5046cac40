//! Depthwise convolutions: every channel by itself, channels in the lanes of the vectors.

use super::image::{self, Window};
use crate::activation::Activation;
use crate::cpu::{Cpu, Simd, dispatch, prelude::*};
use crate::pack::PANEL;
use crate::slot::Slot;

/// y = activation(x ⋆ kernel + bias), channel by channel: x `[batch, *size, channels]`, y `[batch, *output, channels · multiplier]`.
///
/// Output channel o sees input channel `o / multiplier` alone (ONNX `Conv` with `group == channels`). Sizes as in [`Conv`](super::Conv). The
/// kernel is packed by [`pack::depthwise`](crate::pack::depthwise).
#[derive(Debug, Clone, Copy)]
pub struct DepthwiseConv<'w, const D: usize> {
    /// Channels of x.
    pub channels: usize,
    /// Channels of y per channel of x.
    pub multiplier: usize,
    /// Taps along each axis.
    pub kernel_shape: [usize; D],
    /// Steps between outputs.
    pub strides: [usize; D],
    /// Steps between taps.
    pub dilations: [usize; D],
    /// Zeros before each axis.
    pub pads_begin: [usize; D],
    /// Zeros after each axis.
    pub pads_end: [usize; D],
    /// Packed kernel of [`DepthwiseConv::packed_len`] elements.
    pub kernel: &'w [f32],
    /// Bias `[channels · multiplier]`, if any.
    pub bias: Option<&'w [f32]>,
    /// Applied last.
    pub activation: Activation,
}

impl<const D: usize> DepthwiseConv<'_, D> {
    /// Length of the packed kernel.
    #[must_use]
    pub const fn packed_len(outputs: usize, taps: usize) -> usize {
        outputs.div_ceil(PANEL) * taps * PANEL
    }

    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        let taps = image::checked(&self.kernel_shape, &self.strides, &self.dilations);
        let outputs = self.channels * self.multiplier;
        assert!(
            self.kernel.len() == Self::packed_len(outputs, taps),
            "DepthwiseConv: kernel length"
        );
        if let Some(bias) = self.bias {
            assert!(bias.len() == outputs, "DepthwiseConv: bias length");
        }
        self
    }

    /// y = activation(x ⋆ kernel + bias)
    pub fn run(
        &self,
        cpu: Cpu,
        batch: usize,
        size: [usize; D],
        x: &[f32],
        y: &mut [f32],
        scratch: &mut Slot<f32>,
    ) {
        let job = Job {
            inputs: self.channels,
            multiplier: self.multiplier,
            window: Window {
                size: image::three(size, 1),
                kernel: image::three(self.kernel_shape, 1),
                strides: image::three(self.strides, 1),
                dilations: image::three(self.dilations, 1),
                begin: image::three(self.pads_begin, 0),
                end: image::three(self.pads_end, 0),
            },
            kernel: self.kernel,
            bias: self.bias,
            activation: self.activation,
        };
        job.run(cpu, batch, x, y, scratch);
    }
}

/// A depthwise convolution with its size, brought to three axes: compiled once for all ranks.
struct Job<'a> {
    inputs: usize,
    multiplier: usize,
    window: Window,
    kernel: &'a [f32],
    bias: Option<&'a [f32]>,
    activation: Activation,
}

/// The image that the kernel moves over.
struct Padded<'a> {
    image: &'a [f32],
    /// Channels of a pixel, at least as many as y has, in whole vectors.
    channels: usize,
}

impl Job<'_> {
    fn run(&self, cpu: Cpu, batch: usize, x: &[f32], y: &mut [f32], scratch: &mut Slot<f32>) {
        let (window, outputs) = (&self.window, self.inputs * self.multiplier);
        let x = &x[..batch * window.pixels() * self.inputs];
        let y_image = window.output().iter().product::<usize>() * outputs;
        let y = &mut y[..batch * y_image];
        if y.is_empty() {
            return;
        }
        let lanes = dispatch!(cpu.level, s => lanes(s));
        let channels = outputs.next_multiple_of(lanes);
        let copies = window.is_padded() || channels != self.inputs;
        let scratch = scratch.fit(if copies {
            window.padded_pixels() * channels
        } else {
            0
        });
        for (x, y) in x
            .chunks_exact(x.len() / batch)
            .zip(y.chunks_exact_mut(y_image))
        {
            let image = if copies {
                self.copy(x, channels, scratch);
                &*scratch
            } else {
                x
            };
            let padded = Padded { image, channels };
            dispatch!(cpu.level, s => self.image_at(s, &padded, y));
        }
    }

    /// Copies an image: zeros around it, each channel `multiplier` times, whole vectors of channels.
    fn copy(&self, x: &[f32], channels: usize, to: &mut [f32]) {
        if channels == self.inputs {
            return self.window.pad(x, channels, to);
        }
        to.fill(0.0);
        let [depth, height, width] = self.window.size;
        let [_, padded_height, padded_width] = self.window.padded();
        let [front, top, left] = self.window.begin;
        let mut pixels = x.chunks_exact(self.inputs);
        for z in 0..depth {
            for y in 0..height {
                let start = ((z + front) * padded_height + y + top) * padded_width + left;
                let line = &mut to[start * channels..][..width * channels];
                for (to, x) in line.chunks_exact_mut(channels).zip(&mut pixels) {
                    if self.multiplier == 1 {
                        to[..x.len()].copy_from_slice(x);
                    } else {
                        for (to, x) in to.chunks_exact_mut(self.multiplier).zip(x) {
                            to.fill(*x);
                        }
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn image_at<S: Simd>(&self, s: S, padded: &Padded, y: &mut [f32]) {
        let outputs = self.inputs * self.multiplier;
        let [depth, height, width] = self.window.output();
        let [_, padded_height, padded_width] = self.window.padded();
        let [step_z, step_y, _] = self.window.strides;
        let mut lines = y.chunks_exact_mut(width * outputs);
        for out_z in 0..depth {
            for out_y in 0..height {
                let Some(y) = lines.next() else { return };
                let start = (out_z * step_z * padded_height + out_y * step_y) * padded_width;
                match S::f32s::LEN {
                    16 => self.line::<S, 16>(s, padded, start, y),
                    8 => self.line::<S, 8>(s, padded, start, y),
                    _ => self.line::<S, 4>(s, padded, start, y),
                }
                self.activation.apply_at(s, y);
            }
        }
    }

    /// One line of y; the window of its first pixel begins at pixel `start`. `B` is the number of lanes.
    #[inline(always)]
    fn line<S: Simd, const B: usize>(&self, s: S, padded: &Padded, start: usize, y: &mut [f32]) {
        let Window {
            kernel,
            strides,
            dilations,
            ..
        } = self.window;
        let flat = kernel[0] == 1 && dilations == [1; 3];
        match (flat, kernel[1], kernel[2], strides[2]) {
            (true, 3, 3, 1) => self.fixed::<S, B, 3, 3, 1, 4, 6>(s, padded, start, y),
            (true, 3, 3, 2) => self.fixed::<S, B, 3, 3, 2, 4, 9>(s, padded, start, y),
            (true, 5, 5, 1) => self.fixed::<S, B, 5, 5, 1, 4, 8>(s, padded, start, y),
            (true, 5, 5, 2) => self.fixed::<S, B, 5, 5, 2, 2, 7>(s, padded, start, y),
            _ => self.general::<S, B>(s, padded, start, y),
        }
    }

    /// A line for a kernel of `KH` × `KW` taps and stride `SX`: `T` pixels of y at a time, which see `COLUMNS = (T − 1) · SX + KW` columns.
    ///
    /// Pixel tiles outside, channel blocks inside: the slices of a tile are cut once, each to exactly its channels, and the inner loop has
    /// no bounds checks.
    #[inline(always)]
    fn fixed<
        S: Simd,
        const B: usize,
        const KH: usize,
        const KW: usize,
        const SX: usize,
        const T: usize,
        const COLUMNS: usize,
    >(
        &self,
        s: S,
        padded: &Padded,
        start: usize,
        y: &mut [f32],
    ) {
        let outputs = self.inputs * self.multiplier;
        let channels = padded.channels;
        let line = self.window.padded()[2] * channels;
        let mut tiles = y.chunks_exact_mut(T * outputs);
        let mut first = start * channels;
        for y in &mut tiles {
            let mut columns: [[&[[f32; B]]; COLUMNS]; KH] = [[&[]; COLUMNS]; KH];
            for (i, row) in columns.iter_mut().enumerate() {
                let mut rest = &padded.image[first + i * line..][..COLUMNS * channels];
                for column in row {
                    let (now, later) = rest.split_at(channels);
                    *column = now.as_chunks().0;
                    rest = later;
                }
            }
            s.vectorize(
                #[inline(always)]
                || self.tile::<S, B, KH, KW, SX, T, COLUMNS>(s, &columns, y),
            );
            first += T * SX * channels;
        }
        let rest = tiles.into_remainder();
        if !rest.is_empty() {
            self.general::<S, B>(s, padded, first / channels, rest);
        }
    }

    /// All channels of `T` pixels.
    #[inline(always)]
    fn tile<
        S: Simd,
        const B: usize,
        const KH: usize,
        const KW: usize,
        const SX: usize,
        const T: usize,
        const COLUMNS: usize,
    >(
        &self,
        s: S,
        columns: &[[&[[f32; B]]; COLUMNS]; KH],
        y: &mut [f32],
    ) {
        let outputs = self.inputs * self.multiplier;
        let panel_len = KH * KW * PANEL;
        for block in 0..columns[0][0].len() {
            let weights = &self.kernel[block * B / PANEL * panel_len + block * B % PANEL..];
            let mut sums = [self.bias_block::<S, B>(s, block); T];
            for i in 0..KH {
                for j in 0..KW {
                    let at = (i * KW + j) * PANEL;
                    let w = S::f32s::from_slice(s, &weights[at..at + B]);
                    for (t, sum) in sums.iter_mut().enumerate() {
                        *sum =
                            w.mul_add(S::f32s::from_slice(s, &columns[i][t * SX + j][block]), *sum);
                    }
                }
            }
            for (sum, y) in sums.iter().zip(y.chunks_exact_mut(outputs)) {
                store::<S, B>(*sum, &mut y[block * B..]);
            }
        }
    }

    /// Any kernel: pixels of y from the one whose window begins at pixel `start`, one at a time.
    #[inline(always)]
    fn general<S: Simd, const B: usize>(&self, s: S, padded: &Padded, start: usize, y: &mut [f32]) {
        let outputs = self.inputs * self.multiplier;
        let channels = padded.channels;
        let Window {
            kernel,
            strides,
            dilations,
            ..
        } = self.window;
        let [_, height, width] = self.window.padded();
        let taps: usize = kernel.iter().product();
        for (x, y) in y.chunks_exact_mut(outputs).enumerate() {
            let first = (start + x * strides[2]) * channels;
            for block in 0..channels / B {
                let weights = &self.kernel[block * B / PANEL * taps * PANEL + block * B % PANEL..];
                let mut sum = self.bias_block::<S, B>(s, block);
                let mut tap = 0;
                for z in 0..kernel[0] {
                    for y in 0..kernel[1] {
                        let line = (z * dilations[0] * height + y * dilations[1]) * width;
                        for x in 0..kernel[2] {
                            let at = first + (line + x * dilations[2]) * channels + block * B;
                            let w = S::f32s::from_slice(s, &weights[tap..tap + B]);
                            sum = w.mul_add(S::f32s::from_slice(s, &padded.image[at..at + B]), sum);
                            tap += PANEL;
                        }
                    }
                }
                store::<S, B>(sum, &mut y[block * B..]);
            }
        }
    }

    /// Bias of one block of `B` channels.
    #[inline(always)]
    fn bias_block<S: Simd, const B: usize>(&self, s: S, block: usize) -> S::f32s {
        let Some(bias) = self.bias.map(|bias| &bias[block * B..]) else {
            return S::f32s::splat(s, 0.0);
        };
        let mut padded = [0.0; B];
        let len = bias.len().min(B);
        padded[..len].copy_from_slice(&bias[..len]);
        S::f32s::from_slice(s, &padded)
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

#[inline(always)]
fn lanes<S: Simd>(_: S) -> usize {
    S::f32s::LEN
}
