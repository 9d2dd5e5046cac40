//! Long short-term memory.

use super::given::{LstmInputs, LstmOutputs, LstmWeights};
use super::layer::{activate, recurrent};
use super::product::{gates, lanes};
use super::unpacked::Shape;
use super::unroll::{Cell, Directions, Rows, States, Unroll, blocks, packed_lens, scratch_len};
use crate::activation::Activation;
use crate::brief::brief;
use crate::cpu::{Cpu, Simd, prelude::*};
use crate::error::Result;
use crate::fixed::Rest;
use crate::math::exp::{sigmoid, tanh};
use crate::pack::PANEL;
use crate::pack::recurrent::{STEP, gate_vectors_into, vectors_len};
use crate::slot::Scratch;

recurrent! {
    /// ONNX `LSTM` (layout 0), Keras `LSTM`:
    ///
    /// * i = f(clip(x·Wi + h·Ri + Pi ⊙ c + bi)), o likewise with the *new* c, f = f(…) or 1 − i with `input_forget`,
    /// * c' = f ⊙ c + i ⊙ g(clip(x·Wc + h·Rc + bc)), h' = o ⊙ h(c').
    ///
    /// x `[steps, batch, inputs]`, y `[steps, directions, batch, hidden]`, states `[directions, batch, hidden]`. Weights are
    /// packed by [`Packing::InputGates`](crate::pack::Packing) `{ gates: 4 }`, `RecurrentGates { gates: 4, split: 4 }`, `GateBias { gates: 4,
    /// summed: 4 }` and `GateVectors { gates: 3 }`.
    Lstm, LstmUnpacked(LstmInputs, LstmWeights) -> LstmOutputs;
    gates: 4;
    extra: 0;
    /// f, g, h of the first direction, then of the second (repeated where there is none).
    activations: 6;
    vectors {
        /// Packed P, if any.
        peepholes: 3,
    }
    options {
        /// Whether the forget gate is 1 − i.
        input_forget: bool,
    }
}

impl LstmUnpacked {
    const fn order(&self) -> [usize; 2] {
        [4, 4]
    }

    fn peepholes<'a>(&self, weights: LstmWeights, room: &'a mut [f32]) -> Option<&'a [f32]> {
        let shape = [self.directions.count(), 3 * self.hidden];
        weights.p.map(|p| {
            let packed = &mut room[..vectors_len(shape[0], shape[1], 3)];
            gate_vectors_into(&shape, p, 3, packed);
            &*packed
        })
    }
}

impl Lstm<'_> {
    fn unrolled(
        &self,
        unroll: &Unroll,
        cpu: Cpu,
        out: LstmOutputs,
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        if self.is_plain() {
            unroll.run(Plain::<true>(self), cpu, out, scratch)
        } else {
            unroll.run(Plain::<false>(self), cpu, out, scratch)
        }
    }

    /// Whether this is the LSTM that everybody uses.
    fn is_plain(&self) -> bool {
        const PLAIN: [Activation; 3] = [Activation::Sigmoid, Activation::Tanh, Activation::Tanh];
        let plain = self.activations.chunks_exact(3).all(|a| a == PLAIN);
        plain && self.clip.is_none() && self.peepholes.is_none() && !self.input_forget
    }

    /// New states of V vectors of one row from its gates, whatever the options.
    #[inline(always)]
    fn general<S: Simd, const V: usize>(
        &self,
        s: S,
        direction: usize,
        acc: [[S::f32s; V]; 4],
        peepholes: Option<&[f32]>,
        c: &mut [f32],
        h: &mut [f32],
    ) {
        let lanes = V * S::f32s::LEN;
        let mut buffers = [[0.0; PANEL]; 4];
        for (buffer, acc) in buffers.iter_mut().zip(acc) {
            for (v, acc) in acc.into_iter().enumerate() {
                acc.store_slice(&mut buffer[v * S::f32s::LEN..][..S::f32s::LEN]);
            }
        }
        let [i, o, f, g] = buffers.each_mut().map(|b| &mut b[..lanes]);
        let peep = |gate: &mut [f32], number: usize, c: &[f32]| {
            if let Some(p) = peepholes {
                for ((gate, p), c) in gate.iter_mut().zip(&p[number * PANEL..]).zip(c) {
                    *gate += p * c;
                }
            }
        };
        let activate = |gate: &mut [f32], number: usize| {
            let activation = self.activations[3 * direction + number];
            activate(s, activation, self.clip.filter(|_| number < 2), gate);
        };
        peep(i, 0, c);
        activate(i, 0);
        if self.input_forget {
            f.iter_mut().zip(&*i).for_each(|(f, i)| *f = 1.0 - i);
        } else {
            peep(f, 2, c);
            activate(f, 0);
        }
        activate(g, 1);
        for (((c, i), f), g) in c.iter_mut().zip(&*i).zip(&*f).zip(&*g) {
            *c = f * *c + i * g;
        }
        peep(o, 1, c);
        activate(o, 0);
        h.copy_from_slice(c);
        activate(h, 2);
        h.iter_mut().zip(&*o).for_each(|(h, o)| *h *= o);
    }
}

