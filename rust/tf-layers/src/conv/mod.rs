//! Convolutions, channels-last, with one to three spatial axes.
//!
//! No im2col: under one row of the kernel the inputs of an output pixel are neighbours in memory, so a convolution is the product kernel
//! with one segment per kernel row. Padding is a copy of the image with zeros around it.

#[cfg(feature = "depthwise")]
mod depthwise;
#[cfg(feature = "conv-dynamic")]
mod dynamic;
#[cfg(feature = "conv-transpose")]
mod transpose;
#[cfg(feature = "winograd")]
mod winograd;

use crate::activation::Activation;
use crate::brief::brief;
use crate::cpu::{Cpu, SMALL};
use crate::error::Result;
use crate::fixed::largest;
use crate::gemm::{self, Addend, Product};
use crate::image::{self, Window, windowed};
use crate::pack::PANEL;
use crate::slot::Scratch;

pub use crate::image::{Geometry, ImageStack};
#[cfg(feature = "depthwise")]
pub use depthwise::DepthwiseConv;
#[cfg(feature = "conv-dynamic")]
pub use dynamic::{ConvDynamic, ConvDynamicInputs, ConvTransposeDynamic};
#[cfg(feature = "conv-transpose")]
pub use transpose::ConvTranspose;
#[cfg(feature = "winograd")]
pub use winograd::WinogradConv2d;

windowed! {
    /// y = activation(x ⋆ kernel + bias + residual): x `[batch, *size, input_channels]`, y `[batch, *output, output_channels]`.
    ///
    /// `output = (size + pads_begin + pads_end − dilation · (kernel_shape − 1) − 1) / stride + 1` along each of the `D` axes (ONNX `Conv`). The
    /// kernel is packed by [`pack::conv`](crate::pack::conv).
    #[derive(Clone, Copy)]
    pub struct Conv<'w, const D: usize> {
        /// Channels of x.
        pub input_channels: usize,
        /// Channels of y.
        pub output_channels: usize,
        /// Groups of channels: outputs of one group see only its inputs.
        pub group: usize,
        ..geometry over x,
        /// Packed kernel of [`Conv::packed_len`] elements.
        pub kernel: &'w [f32],
        /// Bias `[output_channels]`, if any.
        pub bias: Option<&'w [f32]>,
        /// Applied last.
        pub activation: Activation,
    }
}

brief!([const D: usize] Conv<'_, D>: input_channels, output_channels, group, kernel_shape, strides, dilations, pads_begin, pads_end, activation; kernel, bias);

impl<const D: usize> Conv<'_, D> {
    /// Length of the packed kernel, `inputs` being the channels of one group.
    #[must_use]
    pub const fn packed_len(inputs: usize, outputs: usize, group: usize, taps: usize) -> usize {
        group * (outputs / group).div_ceil(PANEL) * taps * inputs * PANEL
    }

    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        let group = self.group;
        image::checked_groups(group, self.input_channels, self.output_channels);
        let taps = self.geometry().check();
        let len = Self::packed_len(
            self.input_channels / group,
            self.output_channels,
            group,
            taps,
        );
        assert!(self.kernel.len() == len, "Conv: kernel length");
        image::checked_bias(self.bias, self.output_channels);
        self
    }

    /// Elements of scratch that a run needs.
    #[must_use]
    pub const fn scratch_len(&self, images: ImageStack<D>) -> usize {
        let window = self.geometry().over(images.size);
        padded_len(&window, self.input_channels, images.batch)
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
        self.add(cpu, images, x, Addend::Nothing, y, scratch)
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
        self.add(cpu, images, x, Addend::Slice(residual), y, scratch)
    }

    /// [`run_adding`](Self::run_adding) with the residual in y, which is overwritten.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is none for the scratch.
    pub fn run_adding_in_place(
        &self,
        cpu: Cpu,
        images: ImageStack<D>,
        x: &[f32],
        y: &mut [f32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        self.add(cpu, images, x, Addend::Output, y, scratch)
    }

    fn add(
        &self,
        cpu: Cpu,
        images: ImageStack<D>,
        x: &[f32],
        addend: Addend,
        y: &mut [f32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        let job = Direct {
            inputs: self.input_channels,
            outputs: self.output_channels,
            group: self.group,
            window: self.geometry().over(images.size),
            kernel: self.kernel,
            bias: self.bias,
            activation: self.activation,
        };
        let scratch = scratch.fit(self.scratch_len(images))?;
        job.run(cpu, images.batch, x, addend, y, scratch);
        Ok(())
    }
}

/// Elements of padded images that are multiplied together: as many stay in the first-level cache.
const TOGETHER: usize = 8192;

/// Images of a batch that are padded and multiplied together: small ones, because each product has its begin and its end.
///
/// Only where every image fills the tiles of all levels, so that an image's sums do not depend on its neighbours.
const fn together(window: &Window, channels: usize, batch: usize) -> usize {
    let [depth, height, width] = window.output();
    let rows = height * width;
    let flat = depth == 1 && window.kernel[0] == 1 && window.size[0] == 1;
    if SMALL || !flat || rows < 16 || !rows.is_multiple_of(8) {
        return 1;
    }
    let images = TOGETHER / largest(&[window.padded_pixels() * channels, 1]);
    largest(&[if images < batch { images } else { batch }, 1])
}

/// Elements of the images that are padded at a time.
const fn padded_len(window: &Window, channels: usize, batch: usize) -> usize {
    together(window, channels, batch) * window.copy_len(channels)
}

/// A convolution with its size, brought to three axes: compiled once for all ranks.
struct Direct<'a> {
    inputs: usize,
    outputs: usize,
    group: usize,
    window: Window,
    kernel: &'a [f32],
    bias: Option<&'a [f32]>,
    activation: Activation,
}

