//! Every layer of the model that has parameters, with its parameters.

use tf_layers::activation::{Activate, Activation};
use tf_layers::dense::Dense;

use super::weights::Weights;

/// The layers of the model, in the order they run, and the constants they read.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'w> {
    /// hidden/MatMul (Gemm): \[batch, 16\]
    pub hidden: Dense<'w>,
    /// hidden/Relu (Relu): \[batch, 16\]
    pub hidden_relu: Activate,
    /// score/MatMul (Gemm): \[batch, 1\]
    pub score: Dense<'w>,
    /// score/Sigmoid (Sigmoid): \[batch, 1\]
    pub score_sigmoid: Activate,
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
                activation: Activation::Linear,
            }
            .checked(),
            hidden_relu: Activate {
                activation: Activation::Relu,
            }
            .checked(),
            score: Dense {
                inputs: 16,
                units: 1,
                kernel: w.score_kernel,
                bias: Some(w.score_bias),
                activation: Activation::Linear,
            }
            .checked(),
            score_sigmoid: Activate {
                activation: Activation::Sigmoid,
            }
            .checked(),
        }
    }
}

/// The layers over the weights that are part of this binary.
pub(super) static EMBEDDED: Layers<'static> = Layers::new(&Weights::EMBEDDED);
