//! Convolutions whose kernel is computed while the model runs: packed for every call.

use super::{Direct, transpose};
use crate::activation::Activation;
use crate::cpu::Cpu;
use crate::error::Result;
use crate::gemm::Addend;
use crate::image::{self, windowed};
use crate::pack::{PANEL, conv_into, conv_transpose_into};
use crate::slot::Scratch;

/// What a convolution takes whose kernel is computed while the model runs.
#[derive(Debug, Clone, Copy)]
pub struct ConvDynamicInputs<'a, const D: usize> {
    /// Images.
    pub batch: usize,
    /// Size of an image.
    pub size: [usize; D],
    /// Channels of x and of y.
    pub channels: [usize; 2],
    /// `[batch, *size, inputs]`
    pub x: &'a [f32],
    /// The kernel, as ONNX has it.
    pub w: &'a [f32],
    /// `[outputs]`
    pub bias: Option<&'a [f32]>,
}

impl<const D: usize> Default for ConvDynamicInputs<'_, D> {
    fn default() -> Self {
        Self {
            batch: 0,
            size: [0; D],
            channels: [0; 2],
            x: &[],
            w: &[],
            bias: None,
        }
    }
}

windowed! {
    /// y = x ⋆ w + bias, as [`Conv`](super::Conv) but with w `[outputs, inputs / group, *kernel_shape]` an input.
    #[derive(Debug, Clone, Copy)]
    pub struct ConvDynamic<const D: usize> {
        /// Groups of channels: outputs of one group see only its inputs.
        pub group: usize,
        ..geometry over x,
    }
}

impl<const D: usize> ConvDynamic<D> {
    /// Length of the packed kernel.
    const fn packed_len(&self, [inputs, outputs]: [usize; 2]) -> usize {
        let (group, taps) = (self.group, self.geometry().check());
        group * (outputs / group).div_ceil(PANEL) * taps * (inputs / group) * PANEL
    }

    /// Elements of scratch that a run needs: the packed kernel, and an image with its padding.
    #[must_use]
    pub const fn scratch_len(&self, batch: usize, size: [usize; D], channels: [usize; 2]) -> usize {
        self.packed_len(channels)
            + super::padded_len(&self.geometry().over(size), channels[0], batch)
    }

    /// Checks the parameters.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.group > 0, "ConvDynamic: groups");
        self.geometry().check();
        self
    }

    /// y = x ⋆ w + bias
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is none for the scratch.
    pub fn run(
        &self,
        cpu: Cpu,
        inputs: ConvDynamicInputs<D>,
        y: &mut [f32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        let ConvDynamicInputs {
            batch,
            size,
            channels: [inputs, outputs],
            x,
            w,
            bias,
        } = inputs;
        let taps = self.kernel_shape.iter().product::<usize>();
        let group_inputs = inputs / self.group;
        let len = self.packed_len([inputs, outputs]);
        let need = self.scratch_len(batch, size, [inputs, outputs]);
        let mut job = Direct {
            inputs,
            outputs,
            group: self.group,
            window: self.geometry().over(size),
            kernel: &[],
            bias,
            activation: Activation::Linear,
        };
        let (packed, scratch) = scratch.fit(need)?.split_at_mut(len);
        packed.fill(0.0);
        conv_into(w, [outputs, group_inputs, taps], self.group, packed);
        job.kernel = packed;
        job.run(cpu, batch, x, Addend::Nothing, y, scratch);
        Ok(())
    }
}

windowed! {
    /// y = x ⋆ᵀ w + bias, as [`ConvTranspose`](super::ConvTranspose) but with w `[inputs, outputs / group, *kernel_shape]` an input.
    #[derive(Debug, Clone, Copy)]
    pub struct ConvTransposeDynamic<const D: usize> {
        /// Groups of channels: outputs of one group see only its inputs.
        pub group: usize,
        ..geometry over y,
        /// Outputs added at the end.
        pub output_padding: [usize; D],
    }
}

impl<const D: usize> ConvTransposeDynamic<D> {
    /// Length of the packed kernel.
    const fn packed_len(&self, [inputs, outputs]: [usize; 2]) -> usize {
        inputs * self.geometry().check() * (outputs / self.group).div_ceil(PANEL) * PANEL
    }

    /// Elements of scratch that a run needs: the packed kernel, and an image with its padding.
    #[must_use]
    pub const fn scratch_len(&self, _: usize, size: [usize; D], channels: [usize; 2]) -> usize {
        let window = self.job(size, channels).window();
        self.packed_len(channels) + window.copy_len(channels[0])
    }

    /// Without kernel and bias.
    const fn job(
        &self,
        size: [usize; D],
        [inputs, outputs]: [usize; 2],
    ) -> transpose::Job<'static> {
        let window = self.geometry().over(size);
        transpose::Job {
            inputs,
            outputs,
            group: self.group,
            axes: transpose::axes(&window),
            size: window.size,
            end: window.end,
            output_padding: image::three(self.output_padding, 0),
            kernel: &[],
            bias: None,
            activation: Activation::Linear,
        }
    }

    /// Checks the parameters.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.group > 0, "ConvTransposeDynamic: groups");
        self.geometry().check();
        self
    }

    /// y = x ⋆ᵀ w + bias
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is none for the scratch.
    pub fn run(
        &self,
        cpu: Cpu,
        inputs: ConvDynamicInputs<D>,
        y: &mut [f32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        let ConvDynamicInputs {
            batch,
            size,
            channels: [inputs, outputs],
            x,
            w,
            bias,
        } = inputs;
        let channels = [inputs, outputs];
        let (job, len) = (self.job(size, channels), self.packed_len(channels));
        let need = self.scratch_len(batch, size, channels);
        let (packed, scratch) = scratch.fit(need)?.split_at_mut(len);
        packed.fill(0.0);
        conv_transpose_into(
            w,
            [inputs, outputs / self.group],
            self.group,
            job.axes,
            packed,
        );
        transpose::Job {
            kernel: packed,
            bias,
            ..job
        }
        .run(cpu, batch, x, y, scratch);
        Ok(())
    }
}