impl Direct<'_> {
    fn run(
        &self,
        cpu: Cpu,
        batch: usize,
        x: &[f32],
        addend: Addend,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        let (window, output) = (&self.window, self.window.output());
        let x_image = window.pixels() * self.inputs;
        let y_image = output.iter().product::<usize>() * self.outputs;
        let y = &mut y[..batch * y_image];
        if y.is_empty() {
            return;
        }
        // Without padding, the free outermost axis walks the images of the batch: one product for all.
        if !window.is_padded() && window.kernel[0] == 1 && window.size[0] == 1 {
            self.groups(cpu, &self.product(batch), &x[..batch * x_image], addend, y);
            return;
        }
        if !window.is_padded() {
            let product = self.product(1);
            for (i, y) in y.chunks_exact_mut(y_image).enumerate() {
                let x = &x[i * x_image..][..x_image];
                self.groups(cpu, &product, x, addend.of(i * y_image, y.len()), y);
            }
            return;
        }
        let image_len = window.padded_pixels() * self.inputs;
        let images = together(window, self.inputs, batch);
        if images > 1 {
            scratch.fill(0.0);
        }
        for (i, y) in y.chunks_mut(images * y_image).enumerate() {
            let (from, count) = (i * images, y.len() / y_image);
            for (k, to) in scratch.chunks_exact_mut(image_len).take(count).enumerate() {
                let x = &x[(from + k) * x_image..][..x_image];
                if images == 1 && i == 0 {
                    window.pad(x, self.inputs, 0.0, to);
                } else {
                    window.copy_inside(x, self.inputs, to);
                }
            }
            let addend = addend.of(from * y_image, y.len());
            self.groups(cpu, &self.product(count), scratch, addend, y);
        }
    }

    /// The product of the first group, for `images` images one behind the other.
    fn product(&self, images: usize) -> Product<'_> {
        let (grid, segments) = gemm::images(
            &self.window,
            [self.inputs, self.outputs],
            self.group,
            images,
        );
        Product {
            grid,
            segments,
            columns: self.outputs / self.group,
            panels: self.kernel,
            bias: self.bias,
            activation: self.activation,
        }
    }

    /// Runs the product once per group, each in its own columns of x and y.
    fn groups(&self, cpu: Cpu, first: &Product, x: &[f32], addend: Addend, y: &mut [f32]) {
        if self.group == 1 {
            first.run(cpu, x, addend, y);
            return;
        }
        let in_tiles = matches!(self.activation, Activation::Relu | Activation::Clip { .. });
        let kernel_len = self.kernel.len() / self.group;
        for g in 0..self.group {
            let columns = g * first.columns;
            let product = Product {
                panels: &self.kernel[g * kernel_len..][..kernel_len],
                bias: self.bias.map(|bias| &bias[columns..][..first.columns]),
                // A group's rows of y are not neighbours: what tiles do by themselves is done there, the rest below.
                activation: if in_tiles {
                    self.activation
                } else {
                    Activation::Linear
                },
                ..*first
            };
            let addend = match addend {
                Addend::Slice(values) => Addend::Slice(&values[columns..]),
                other => other,
            };
            product.run(
                cpu,
                &x[g * (self.inputs / self.group)..],
                addend,
                &mut y[columns..],
            );
        }
        if !in_tiles {
            self.activation.apply(cpu, y);
        }
    }
}
