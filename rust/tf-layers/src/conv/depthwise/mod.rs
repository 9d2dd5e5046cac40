//! Depthwise convolutions: every channel by itself, channels in the lanes of the vectors.

mod lines;

use crate::activation::Activation;
use crate::brief::brief;
use crate::cpu::{Cpu, MOST_LANES, SMALL, Simd, dispatch, prelude::*};
use crate::error::Result;
use crate::fixed::largest;
use crate::image::{self, ImageStack, Window, windowed};
use crate::pack::PANEL;
use crate::slot::Scratch;

windowed! {
    /// y = activation(x ⋆ kernel + bias + residual), channel by channel: x `[batch, *size, channels]`, y `[batch, *output, channels · multiplier]`.
    ///
    /// Output channel o sees input channel `o / multiplier` alone (ONNX `Conv` with `group == channels`). Sizes as in [`Conv`](super::Conv). The
    /// kernel is packed by [`pack::depthwise`](crate::pack::depthwise).
    #[derive(Clone, Copy)]
    pub struct DepthwiseConv<'w, const D: usize> {
        /// Channels of x.
        pub channels: usize,
        /// Channels of y per channel of x.
        pub multiplier: usize,
        ..geometry over x,
        /// Packed kernel of [`DepthwiseConv::packed_len`] elements.
        pub kernel: &'w [f32],
        /// Bias `[channels · multiplier]`, if any.
        pub bias: Option<&'w [f32]>,
        /// Applied last.
        pub activation: Activation,
    }
}

