//! Every layer of the model that has parameters, with its parameters.

use tf_layers::activation::Activation;
use tf_layers::dense::Dense;
use tf_layers::movement::Transpose;
use tf_layers::recurrent::{Directions, Lstm};

use super::weights::Weights;
use core::fmt;

/// The layers of the model, in the order they run, and the constants they read.
#[derive(Clone, Copy)]
pub struct Layers<'w> {
    /// `lstm/LSTM: [12, batch, 8]`
    pub lstm_transpose: Transpose<3>,
    /// `lstm/LSTM: [1, batch, 6]`
    pub lstm: Lstm<'w>,
    /// `dense/MatMul: [batch, 1]`
    pub dense: Dense<'w>,
    /// `embedding/embeddings`
    pub embedding_embeddings: &'w [f32],
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
            lstm_transpose: Transpose { perm: [1, 0, 2] }.checked(),
            lstm: Lstm {
                inputs: 8,
                hidden: 6,
                directions: Directions::Forward,
                kernel: w.lstm_kernel,
                recurrent_kernel: w.lstm_recurrent_kernel,
                bias: Some(w.lstm_bias),
                peepholes: None,
                activations: [
                    Activation::Sigmoid,
                    Activation::Tanh,
                    Activation::Tanh,
                    Activation::Sigmoid,
                    Activation::Tanh,
                    Activation::Tanh,
                ],
                clip: None,
                input_forget: false,
            }
            .checked(),
            dense: Dense {
                inputs: 6,
                units: 1,
                kernel: w.dense_kernel,
                bias: None,
                activation: Activation::Sigmoid,
            }
            .checked(),
            embedding_embeddings: w.embedding_embeddings,
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
