//! Transposed convolutions, channels-last: one ordinary convolution per phase of the outputs.
//!
//! Nothing is scattered: the outputs of one phase (positions modulo the stride) see the same taps, so that they are the rows of a product
//! like those of any convolution, written with the stride between them. No multiplication is wasted on inserted zeros.

use crate::activation::Activation;
use crate::brief::brief;
use crate::cpu::Cpu;
use crate::error::Result;
use crate::fixed::largest;
use crate::gemm::{Addend, Grid, Product, Segments};
use crate::image::{self, ImageStack, Window, windowed};
use crate::pack::{Axis, PANEL, for_each_phase};
use crate::slot::Scratch;

windowed! {
    /// y = activation(x ⋆ᵀ kernel + bias): x `[batch, *size, input_channels]`, y `[batch, *output, output_channels]`.
    ///
    /// `output = (size − 1) · stride + output_padding + (kernel_shape − 1) · dilation + 1 − pads_begin − pads_end` along each of the `D` axes (ONNX
    /// `ConvTranspose`). The kernel is packed by [`pack::conv_transpose`](crate::pack::conv_transpose).
    /// The windows lie over y: each pixel of x has one, and pads are what is cut off.
    #[derive(Clone, Copy)]
    pub struct ConvTranspose<'w, const D: usize> {
        /// Channels of x.
        pub input_channels: usize,
        /// Channels of y.
        pub output_channels: usize,
        /// Groups of channels: outputs of one group see only its inputs.
        pub group: usize,
        ..geometry over y,
        /// Outputs added at the end.
        pub output_padding: [usize; D],
        /// Packed kernel of [`ConvTranspose::packed_len`] elements.
        pub kernel: &'w [f32],
        /// Bias `[output_channels]`, if any.
        pub bias: Option<&'w [f32]>,
        /// Applied last.
        pub activation: Activation,
    }
}

brief!([const D: usize] ConvTranspose<'_, D>: input_channels, output_channels, group, kernel_shape, strides, dilations, pads_begin, pads_end, output_padding, activation; kernel, bias);

impl<const D: usize> ConvTranspose<'_, D> {
    /// Length of the packed kernel, `outputs` being the channels of one group.
    #[must_use]
    pub const fn packed_len(inputs: usize, outputs: usize, taps: usize) -> usize {
        inputs * taps * outputs.div_ceil(PANEL) * PANEL
    }

    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        let group = self.group;
        image::checked_groups(group, self.input_channels, self.output_channels);
        let taps = self.geometry().check();
        let len = Self::packed_len(self.input_channels, self.output_channels / group, taps);
        assert!(self.kernel.len() == len, "ConvTranspose: kernel length");
        image::checked_bias(self.bias, self.output_channels);
        self
    }

    /// Elements of scratch that a run needs.
    #[must_use]
    pub const fn scratch_len(&self, images: ImageStack<D>) -> usize {
        self.job(images.size).window().copy_len(self.input_channels)
    }

    const fn job(&self, size: [usize; D]) -> Job<'_> {
        let window = self.geometry().over(size);
        Job {
            inputs: self.input_channels,
            outputs: self.output_channels,
            group: self.group,
            axes: axes(&window),
            size: window.size,
            end: window.end,
            output_padding: image::three(self.output_padding, 0),
            kernel: self.kernel,
            bias: self.bias,
            activation: self.activation,
        }
    }

    /// y = activation(x ⋆ᵀ kernel + bias)
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
        let scratch = scratch.fit(self.scratch_len(images))?;
        self.job(images.size).run(cpu, images.batch, x, y, scratch);
        Ok(())
    }
}

/// The axes of a kernel.
pub(super) const fn axes(window: &Window) -> [Axis; 3] {
    const fn axis(window: &Window, i: usize) -> Axis {
        Axis {
            kernel: window.kernel[i],
            stride: window.strides[i],
            dilation: window.dilations[i],
            begin: window.begin[i],
        }
    }
    [axis(window, 0), axis(window, 1), axis(window, 2)]
}

/// A transposed convolution with its size, brought to three axes: compiled once for all ranks.
pub(super) struct Job<'a> {
    pub inputs: usize,
    pub outputs: usize,
    pub group: usize,
    pub axes: [Axis; 3],
    pub size: [usize; 3],
    /// Outputs cut off at the end.
    pub end: [usize; 3],
    pub output_padding: [usize; 3],
    pub kernel: &'a [f32],
    pub bias: Option<&'a [f32]>,
    pub activation: Activation,
}

