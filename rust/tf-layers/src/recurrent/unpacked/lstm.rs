//! LSTM with weights that are inputs of the model.

use super::Shape;
use crate::activation::Activation;
use crate::cpu::Cpu;
use crate::error::Result;
use crate::pack::recurrent::gate_vectors;
use crate::recurrent::{Directions, Lstm};
use crate::slot::Slot;

/// [`Lstm`] with W, R, B and P as ONNX has them.
#[derive(Debug, Clone, Copy)]
pub struct LstmUnpacked {
    /// Last axis of x.
    pub inputs: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Which way the sequence is read.
    pub directions: Directions,
    /// As [`Lstm::activations`].
    pub activations: [Activation; 6],
    /// As [`Lstm::clip`].
    pub clip: Option<f32>,
    /// As [`Lstm::input_forget`].
    pub input_forget: bool,
}

impl LstmUnpacked {
    /// Checks the parameters; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.hidden > 0, "LstmUnpacked: hidden");
        self
    }

    /// Packs the weights and runs.
    ///
    /// # Errors
    /// As [`Lstm::run`].
    #[allow(
        clippy::too_many_arguments,
        reason = "the inputs and outputs that ONNX gives LSTM"
    )]
    pub fn run(
        &self,
        cpu: Cpu,
        steps: usize,
        batch: usize,
        x: &[f32],
        w: &[f32],
        r: &[f32],
        b: Option<&[f32]>,
        sequence_lens: Option<&[i32]>,
        initial_h: Option<&[f32]>,
        initial_c: Option<&[f32]>,
        p: Option<&[f32]>,
        y: Option<&mut [f32]>,
        y_h: Option<&mut [f32]>,
        y_c: Option<&mut [f32]>,
        scratch: &mut Slot<f32>,
    ) -> Result<()> {
        let Self {
            inputs,
            hidden,
            directions,
            activations,
            clip,
            input_forget,
        } = *self;
        let shape = Shape {
            directions: directions.count(),
            gates: 4,
            inputs,
            hidden,
        };
        let packed = shape.pack(4, 4, w, r, b);
        let peepholes = p.map(|p| gate_vectors(&[directions.count(), 3 * hidden], p, 3));
        let layer = Lstm {
            inputs,
            hidden,
            directions,
            kernel: &packed.kernel,
            recurrent_kernel: &packed.recurrent,
            bias: packed.bias.as_deref(),
            peepholes: peepholes.as_deref(),
            activations,
            clip,
            input_forget,
        };
        layer.run(
            cpu,
            steps,
            batch,
            x,
            sequence_lens,
            initial_h,
            initial_c,
            y,
            y_h,
            y_c,
            scratch,
        )
    }
}
