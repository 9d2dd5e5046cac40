//! The simple recurrent layer.

use super::given::{RecurrentInputs, RecurrentOutputs};
use super::product::{gates, lanes};
use super::unroll::{Cell, Directions, Rows, States, Unroll, blocks, packed_lens};
use crate::activation::Activation;
use crate::brief::brief;
use crate::cpu::{Cpu, Simd, prelude::*};
use crate::error::Result;
use crate::pack::{PANEL, recurrent::STEP};
use crate::slot::Slot;

/// ONNX `RNN` (layout 0), Keras `SimpleRNN`: h' = f(clip(x·W + h·R + b)).
///
/// x `[steps, batch, inputs]`, y `[steps, directions, batch, hidden]`, states `[directions, batch, hidden]`. Weights are
/// packed by [`Packing::InputGates`](crate::pack::Packing) `{ gates: 1 }`, `RecurrentGates { gates: 1, split: 1 }` and `GateBias { gates: 1,
/// summed: 1 }`.
#[derive(Clone, Copy)]
pub struct Rnn<'w> {
    /// Last axis of x.
    pub inputs: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Which way the sequence is read.
    pub directions: Directions,
    /// Packed W.
    pub kernel: &'w [f32],
    /// Packed R.
    pub recurrent_kernel: &'w [f32],
    /// Packed B (both biases added), if any.
    pub bias: Option<&'w [f32]>,
    /// f of the first direction, then of the second (repeated where there is none).
    pub activations: [Activation; 2],
    /// Bound of |x| for what the activation gets, if any.
    pub clip: Option<f32>,
}

brief!([] Rnn<'_>: inputs, hidden, directions, activations, clip; kernel, recurrent_kernel, bias);

impl Rnn<'_> {
    /// Lengths of the packed W, R and B.
    #[must_use]
    pub const fn packed_lens(directions: Directions, inputs: usize, hidden: usize) -> [usize; 3] {
        packed_lens(directions.count(), 1, inputs, hidden)
    }

    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        let [kernel, recurrent, bias] =
            Self::packed_lens(self.directions, self.inputs, self.hidden);
        assert!(self.hidden > 0, "Rnn: hidden");
        assert!(self.kernel.len() == kernel, "Rnn: kernel length");
        assert!(
            self.recurrent_kernel.len() == recurrent,
            "Rnn: recurrent_kernel length"
        );
        if let Some(b) = self.bias {
            assert!(b.len() == bias, "Rnn: bias length");
        }
        self
    }

    /// Runs over the whole sequence. Rows with a `sequence_lens` below `steps` stop there: later steps of y are 0.
    ///
    /// # Errors
    /// If a sequence length is negative or larger than `steps`.
    pub fn run(
        &self,
        cpu: Cpu,
        given: RecurrentInputs,
        out: RecurrentOutputs,
        scratch: &mut Slot<f32>,
    ) -> Result<()> {
        let unroll = Unroll {
            inputs: self.inputs,
            hidden: self.hidden,
            directions: self.directions,
            kernel: self.kernel,
            bias: self.bias,
            given: given.into(),
        };
        unroll.run(*self, cpu, out.into(), scratch)
    }
}

impl Cell for Rnn<'_> {
    const GATES: usize = 1;
    const EXTRA: usize = 0;

    fn tiles(&self) -> bool {
        true
    }

    #[inline(always)]
    fn step<S: Simd, const R: usize>(
        &self,
        s: S,
        direction: usize,
        rows: &Rows<R>,
        states: &mut States,
    ) {
        let count = blocks(self.hidden);
        let (width, panel) = (count * PANEL, self.hidden.next_multiple_of(STEP) * PANEL);
        let weights = &self.recurrent_kernel[direction * count * panel..][..count * panel];
        let h = rows.ids.map(|b| &states.h[b * width..][..width]);
        for block in 0..count {
            let start = rows.inputs.map(|x| &x[block * PANEL..][..PANEL]);
            let w = &weights[block * panel..][..panel];
            lanes!(s, R, 1, |V, U, LANE| {
                let acc = gates::<S, 1, V, R, U, LANE>(s, start, h, w);
                for (b, [acc]) in rows.ids.into_iter().zip(acc) {
                    for (v, acc) in acc.into_iter().enumerate() {
                        let at = b * width + block * PANEL + LANE + v * S::f32s::LEN;
                        acc.store_slice(&mut states.next[at..][..S::f32s::LEN]);
                    }
                }
            });
        }
        for b in rows.ids {
            let next = &mut states.next[b * width..][..width];
            if let Some(limit) = self.clip {
                next.iter_mut()
                    .for_each(|v| *v = v.clamp(-limit.abs(), limit.abs()));
            }
            self.activations[direction].apply_at(s, next);
            // The padding would grow with activations that are not 0 at 0.
            next[self.hidden..].fill(0.0);
        }
    }
}
