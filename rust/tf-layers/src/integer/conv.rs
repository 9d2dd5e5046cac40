//! Convolutions of 8-bit images.

use super::{Byte, zero_at};
use crate::cpu::{Cpu, dispatch};
use crate::image::{self, Window, windowed};

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

windowed! {
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
        ..geometry over x,
    }
}

impl<const D: usize> ConvInteger<D> {
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
        let window = self.geometry().over(size);
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
        let x_zero = zero_at(x_zero, 0);
        let [kernel_depth, kernel_height, kernel_width] = window.kernel;
        let [depth, height, width] = window.output();
        let mut pixels = y.chunks_exact_mut(self.output_channels);
        for z in 0..depth {
            for row in 0..height {
                for column in 0..width {
                    let Some(y) = pixels.next() else { return };
                    y.fill(0);
                    let mut tap = 0;
                    for kz in 0..kernel_depth {
                        for kr in 0..kernel_height {
                            for kc in 0..kernel_width {
                                if let Some(from) = window.place([z, row, column], [kz, kr, kc]) {
                                    let x = &x[from * self.input_channels..][..self.input_channels];
                                    self.tap(x, tap, w, x_zero, w_zero, y);
                                }
                                tap += 1;
                            }
                        }
                    }
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
        if inputs == 1 && outputs == 1 {
            // Depthwise: the channels are the lanes.
            let w = &w[tap * self.output_channels..][..x.len()];
            let y = &mut y[..x.len()];
            match w_zero {
                None => add(y, x, w, x_zero, |_| 0),
                Some([one]) => add(y, x, w, x_zero, |_| (*one).into()),
                Some(many) => add(y, x, w, x_zero, |c| many[c].into()),
            }
            return;
        }
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

/// y += (x − x_zero) · (w − w_zero), element by element.
#[inline(always)]
fn add<X: Byte, W: Byte>(
    y: &mut [i32],
    x: &[X],
    w: &[W],
    x_zero: i32,
    w_zero: impl Fn(usize) -> i32,
) {
    for (c, (y, (x, w))) in y.iter_mut().zip(x.iter().zip(w)).enumerate() {
        *y = y.wrapping_add(((*x).into() - x_zero) * ((*w).into() - w_zero(c)));
    }
}
