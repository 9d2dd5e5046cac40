//! Recurrent layers whose weights are inputs of the model: packed in every run, into room of its own.

use super::given::RecurrentWeights;
use super::unroll::packed_lens;
use crate::pack::recurrent as pack;

/// Sizes of the unpacked weights.
pub(super) struct Shape {
    pub directions: usize,
    pub gates: usize,
    pub inputs: usize,
    pub hidden: usize,
    /// Gates of R that are multiplied first.
    pub split: usize,
    /// Gates whose two biases are added.
    pub summed: usize,
}

/// W, R and B, packed.
pub(super) struct Packed<'a> {
    pub kernel: &'a [f32],
    pub recurrent: &'a [f32],
    pub bias: Option<&'a [f32]>,
    /// Room for one more vector of each gate.
    pub vectors: &'a mut [f32],
}

impl Shape {
    /// Elements of W, R, and of one of the two: biases, and vectors.
    const fn lens(&self) -> [usize; 3] {
        packed_lens(self.directions, self.gates, self.inputs, self.hidden)
    }

    /// Elements of the room that [`pack`](Self::pack) takes.
    pub(super) const fn len(&self) -> usize {
        let [kernel, recurrent, bias] = self.lens();
        kernel + recurrent + 2 * bias
    }

    /// Packs into `room`.
    pub(super) fn pack<'a>(&self, weights: RecurrentWeights, room: &'a mut [f32]) -> Packed<'a> {
        let gates = self.gates;
        let rows = gates * self.hidden;
        let w = [self.directions, rows, self.inputs];
        let r = [self.directions, rows, self.hidden];
        let lens = self.lens();
        room.fill(0.0);
        let (kernel, rest) = room.split_at_mut(lens[0]);
        let (recurrent, rest) = rest.split_at_mut(lens[1]);
        let (bias, vectors) = rest.split_at_mut(lens[2]);
        pack::input_gates_into(&w, weights.w, gates, kernel);
        pack::recurrent_gates_into(&r, weights.r, gates, self.split, recurrent);
        let b = [self.directions, 2 * rows];
        Packed {
            kernel,
            recurrent,
            bias: weights.b.map(|given| {
                pack::gate_bias_into(&b, given, gates, self.summed, bias);
                &*bias
            }),
            vectors,
        }
    }
}