impl Job<'_> {
    /// Size of y.
    const fn output(&self) -> [usize; 3] {
        let (mut output, mut i) = ([0; 3], 0);
        while i < 3 {
            let axis = &self.axes[i];
            if let Some(last) = self.size[i].checked_sub(1) {
                let reach = axis.dilation * axis.kernel.saturating_sub(1) + 1;
                let full = last * axis.stride + self.output_padding[i] + reach;
                output[i] = full.saturating_sub(axis.begin + self.end[i]);
            }
            i += 1;
        }
        output
    }

    pub(super) fn run(&self, cpu: Cpu, batch: usize, x: &[f32], y: &mut [f32], padded: &mut [f32]) {
        let x_image = self.size.iter().product::<usize>() * self.inputs;
        let y_image = self.output().iter().product::<usize>() * self.outputs;
        let y = &mut y[..batch * y_image];
        if y.is_empty() {
            return;
        }
        let window = self.window();
        for (i, y) in y.chunks_exact_mut(y_image).enumerate() {
            let x = &x[i * x_image..][..x_image];
            if window.is_padded() {
                window.pad(x, self.inputs, 0.0, padded);
                self.phases(cpu, &window, padded, y);
                self.mend(cpu, x, y);
            } else {
                self.phases(cpu, &window, x, y);
            }
        }
    }

    /// Outputs of one phase along axis `i`.
    const fn count(&self, i: usize, phase: usize) -> usize {
        self.output()[i]
            .saturating_sub(phase)
            .div_ceil(self.axes[i].stride)
    }

    /// The image with as many zeros around it as any phase reads.
    pub(super) const fn window(&self) -> Window {
        let (mut begin, mut end, mut i) = ([0; 3], [0; 3], 0);
        while i < 3 {
            let (axis, mut p) = (&self.axes[i], 0);
            while p < axis.stride {
                let (phase, count) = (axis.phase(p), self.count(i, p));
                if phase.taps > 0 && count > 0 {
                    let reach = count - 1 + (phase.taps - 1) * axis.input_step();
                    let before = if phase.input < 0 {
                        phase.input.unsigned_abs()
                    } else {
                        0
                    };
                    let last = reach.saturating_add_signed(phase.input) + 1;
                    begin[i] = largest(&[begin[i], before]);
                    end[i] = largest(&[end[i], last.saturating_sub(self.size[i])]);
                }
                p += 1;
            }
            i += 1;
        }
        Window {
            size: self.size,
            kernel: [1; 3],
            strides: [1; 3],
            dilations: [1; 3],
            begin,
            end,
        }
    }

    /// One image, phase by phase, group by group.
    fn phases(&self, cpu: Cpu, window: &Window, x: &[f32], y: &mut [f32]) {
        let outputs = self.outputs / self.group;
        let mut kernel = self.kernel;
        // What a tile clamps by itself is done there; the rows of a phase are not neighbours, so the rest is done at the end.
        let in_tiles = matches!(self.activation, Activation::Relu | Activation::Clip { .. });
        for g in 0..self.group {
            for_each_phase(self.axes.map(|axis| axis.stride), |phases| {
                let (mut product, x_start, y_start) = self.phase(window, phases);
                let len = outputs.div_ceil(PANEL) * product.segments.total() * PANEL;
                let (panels, rest) = kernel.split_at(len);
                kernel = rest;
                product.panels = panels;
                product.bias = self.bias.map(|bias| &bias[g * outputs..][..outputs]);
                if in_tiles {
                    product.activation = self.activation;
                }
                if product.grid.rows() > 0 {
                    let x = &x[x_start + g * (self.inputs / self.group)..];
                    product.run(cpu, x, Addend::Nothing, &mut y[y_start + g * outputs..]);
                }
            });
        }
        if !in_tiles {
            self.activation.apply(cpu, y);
        }
    }

    /// Computes again what is NaN where taps hang over the border: they see no input, but were multiplied by the zeros around the image, and that
    /// is NaN if they are not finite.
    fn mend(&self, cpu: Cpu, x: &[f32], y: &mut [f32]) {
        let output = self.output();
        // From the first range on no tap hangs over the begin, up to the second none over the end.
        let [(front, back), (top, bottom), (left, right)] = [0, 1, 2].map(|i| {
            let axis = &self.axes[i];
            let first = (axis.dilation * (axis.kernel.max(1) - 1)).saturating_sub(axis.begin);
            let end = ((self.size[i] - 1) * axis.stride + 1).saturating_sub(axis.begin);
            let first = first.min(output[i]);
            (first, end.clamp(first, output[i]))
        });
        let lines = y.chunks_exact_mut(output[2] * self.outputs);
        for (line, y) in lines.enumerate() {
            let at = [line / output[1], line % output[1]];
            let inside = (front..back).contains(&at[0]) && (top..bottom).contains(&at[1]);
            let (left, right) = if inside {
                (left, right)
            } else {
                (output[2], output[2])
            };
            for column in (0..left).chain(right..output[2]) {
                let pixel = &mut y[column * self.outputs..][..self.outputs];
                if pixel.iter().any(|y| y.is_nan()) {
                    self.pixel([at[0], at[1], column], x, pixel);
                    self.activation.apply(cpu, pixel);
                }
            }
        }
    }

    /// The outputs at one position, from the taps that see an input; without the activation.
    #[cold]
    fn pixel(&self, at: [usize; 3], x: &[f32], y: &mut [f32]) {
        let (inputs, outputs) = (self.inputs / self.group, self.outputs / self.group);
        match self.bias {
            Some(bias) => y.copy_from_slice(bias),
            None => y.fill(0.0),
        }
        let mut kernel = self.kernel;
        for (g, y) in y.chunks_exact_mut(outputs).enumerate() {
            for_each_phase(self.axes.map(|axis| axis.stride), |phases| {
                let phase = [0, 1, 2].map(|i| self.axes[i].phase(phases[i]));
                let taps = phase.map(|phase| phase.taps);
                let count = taps.iter().product::<usize>();
                let panel = count * inputs * PANEL;
                let (panels, rest) = kernel.split_at(outputs.div_ceil(PANEL) * panel);
                kernel = rest;
                if (0..3).any(|i| at[i] % self.axes[i].stride != phases[i]) {
                    return;
                }
                for tap in 0..count {
                    let place = [
                        tap / (taps[1] * taps[2]),
                        tap / taps[2] % taps[1],
                        tap % taps[2],
                    ];
                    let pixel = (0..3).try_fold(0, |pixel, i| {
                        let step =
                            at[i] / self.axes[i].stride + place[i] * self.axes[i].input_step();
                        let input = usize::try_from(step as isize + phase[i].input).ok()?;
                        (input < self.size[i]).then_some(pixel * self.size[i] + input)
                    });
                    let Some(pixel) = pixel else { continue };
                    let x = &x[pixel * self.inputs + g * inputs..][..inputs];
                    for (o, y) in y.iter_mut().enumerate() {
                        let column =
                            &panels[o / PANEL * panel + tap * inputs * PANEL + o % PANEL..];
                        for (x, w) in x.iter().zip(column.iter().step_by(PANEL)) {
                            *y += x * w;
                        }
                    }
                }
            });
        }
    }

    /// The product of one phase (without kernel and bias), and where its first row begins in x and y.
    fn phase(&self, window: &Window, phases: [usize; 3]) -> (Product<'static>, usize, usize) {
        let inputs = self.inputs / self.group;
        let padded = window.padded();
        let x_pixels = [padded[1] * padded[2], padded[2], 1].map(|pixels| pixels * self.inputs);
        let output = self.output();
        let y_pixels = [output[1] * output[2], output[2], 1].map(|pixels| pixels * self.outputs);
        let taps = [0, 1, 2].map(|i| self.axes[i].phase(phases[i]));
        let size = [0, 1, 2].map(|i| self.count(i, phases[i]));
        let y_start = (0..3).map(|i| phases[i] * y_pixels[i]).sum();
        let y_step = core::array::from_fn(|i| self.axes[i].stride * y_pixels[i]);
        let count = taps.map(|phase| phase.taps);
        let step: [usize; 3] = core::array::from_fn(|i| self.axes[i].input_step() * x_pixels[i]);
        let has_taps = !count.contains(&0);
        let segments = if !has_taps {
            Segments::one(0)
        } else if self.group == 1 && (step[2] == self.inputs || count[2] == 1) {
            Segments {
                size: [count[0], count[1], 1],
                step,
                len: count[2] * inputs,
            }
        } else {
            Segments {
                size: count,
                step,
                len: inputs,
            }
        };
        // `window` has made room for every tap, so that this is not negative.
        let x_start =
            |i: usize| (window.begin[i] as isize + taps[i].input).unsigned_abs() * x_pixels[i];
        let product = Product {
            grid: Grid {
                size,
                x_step: if has_taps { x_pixels } else { [0; 3] },
                y_step,
            }
            .collapsed(),
            segments,
            columns: self.outputs / self.group,
            panels: &[],
            bias: None,
            activation: Activation::Linear,
        };
        (
            product,
            if has_taps {
                (0..3).map(x_start).sum()
            } else {
                0
            },
            y_start,
        )
    }
}
