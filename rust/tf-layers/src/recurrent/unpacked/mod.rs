//! Recurrent layers whose weights are inputs of the model: packed in every run, which allocates.

#[cfg(feature = "gru")]
mod gru;
#[cfg(feature = "lstm")]
mod lstm;
#[cfg(feature = "rnn")]
mod rnn;

use crate::pack::recurrent::{gate_bias, input_gates, recurrent_gates};
use crate::recurrent::RecurrentWeights;

#[cfg(feature = "gru")]
pub use gru::GruUnpacked;
#[cfg(feature = "lstm")]
pub use lstm::LstmUnpacked;
#[cfg(feature = "rnn")]
pub use rnn::RnnUnpacked;

/// W, R and B, packed.
struct Packed {
    kernel: Vec<f32>,
    recurrent: Vec<f32>,
    bias: Option<Vec<f32>>,
}

/// Sizes of the unpacked weights.
struct Shape {
    directions: usize,
    gates: usize,
    inputs: usize,
    hidden: usize,
}

impl Shape {
    fn pack(&self, split: usize, summed: usize, weights: RecurrentWeights) -> Packed {
        let Shape {
            directions,
            gates,
            inputs,
            hidden,
        } = *self;
        let RecurrentWeights { w, r, b } = weights;
        let rows = gates * hidden;
        Packed {
            kernel: input_gates(&[directions, rows, inputs], w, gates),
            recurrent: recurrent_gates(&[directions, rows, hidden], r, gates, split),
            bias: b.map(|b| gate_bias(&[directions, 2 * rows], b, gates, summed)),
        }
    }
}
