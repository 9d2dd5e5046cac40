//! LSTM with weights that are inputs of the model.

use super::Shape;
use crate::activation::Activation;
use crate::cpu::Cpu;
use crate::error::Result;
use crate::pack::recurrent::{gate_vectors_into, vectors_len};
use crate::recurrent::{Directions, Lstm, LstmInputs, LstmOutputs, LstmWeights, RecurrentWeights};
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
    pub fn run(
        &self,
        cpu: Cpu,
        given: LstmInputs,
        weights: LstmWeights,
        out: LstmOutputs,
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
            split: 4,
            summed: 4,
        };
        let LstmWeights { w, r, b, p } = weights;
        let mut room = Slot::new();
        let packed = shape.pack(RecurrentWeights { w, r, b }, &mut room)?;
        let peepholes = p.map(|p| {
            let len = vectors_len(directions.count(), 3 * hidden, 3);
            let packed = &mut packed.vectors[..len];
            gate_vectors_into(&[directions.count(), 3 * hidden], p, 3, packed);
            &*packed
        });
        let layer = Lstm {
            inputs,
            hidden,
            directions,
            kernel: packed.kernel,
            recurrent_kernel: packed.recurrent,
            bias: packed.bias,
            peepholes,
            activations,
            clip,
            input_forget,
        };
        layer.run(cpu, given, out, scratch)
    }
}
