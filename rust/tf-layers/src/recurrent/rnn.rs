//! The simple recurrent layer.

use super::given::{LstmOutputs, RecurrentInputs, RecurrentOutputs, RecurrentWeights};
use super::layer::{activate, recurrent};
use super::product::{gates, lanes};
use super::unpacked::Shape;
use super::unroll::{Cell, Directions, Rows, States, Unroll, blocks, packed_lens, scratch_len};
use crate::activation::Activation;
use crate::brief::brief;
use crate::cpu::{Cpu, Simd, prelude::*};
use crate::error::Result;
use crate::fixed::Rest;
use crate::pack::{PANEL, recurrent::STEP};
use crate::slot::Scratch;

recurrent! {
    /// ONNX `RNN` (layout 0), Keras `SimpleRNN`: h' = f(clip(x·W + h·R + b)).
    ///
    /// x `[steps, batch, inputs]`, y `[steps, directions, batch, hidden]`, states `[directions, batch, hidden]`. Weights are
    /// packed by [`Packing::InputGates`](crate::pack::Packing) `{ gates: 1 }`, `RecurrentGates { gates: 1, split: 1 }` and `GateBias { gates: 1,
    /// summed: 1 }`.
    Rnn, RnnUnpacked(RecurrentInputs, RecurrentWeights) -> RecurrentOutputs;
    gates: 1;
    extra: 0;
    /// f of the first direction, then of the second (repeated where there is none).
    activations: 2;
    vectors {}
    options {}
}

impl RnnUnpacked {
    const fn order(&self) -> [usize; 2] {
        [1, 1]
    }
}

impl Rnn<'_> {
    fn unrolled(
        &self,
        unroll: &Unroll,
        cpu: Cpu,
        out: LstmOutputs,
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        unroll.run(*self, cpu, out, scratch)
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
            activate(s, self.activations[direction], self.clip, next);
            // The padding would grow with activations that are not 0 at 0.
            next[self.hidden..].fill(0.0);
        }
    }
}
