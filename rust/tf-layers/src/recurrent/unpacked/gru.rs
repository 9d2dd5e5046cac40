//! GRU with weights that are inputs of the model.

use super::Shape;
use crate::activation::Activation;
use crate::cpu::Cpu;
use crate::error::Result;
use crate::pack::recurrent::{last_recurrent_bias_into, vectors_len};
use crate::recurrent::{Directions, Gru, RecurrentInputs, RecurrentOutputs, RecurrentWeights};
use crate::slot::Slot;

/// [`Gru`] with W, R and B as ONNX has them.
#[derive(Debug, Clone, Copy)]
pub struct GruUnpacked {
    /// Last axis of x.
    pub inputs: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Which way the sequence is read.
    pub directions: Directions,
    /// As [`Gru::activations`].
    pub activations: [Activation; 4],
    /// As [`Gru::clip`].
    pub clip: Option<f32>,
    /// As [`Gru::linear_before_reset`].
    pub linear_before_reset: bool,
}

impl GruUnpacked {
    /// Checks the parameters; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.hidden > 0, "GruUnpacked: hidden");
        self
    }

    /// Packs the weights and runs.
    ///
    /// # Errors
    /// As [`Gru::run`].
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
            linear_before_reset,
        } = *self;
        let (split, summed) = if linear_before_reset { (3, 2) } else { (2, 3) };
        let shape = Shape {
            directions: directions.count(),
            gates: 3,
            inputs,
            hidden,
            split,
            summed,
        };
        let mut room = Slot::new();
        let packed = shape.pack(weights, &mut room)?;
        let reset_bias = weights.b.filter(|_| linear_before_reset).map(|b| {
            let len = vectors_len(directions.count(), hidden, 1);
            let packed = &mut packed.vectors[..len];
            last_recurrent_bias_into(&[directions.count(), 6 * hidden], b, 3, packed);
            &*packed
        });
        let layer = Gru {
            inputs,
            hidden,
            directions,
            kernel: packed.kernel,
            recurrent_kernel: packed.recurrent,
            bias: packed.bias,
            reset_bias,
            activations,
            clip,
            linear_before_reset,
        };
        layer.run(cpu, given, out, scratch)
    }
}
