//! Convolutions of 8-bit images.

use super::{Byte, zero_at};
use crate::cpu::{Cpu, dispatch};
use crate::image::{self, Window};

/// What [`ConvInteger`] takes.
#[derive(Debug, Clone, Copy)]
pub struct ConvIntegerInputs<'a, X, W, const D: usize> {
    /// Images.
    pub batch: usize,
    /// Size of an image.
    pub size: [usize; D],
    /// `[batch, *size, inputs]`
    pub x: &'a [X],
    /// `[*kernel_shape, inputs / group, outputs]`
    pub w: &'a [W],
    /// The zero point of x: one element; 0 without.
    pub x_zero: Option<&'a [X]>,
    /// The zero points of w: one, or one an output; 0 without.
    pub w_zero: Option<&'a [W]>,
}

impl<X, W, const D: usize> Default for ConvIntegerInputs<'_, X, W, D> {
    fn default() -> Self {
        Self {
            batch: 0,
            size: [0; D],
            x: &[],
            w: &[],
            x_zero: None,
            w_zero: None,
        }
    }
}

/// y = (x − x_zero) ⋆ (w − w_zero): x `[batch, *size, inputs]`, w `[*kernel_shape, inputs / group, outputs]`, both u8 or i8, y `[batch, *output,
/// outputs]` i32. Padding counts as x_zero, and so adds nothing.
///
/// ONNX `ConvInteger`, and the first half of `QLinearConv`; sizes as in [`Conv`](crate::conv::Conv).
#[derive(Debug, Clone, Copy)]
pub struct ConvInteger<const D: usize> {
    /// Channels of x.
    pub input_channels: usize,
    /// Channels of y.
    pub output_channels: usize,
    /// Groups of channels: outputs of one group see only its inputs.
    pub group: usize,
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
}

impl<const D: usize> ConvInteger<D> {
    crate::image::same_pads!();
    crate::image::window!();

    /// Checks the parameters.
    #[must_use]
    pub const fn checked(self) -> Self {
        let group = self.group;
        image::checked_groups(group, self.input_channels, self.output_channels);
        self
    }

    /// The convolution.
    pub fn run<X: Byte, W: Byte>(
        &self,
        cpu: Cpu,
        inputs: ConvIntegerInputs<X, W, D>,
        y: &mut [i32],
    ) {
        let ConvIntegerInputs {
            batch,
            size,
            x,
            w,
            x_zero,
            w_zero,
        } = inputs;
        let window = self.window(size);
        let x_image = window.pixels() * self.input_channels;
        let y_image = window.output().iter().product::<usize>() * self.output_channels;
        for (i, y) in y[..batch * y_image]
            .chunks_exact_mut(y_image.max(1))
            .enumerate()
        {
            let x = &x[i * x_image..][..x_image];
            dispatch!(cpu.level, _ => self.image(&window, x, w, x_zero, w_zero, y));
        }
    }

    #[inline(always)]
    fn image<X: Byte, W: Byte>(
        &self,
        window: &Window,
        x: &[X],
        w: &[W],
        x_zero: Option<&[X]>,
        w_zero: Option<&[W]>,
        y: &mut [i32],
    ) {
        let [_, out_height, out_width] = window.output();
        let x_zero = zero_at(x_zero, 0);
        for (pixel, y) in y.chunks_exact_mut(self.output_channels).enumerate() {
            let at = [
                pixel / (out_height * out_width),
                pixel / out_width % out_height,
                pixel % out_width,
            ];
            y.fill(0);
            let taps = window.kernel.iter().product::<usize>();
            for tap in 0..taps {
                let [_, height, width] = window.kernel;
                let tap_at = [tap / (height * width), tap / width % height, tap % width];
                let mut from = 0;
                let mut inside = true;
                for axis in 0..3 {
                    let place =
                        at[axis] * window.strides[axis] + tap_at[axis] * window.dilations[axis];
                    let place = place.wrapping_sub(window.begin[axis]);
                    inside &= place < window.size[axis];
                    from = from * window.size[axis] + if inside { place } else { 0 };
                }
                if inside {
                    let x = &x[from * self.input_channels..][..self.input_channels];
                    self.tap(x, tap, w, x_zero, w_zero, y);
                }
            }
        }
    }

    /// What one tap adds to all channels of a pixel.
    #[inline(always)]
    fn tap<X: Byte, W: Byte>(
        &self,
        x: &[X],
        tap: usize,
        w: &[W],
        x_zero: i32,
        w_zero: Option<&[W]>,
        y: &mut [i32],
    ) {
        let (inputs, outputs) = (
            self.input_channels / self.group,
            self.output_channels / self.group,
        );
        for (c, x) in x.iter().enumerate() {
            let x = (*x).into() - x_zero;
            let first = c / inputs * outputs;
            let y = &mut y[first..first + outputs];
            let w = &w[(tap * inputs + c % inputs) * self.output_channels + first..][..outputs];
            for (o, (y, w)) in y.iter_mut().zip(w).enumerate() {
                *y = y.wrapping_add(x * ((*w).into() - zero_at(w_zero, first + o)));
            }
        }
    }
}