brief!([const D: usize] DepthwiseConv<'_, D>: channels, multiplier, kernel_shape, strides, dilations, pads_begin, pads_end, activation; kernel, bias);

impl<const D: usize> DepthwiseConv<'_, D> {
    /// Length of the packed kernel.
    #[must_use]
    pub const fn packed_len(outputs: usize, taps: usize) -> usize {
        outputs.div_ceil(PANEL) * taps * PANEL
    }

    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        let taps = self.geometry().check();
        let outputs = self.channels * self.multiplier;
        assert!(
            self.kernel.len() == Self::packed_len(outputs, taps),
            "DepthwiseConv: kernel length"
        );
        image::checked_bias(self.bias, outputs);
        self
    }

    /// Elements of scratch that a run needs at most, whatever the vector level.
    #[must_use]
    pub const fn scratch_len(&self, images: ImageStack<D>) -> usize {
        let [line, copy] = self.job(images.size).lens(MOST_LANES);
        line + copy
    }

    const fn job(&self, size: [usize; D]) -> Job<'_> {
        Job {
            inputs: self.channels,
            multiplier: self.multiplier,
            window: self.geometry().over(size),
            kernel: self.kernel,
            bias: self.bias,
            activation: self.activation,
        }
    }

    /// y = activation(x ⋆ kernel + bias)
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is none for the scratch.
    pub fn run(
        &self,
        cpu: Cpu,
        images: ImageStack<D>,
        x: &[f32],
        y: &mut [f32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        self.add(cpu, images, x, None, y, scratch)
    }

    /// y = activation(x ⋆ kernel + bias + residual); the residual has y's shape.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is none for the scratch.
    pub fn run_adding(
        &self,
        cpu: Cpu,
        images: ImageStack<D>,
        x: &[f32],
        residual: &[f32],
        y: &mut [f32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        self.add(cpu, images, x, Some(residual), y, scratch)
    }

    fn add(
        &self,
        cpu: Cpu,
        ImageStack { batch, size }: ImageStack<D>,
        x: &[f32],
        residual: Option<&[f32]>,
        y: &mut [f32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        self.job(size).run(cpu, batch, x, residual, y, scratch)
    }
}

/// Bytes of cache lines that one block of channels touches in a band of lines: as much as stays in the first-level cache.
const BAND_BYTES: usize = 16 << 10;

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
struct Image<'a> {
    x: &'a [f32],
    /// Channels of a pixel: a vector at least.
    channels: usize,
    size: [usize; 3],
    /// Zeros before each axis that are not in `x`.
    begin: [usize; 3],
    /// A line of zeros.
    zeros: &'a [f32],
}

impl Job<'_> {
    const fn outputs(&self) -> usize {
        self.inputs * self.multiplier
    }

    /// Channels of a pixel that the kernel moves over: a vector at least.
    const fn channels(&self, lanes: usize) -> usize {
        largest(&[self.outputs(), lanes])
    }

    /// Elements of a line of zeros, and of a copy of the image: the fast kernels leave out the taps that hang over the border, the
    /// general one wants them in memory.
    const fn lens(&self, lanes: usize) -> [usize; 2] {
        let (window, channels) = (&self.window, self.channels(lanes));
        let general = matches!(self.shape(), Shape::General);
        let copies = channels != self.inputs || (window.is_padded() && general);
        let copy = if copies {
            window.padded_pixels() * channels
        } else {
            0
        };
        [window.padded()[2] * channels, copy]
    }

    fn run(
        &self,
        cpu: Cpu,
        batch: usize,
        x: &[f32],
        residual: Option<&[f32]>,
        y: &mut [f32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        let (window, outputs) = (&self.window, self.outputs());
        let x_image = window.pixels() * self.inputs;
        let y_image = window.output().iter().product::<usize>() * outputs;
        let y = &mut y[..batch * y_image];
        if y.is_empty() {
            return Ok(());
        }
        let mut cpu = cpu;
        // Half-empty vectors are wasted work, and a copy of x besides.
        if outputs <= 8 {
            cpu = cpu.narrower();
        }
        let lanes = dispatch!(cpu.level, s => lanes(s));
        let (channels, [line, copy]) = (self.channels(lanes), self.lens(lanes));
        let copies = copy > 0;
        let (zeros, copy) = scratch.fit(line + copy)?.split_at_mut(line);
        zeros.fill(0.0);
        for (i, y) in y.chunks_exact_mut(y_image).enumerate() {
            let x = &x[i * x_image..][..x_image];
            let residual = residual.map(|residual| &residual[i * y_image..][..y_image]);
            let image = if copies {
                self.copy(x, channels, copy);
                Image {
                    x: copy,
                    channels,
                    size: window.padded(),
                    begin: [0; 3],
                    zeros,
                }
            } else {
                Image {
                    x,
                    channels,
                    size: window.size,
                    begin: window.begin,
                    zeros,
                }
            };
            dispatch!(cpu.level, s => self.image_at(s, &image, residual, y));
        }
        Ok(())
    }

    /// Copies an image: zeros around it, each channel `multiplier` times, a vector of channels at least.
    fn copy(&self, x: &[f32], channels: usize, to: &mut [f32]) {
        if channels == self.inputs {
            return self.window.pad(x, channels, 0.0, to);
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

    /// Which kernel fits.
    const fn shape(&self) -> Shape {
        let Window {
            kernel,
            strides,
            dilations,
            begin,
            ..
        } = self.window;
        let [depth, height, width] = kernel;
        let is_flat =
            depth == 1 && matches!(dilations, [1, 1, 1]) && begin[2] + strides[2] <= width;
        match (is_flat, height, width, strides[2]) {
            (true, 3, 3, 1) => Shape::K3S1,
            (true, 3, 3, 2) => Shape::K3S2,
            (true, 5, 5, 1) if !SMALL => Shape::K5S1,
            (true, 5, 5, 2) if !SMALL => Shape::K5S2,
            _ => Shape::General,
        }
    }

    #[inline(always)]
    fn image_at<S: Simd>(&self, s: S, image: &Image, residual: Option<&[f32]>, y: &mut [f32]) {
        let [_, height, width] = self.window.output();
        let line = width * self.outputs();
        let lines = (BAND_BYTES / (width * 64)).max(1);
        let mut done = 0;
        for (z, y) in y.chunks_exact_mut(height * line).enumerate() {
            for (band, y) in y.chunks_mut(lines * line).enumerate() {
                match S::f32s::LEN {
                    16 => self.band::<S, 16>(s, image, [z, band * lines], y),
                    8 => self.band::<S, 8>(s, image, [z, band * lines], y),
                    _ => self.band::<S, 4>(s, image, [z, band * lines], y),
                }
                if let Some(residual) = residual {
                    for (y, r) in y.iter_mut().zip(&residual[done..]) {
                        *y += r;
                    }
                }
                done += y.len();
                self.activation.apply_at(s, y);
            }
        }
    }
}

/// Kernels with code of their own: taps along height and width, and the stride along the width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    K3S1,
    K3S2,
    K5S1,
    K5S2,
    General,
}

#[inline(always)]
fn lanes<S: Simd>(_: S) -> usize {
    S::f32s::LEN
}
