//! Convolutions of 8-bit images with a constant kernel.

use super::Byte;
use super::packed::{self, Kernel, Zero};
use crate::brief::brief;
use crate::cpu::Cpu;
use crate::error::Result;
use crate::gemm;
use crate::image::{self, windowed};
use crate::pack::integer_len;
use crate::slot::Scratch;

/// What [`IntegerConv`] takes.
#[derive(Debug, Clone, Copy)]
pub struct IntegerConvInputs<'a, X, const D: usize> {
    /// Images.
    pub batch: usize,
    /// Size of an image.
    pub size: [usize; D],
    /// `[batch, *size, input_channels]`
    pub x: &'a [X],
    /// The zero point of x: one element; 0 without.
    pub x_zero: Option<&'a [X]>,
}

impl<X, const D: usize> Default for IntegerConvInputs<'_, X, D> {
    fn default() -> Self {
        Self {
            batch: 0,
            size: [0; D],
            x: &[],
            x_zero: None,
        }
    }
}

windowed! {
    /// y = (x − x_zero) ⋆ (kernel − kernel_zero): x `[batch, *size, input_channels]` u8 or i8, y `[batch, *output, output_channels]` i32, exact.
    /// Padding counts as x_zero, and so adds nothing.
    ///
    /// ONNX `ConvInteger` with a constant kernel, and the first half of `QLinearConv`; sizes as in [`Conv`](crate::conv::Conv). The kernel is packed
    /// by [`Packing::IntegerConv`](crate::pack::Packing::IntegerConv), `by_tap` if there are several groups or the last axis is dilated.
    #[derive(Clone, Copy)]
    pub struct IntegerConv<'w, const D: usize> {
        /// Channels of x.
        pub input_channels: usize,
        /// Channels of y.
        pub output_channels: usize,
        /// Groups of channels: outputs of one group see only its inputs.
        pub group: usize,
        ..geometry over x,
        /// Packed kernel of [`IntegerConv::packed_len`] words.
        pub kernel: &'w [i32],
        /// The kernel's zero points, `[output_channels]`, if any is not 0.
        pub kernel_zero: Option<&'w [i32]>,
    }
}

brief!([const D: usize] IntegerConv<'_, D>: input_channels, output_channels, group, kernel_shape, strides, dilations, pads_begin, pads_end; kernel, kernel_zero);

impl<const D: usize> IntegerConv<'_, D> {
    /// Runs of a row, and bytes of a run.
    const fn runs(&self) -> [usize; 2] {
        let taps = self.geometry().check();
        let (line, inputs) = (self.kernel_shape[D - 1], self.input_channels / self.group);
        if self.group == 1 && (self.dilations[D - 1] == 1 || line == 1) && line > 0 {
            [taps / line, line * inputs]
        } else {
            [taps, inputs]
        }
    }

    /// Length of the packed kernel.
    #[must_use]
    pub const fn packed_len(&self) -> usize {
        let [runs, len] = self.runs();
        integer_len(self.output_channels, self.group, runs, len)
    }

    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        image::checked_groups(self.group, self.input_channels, self.output_channels);
        assert!(
            self.kernel.len() == self.packed_len(),
            "IntegerConv: kernel length"
        );
        if let Some(zero) = self.kernel_zero {
            assert!(
                zero.len() == self.output_channels,
                "IntegerConv: zero points"
            );
        }
        self
    }

    /// Elements of scratch that a run needs at most: what a product starts with, and an image with its padding.
    #[must_use]
    pub const fn scratch_len(&self, _: usize, size: [usize; D]) -> usize {
        let pixels = self.geometry().over(size).padded_pixels();
        packed::start_len(self.output_channels / self.group)
            + packed::copy_len(pixels * self.input_channels)
    }

    /// The convolution.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is none for the scratch.
    pub fn run<X: Byte>(
        &self,
        cpu: Cpu,
        inputs: IntegerConvInputs<X, D>,
        y: &mut [i32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        let IntegerConvInputs {
            batch,
            size,
            x,
            x_zero,
        } = inputs;
        let window = self.geometry().over(size);
        let pixels = window.pixels() * self.input_channels;
        let outputs = window.output().iter().product::<usize>() * self.output_channels;
        let y = &mut y[..batch * outputs];
        if y.is_empty() {
            return Ok(());
        }
        let columns = self.output_channels / self.group;
        let start_len = packed::start_len(columns);
        let [_, len] = self.runs();
        let in_place = !window.is_padded() && packed::is_whole(len) && X::bytes(x).is_some();
        let scratch = scratch.fit(if in_place {
            start_len
        } else {
            self.scratch_len(batch, size)
        })?;
        let (start, copy) = scratch.split_at_mut(start_len);
        let start = bytemuck::cast_slice_mut(start);
        let copy: &mut [u8] = bytemuck::cast_slice_mut(copy);
        let zero = x_zero.map_or(X::default(), |zero| zero[0]);
        let channels = [self.input_channels, self.output_channels];
        let place = gemm::images(&window, channels, self.group, 1);
        for (i, y) in y.chunks_exact_mut(outputs).enumerate() {
            let image = &x[i * pixels..][..pixels];
            let image = match X::bytes(image) {
                Some(image) if in_place => image,
                _ => {
                    window.pad(
                        X::raw(image),
                        self.input_channels,
                        zero.unsigned() ^ X::SIGN,
                        copy,
                    );
                    if X::SIGN != 0 {
                        for byte in &mut *copy {
                            *byte ^= X::SIGN;
                        }
                    }
                    &*copy
                }
            };
            for g in 0..self.group {
                let zero = Zero::<X>::One(zero.unsigned().into());
                let from = g * (self.input_channels / self.group);
                packed::multiply(
                    cpu,
                    place,
                    self.of_group(g),
                    &image[from..],
                    zero,
                    &mut y[g * columns..],
                    start,
                );
            }
        }
        Ok(())
    }

    /// The kernel of one group.
    fn of_group(&self, g: usize) -> Kernel<'_> {
        let columns = self.output_channels / self.group;
        let width = packed::start_len(columns);
        let (panels, sums) = self.kernel.split_at(self.kernel.len() - self.group * width);
        let len = panels.len() / self.group;
        Kernel {
            columns,
            panels: &panels[g * len..][..len],
            sums: &sums[g * width..][..width],
            zeros: self
                .kernel_zero
                .map(|zeros| &zeros[g * columns..][..columns]),
        }
    }
}
