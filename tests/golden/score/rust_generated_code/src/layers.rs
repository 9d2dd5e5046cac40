//! Every layer of the model that has parameters, with its parameters.

use tf_layers::activation::Activation;
use tf_layers::dense::Dense;

use super::weights::Weights;
use core::fmt;

/// The layers of the model, in the order they run, and the constants they read.
#[derive(Clone, Copy)]
pub struct Layers<'w> {
    /// `hidden/MatMul (Gemm): [batch, 16]`
    pub hidden: Dense<'w>,
    /// `score/MatMul (Gemm): [batch, 1]`
    pub score: Dense<'w>,
}

impl<'w> Layers<'w> {
    /// Builds and checks every layer; in a constant, parameters that do not fit are compile errors.
    #[allow(
        clippy::approx_constant,
        clippy::excessive_precision,
        reason = "parameters are what the model says"
    )]
    pub const fn new(w: &Weights<'w>) -> Self {
        Self {
            hidden: Dense {
                inputs: 10,
                units: 16,
                kernel: w.hidden_kernel,
                bias: Some(w.hidden_bias),
                activation: Activation::Relu,
            }
            .checked(),
            score: Dense {
                inputs: 16,
                units: 1,
                kernel: w.score_kernel,
                bias: Some(w.score_bias),
                activation: Activation::Sigmoid,
            }
            .checked(),
        }
    }
}

/// Without the layers: there may be hundreds. Each implements `Debug` itself, without the numbers of its weights.
impl fmt::Debug for Layers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers").finish_non_exhaustive()
    }
}

/// The layers over the weights that are part of this binary.
pub(super) static EMBEDDED: Layers<'static> = Layers::new(&Weights::EMBEDDED);