/// An LSTM, known to be the one that everybody uses (or not).
#[derive(Clone, Copy)]
struct Plain<'a, const IS: bool>(&'a Lstm<'a>);

impl<const IS: bool> Cell for Plain<'_, IS> {
    const GATES: usize = 4;
    const EXTRA: usize = 0;

    fn tiles(&self) -> bool {
        IS
    }

    #[inline(always)]
    fn step<S: Simd, const R: usize>(
        &self,
        s: S,
        direction: usize,
        rows: &Rows<R>,
        states: &mut States,
    ) {
        let count = blocks(self.0.hidden);
        let width = count * PANEL;
        let k = self.0.hidden.next_multiple_of(STEP);
        let block_len = k * 4 * PANEL;
        let weights =
            &self.0.recurrent_kernel[direction * count * block_len..][..count * block_len];
        let h = rows.ids.map(|b| &states.h[b * width..][..width]);
        for i in 0..count {
            let block = if rows.backward { count - 1 - i } else { i };
            let start = rows.inputs.map(|x| &x[block * 4 * PANEL..][..4 * PANEL]);
            let w = &weights[block * block_len..][..block_len];
            lanes!(s, R, 4, |V, U, LANE| {
                let acc = gates::<S, 4, V, R, U, LANE>(s, start, h, w);
                for (b, acc) in rows.ids.into_iter().zip(acc) {
                    let at = b * width + block * PANEL + LANE;
                    let c = &mut states.c[at..][..V * S::f32s::LEN];
                    let next = &mut states.next[at..][..V * S::f32s::LEN];
                    if IS {
                        plain_cell::<S, V>(s, acc, c, next);
                    } else {
                        let p = self
                            .0
                            .peepholes
                            .map(|p| &p[(direction * count + block) * 3 * PANEL + LANE..]);
                        self.0.general::<S, V>(s, direction, acc, p, c, next);
                    }
                }
            });
        }
        if !IS {
            // The padding of c would grow with activations that are not 0 at 0; that of h meets only zeros in R.
            for b in rows.ids {
                states.c[b * width..][self.0.hidden..width].fill(0.0);
                states.next[b * width..][self.0.hidden..width].fill(0.0);
            }
        }
    }
}

/// c' = σ(f)·c + σ(i)·tanh(g), h' = σ(o)·tanh(c')
#[inline(always)]
fn plain_cell<S: Simd, const V: usize>(
    s: S,
    [i, o, f, g]: [[S::f32s; V]; 4],
    c: &mut [f32],
    h: &mut [f32],
) {
    for v in 0..V {
        let at = v * S::f32s::LEN..(v + 1) * S::f32s::LEN;
        let old = S::f32s::from_slice(s, &c[at.clone()]);
        let new = sigmoid(s, f[v]).mul_add(old, sigmoid(s, i[v]) * tanh(s, g[v]));
        new.store_slice(&mut c[at.clone()]);
        (sigmoid(s, o[v]) * tanh(s, new)).store_slice(&mut h[at]);
    }
}
