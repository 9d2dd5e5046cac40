//! Recurrent layers whose weights are inputs of the model: packed in every run, into room of its own.

#[cfg(feature = "gru")]
mod gru;
#[cfg(feature = "lstm")]
mod lstm;
#[cfg(feature = "rnn")]
mod rnn;

use crate::error::Result;
use crate::pack::recurrent as pack;
use crate::recurrent::RecurrentWeights;
use crate::slot::Slot;

#[cfg(feature = "gru")]
pub use gru::GruUnpacked;
#[cfg(feature = "lstm")]
pub use lstm::LstmUnpacked;
#[cfg(feature = "rnn")]
pub use rnn::RnnUnpacked;

/// Sizes of the unpacked weights.
struct Shape {
    directions: usize,
    gates: usize,
    inputs: usize,
    hidden: usize,
    /// Gates of R that are multiplied first.
    split: usize,
    /// Gates whose two biases are added.
    summed: usize,
}

/// W, R and B, packed.
struct Packed<'a> {
    kernel: &'a [f32],
    recurrent: &'a [f32],
    bias: Option<&'a [f32]>,
    /// Room for one more vector of each gate.
    vectors: &'a mut [f32],
}

impl Shape {
    /// Packs into `room`.
    fn pack<'a>(&self, weights: RecurrentWeights, room: &'a mut Slot<f32>) -> Result<Packed<'a>> {
        let gates = self.gates;
        let rows = gates * self.hidden;
        let w = [self.directions, rows, self.inputs];
        let r = [self.directions, rows, self.hidden];
        let lens = [
            pack::input_gates_len(&w, gates),
            pack::recurrent_gates_len(&r, gates),
            pack::vectors_len(self.directions, rows, gates),
        ];
        let room = room.fit(lens[0] + lens[1] + 2 * lens[2])?;
        room.fill(0.0);
        let (kernel, rest) = room.split_at_mut(lens[0]);
        let (recurrent, rest) = rest.split_at_mut(lens[1]);
        let (bias, vectors) = rest.split_at_mut(lens[2]);
        pack::input_gates_into(&w, weights.w, gates, kernel);
        pack::recurrent_gates_into(&r, weights.r, gates, self.split, recurrent);
        let b = [self.directions, 2 * rows];
        Ok(Packed {
            kernel,
            recurrent,
            bias: weights.b.map(|given| {
                pack::gate_bias_into(&b, given, gates, self.summed, bias);
                &*bias
            }),
            vectors,
        })
    }
}
