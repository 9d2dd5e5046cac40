//! Every layer of the model that has parameters, with its parameters.

use tf_layers::activation::Activation;
use tf_layers::dense::Dense;
use tf_layers::reduce::{Reduce, Reduction};

use super::weights::Weights;

/// The layers of the model, in the order they run, and the constants they read.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'w> {
    /// mean/ReduceMean (ReduceMean): \[batch, 1, 8\]
    pub mean: Reduce<3>,
    /// logits/MatMul (Gemm): \[batch, 3\]
    pub logits: Dense<'w>,
    /// embedding/table
    pub embedding_table: &'w [f32],
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
            mean: Reduce {
                reduction: Reduction::Mean,
                axes: [false, true, false],
            }
            .checked(),
            logits: Dense {
                inputs: 8,
                units: 3,
                kernel: w.logits_kernel,
                bias: Some(w.logits_bias),
                activation: Activation::Linear,
            }
            .checked(),
            embedding_table: w.embedding_table,
        }
    }
}

/// The layers over the weights that are part of this binary.
pub(super) static EMBEDDED: Layers<'static> = Layers::new(&Weights::EMBEDDED);
