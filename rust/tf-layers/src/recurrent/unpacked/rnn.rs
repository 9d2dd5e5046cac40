//! The plain recurrent layer with weights that are inputs of the model.

use super::Shape;
use crate::activation::Activation;
use crate::cpu::Cpu;
use crate::error::Result;
use crate::recurrent::{Directions, RecurrentInputs, RecurrentOutputs, RecurrentWeights, Rnn};
use crate::slot::Slot;

/// [`Rnn`] with W, R and B as ONNX has them.
#[derive(Debug, Clone, Copy)]
pub struct RnnUnpacked {
    /// Last axis of x.
    pub inputs: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Which way the sequence is read.
    pub directions: Directions,
    /// As [`Rnn::activations`].
    pub activations: [Activation; 2],
    /// As [`Rnn::clip`].
    pub clip: Option<f32>,
}

impl RnnUnpacked {
    /// Checks the parameters; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.hidden > 0, "RnnUnpacked: hidden");
        self
    }

    /// Packs the weights and runs.
    ///
    /// # Errors
    /// As [`Rnn::run`].
    pub fn run(
        &self,
        cpu: Cpu,
        given: RecurrentInputs,
        weights: RecurrentWeights,
        out: RecurrentOutputs,
        scratch: &mut Slot<f32>,
    ) -> Result<()> {
        let Self {
            inputs,
            hidden,
            directions,
            activations,
            clip,
        } = *self;
        let shape = Shape {
            directions: directions.count(),
            gates: 1,
            inputs,
            hidden,
            split: 1,
            summed: 1,
        };
        let mut room = Slot::new();
        let packed = shape.pack(weights, &mut room)?;
        let layer = Rnn {
            inputs,
            hidden,
            directions,
            kernel: packed.kernel,
            recurrent_kernel: packed.recurrent,
            bias: packed.bias,
            activations,
            clip,
        };
        layer.run(cpu, given, out, scratch)
    }
}
