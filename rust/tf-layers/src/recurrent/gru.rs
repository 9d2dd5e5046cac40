//! Gated recurrent unit.

use super::given::{LstmOutputs, RecurrentInputs, RecurrentOutputs, RecurrentWeights};
use super::layer::{activate, recurrent};
use super::product::{gates, lanes};
use super::unpacked::Shape;
use super::unroll::{Cell, Directions, Rows, States, Unroll, blocks, packed_lens, scratch_len};
use crate::activation::Activation;
use crate::brief::brief;
use crate::cpu::{Cpu, Simd, at_level, prelude::*};
use crate::error::Result;
use crate::fixed::Rest;
use crate::math::exp::{sigmoid, tanh};
use crate::pack::PANEL;
use crate::pack::recurrent::{STEP, last_recurrent_bias_into, vectors_len};
use crate::slot::Scratch;

recurrent! {
    /// ONNX `GRU` (layout 0), Keras `GRU` (`reset_after` is `linear_before_reset`):
    ///
    /// * z = f(clip(x·Wz + h·Rz + bz)), r = f(clip(x·Wr + h·Rr + br)),
    /// * n = g(clip(x·Wh + (r ⊙ h)·Rh + bh)), or with `linear_before_reset` g(clip(x·Wh + bh + r ⊙ (h·Rh + ch))),
    /// * h' = (1 − z) ⊙ n + z ⊙ h.
    ///
    /// x `[steps, batch, inputs]`, y `[steps, directions, batch, hidden]`, states `[directions, batch, hidden]`. Weights are
    /// packed by [`Packing::InputGates`](crate::pack::Packing) `{ gates: 3 }`, `RecurrentGates { gates: 3, split }`, `GateBias { gates: 3, summed }`,
    /// where `split` and `summed` are 3 and 2 with `linear_before_reset`, else 2 and 3; with it ch is packed by
    /// `LastRecurrentBias { gates: 3 }`.
    Gru, GruUnpacked(RecurrentInputs, RecurrentWeights) -> RecurrentOutputs;
    gates: 3;
    extra: 2;
    /// f, g of the first direction, then of the second (repeated where there is none).
    activations: 4;
    vectors {
        /// Packed ch, if there is a bias and `linear_before_reset`.
        reset_bias: 1 if linear_before_reset,
    }
    options {
        /// Whether the reset gate comes after the product.
        linear_before_reset: bool,
    }
}

impl GruUnpacked {
    const fn order(&self) -> [usize; 2] {
        if self.linear_before_reset {
            [3, 2]
        } else {
            [2, 3]
        }
    }

    fn reset_bias<'a>(&self, weights: RecurrentWeights, room: &'a mut [f32]) -> Option<&'a [f32]> {
        let (directions, hidden) = (self.directions.count(), self.hidden);
        weights.b.filter(|_| self.linear_before_reset).map(|b| {
            let packed = &mut room[..vectors_len(directions, hidden, 1)];
            last_recurrent_bias_into(&[directions, 6 * hidden], b, 3, packed);
            &*packed
        })
    }
}

impl Gru<'_> {
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

    /// Whether this is the GRU that everybody uses.
    fn is_plain(&self) -> bool {
        const PLAIN: [Activation; 2] = [Activation::Sigmoid, Activation::Tanh];
        self.activations.chunks_exact(2).all(|a| a == PLAIN) && self.clip.is_none()
    }
}

/// A GRU, known to be the one that everybody uses (or not).
#[derive(Clone, Copy)]
struct Plain<'a, const IS: bool>(&'a Gru<'a>);

impl<const IS: bool> Plain<'_, IS> {
    /// Activation `number` of a direction on V vectors.
    #[inline(always)]
    fn activate<S: Simd, const V: usize>(
        &self,
        s: S,
        direction: usize,
        number: usize,
        x: [S::f32s; V],
    ) -> [S::f32s; V] {
        if IS {
            let mut y = x;
            for y in &mut y {
                *y = if number == 0 {
                    sigmoid(s, *y)
                } else {
                    tanh(s, *y)
                };
            }
            return y;
        }
        let mut buffer = [0.0; PANEL];
        for (x, to) in x.iter().zip(buffer.chunks_exact_mut(S::f32s::LEN)) {
            x.store_slice(to);
        }
        let lanes = &mut buffer[..V * S::f32s::LEN];
        let activation = self.0.activations[2 * direction + number];
        activate(s, activation, self.0.clip, lanes);
        let mut y = x;
        for (y, from) in y.iter_mut().zip(lanes.chunks_exact(S::f32s::LEN)) {
            *y = S::f32s::from_slice(s, from);
        }
        y
    }

    /// [`after`](Self::after), one call away: both in one stack frame are too much for unoptimised builds.
    #[inline(never)]
    fn after_outlined<S: Simd, const R: usize>(
        &self,
        s: S,
        direction: usize,
        rows: &Rows<R>,
        states: &mut States,
    ) {
        at_level(
            s,
            #[inline(always)]
            || self.after(s, direction, rows, states),
        );
    }

    /// [`before`](Self::before), one call away: both in one stack frame are too much for unoptimised builds.
    #[inline(never)]
    fn before_outlined<S: Simd, const R: usize>(
        &self,
        s: S,
        direction: usize,
        rows: &Rows<R>,
        states: &mut States,
    ) {
        at_level(
            s,
            #[inline(always)]
            || self.before(s, direction, rows, states),
        );
    }

    /// All gates in one product.
    #[inline(always)]
    fn after<S: Simd, const R: usize>(
        &self,
        s: S,
        direction: usize,
        rows: &Rows<R>,
        states: &mut States,
    ) {
        let count = blocks(self.0.hidden);
        let width = count * PANEL;
        let block_len = self.0.hidden.next_multiple_of(STEP) * 3 * PANEL;
        let weights =
            &self.0.recurrent_kernel[direction * count * block_len..][..count * block_len];
        let h = rows.ids.map(|b| &states.h[b * width..][..width]);
        for i in 0..count {
            let block = if rows.backward { count - 1 - i } else { i };
            // z and r begin with their gate inputs, the product of the last gate with its own bias.
            let mut begin = [[0.0; 3 * PANEL]; R];
            for (begin, x) in begin.iter_mut().zip(rows.inputs) {
                begin[..2 * PANEL].copy_from_slice(&x[block * 3 * PANEL..][..2 * PANEL]);
                if let Some(bias) = self.0.reset_bias {
                    begin[2 * PANEL..]
                        .copy_from_slice(&bias[(direction * count + block) * PANEL..][..PANEL]);
                }
            }
            let start = begin.each_ref().map(|b| b.as_slice());
            let w = &weights[block * block_len..][..block_len];
            lanes!(s, R, 3, |V, U, LANE| {
                let acc = gates::<S, 3, V, R, U, LANE>(s, start, h, w);
                for ((b, x), [z, r, n]) in rows.ids.into_iter().zip(rows.inputs).zip(acc) {
                    let x = &x[(block * 3 + 2) * PANEL + LANE..][..V * S::f32s::LEN];
                    let at = b * width + block * PANEL + LANE;
                    let old = &states.h[at..][..V * S::f32s::LEN];
                    let r = self.activate::<S, V>(s, direction, 0, r);
                    let mut inner = n;
                    for v in 0..V {
                        inner[v] = r[v].mul_add(n[v], load::<S>(s, x, v));
                    }
                    let n = self.activate::<S, V>(s, direction, 1, inner);
                    let z = self.activate::<S, V>(s, direction, 0, z);
                    mix::<S, V>(s, z, n, old, &mut states.next[at..][..V * S::f32s::LEN]);
                }
            });
        }
    }

    /// First z and r ⊙ h of all blocks, then the last gate from the latter.
    #[inline(always)]
    fn before<S: Simd, const R: usize>(
        &self,
        s: S,
        direction: usize,
        rows: &Rows<R>,
        states: &mut States,
    ) {
        let count = blocks(self.0.hidden);
        let width = count * PANEL;
        let panel = self.0.hidden.next_multiple_of(STEP) * PANEL;
        let weights =
            &self.0.recurrent_kernel[direction * count * 3 * panel..][..count * 3 * panel];
        let (first, second) = weights.split_at(count * 2 * panel);
        let (zs, reset) = states.extra.split_at_mut(states.extra.len() / 2);
        let h = rows.ids.map(|b| &states.h[b * width..][..width]);
        for block in 0..count {
            let start = rows.inputs.map(|x| &x[block * 3 * PANEL..][..2 * PANEL]);
            let w = &first[block * 2 * panel..][..2 * panel];
            lanes!(s, R, 2, |V, U, LANE| {
                let acc = gates::<S, 2, V, R, U, LANE>(s, start, h, w);
                for (b, [z, r]) in rows.ids.into_iter().zip(acc) {
                    let at = b * width + block * PANEL + LANE;
                    let z = self.activate::<S, V>(s, direction, 0, z);
                    let r = self.activate::<S, V>(s, direction, 0, r);
                    for v in 0..V {
                        let at = at + v * S::f32s::LEN;
                        let old = S::f32s::from_slice(s, &states.h[at..][..S::f32s::LEN]);
                        z[v].store_slice(&mut zs[at..][..S::f32s::LEN]);
                        (r[v] * old).store_slice(&mut reset[at..][..S::f32s::LEN]);
                    }
                }
            });
        }
        let h = rows.ids.map(|b| &reset[b * width..][..width]);
        for block in 0..count {
            let start = rows.inputs.map(|x| &x[(block * 3 + 2) * PANEL..][..PANEL]);
            let w = &second[block * panel..][..panel];
            lanes!(s, R, 1, |V, U, LANE| {
                let acc = gates::<S, 1, V, R, U, LANE>(s, start, h, w);
                for (b, [n]) in rows.ids.into_iter().zip(acc) {
                    let at = b * width + block * PANEL + LANE;
                    let n = self.activate::<S, V>(s, direction, 1, n);
                    let mut z = n;
                    for v in 0..V {
                        z[v] = load::<S>(s, &zs[at..], v);
                    }
                    let old = &states.h[at..][..V * S::f32s::LEN];
                    mix::<S, V>(s, z, n, old, &mut states.next[at..][..V * S::f32s::LEN]);
                }
            });
        }
    }
}

impl<const IS: bool> Cell for Plain<'_, IS> {
    const GATES: usize = 3;
    const EXTRA: usize = 2;

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
        if self.0.linear_before_reset {
            self.after_outlined(s, direction, rows, states);
        } else {
            self.before_outlined(s, direction, rows, states);
        }
        if !IS {
            // The padding would grow with activations that are not 0 at 0.
            let width = blocks(self.0.hidden) * PANEL;
            for b in rows.ids {
                states.next[b * width..][self.0.hidden..width].fill(0.0);
            }
        }
    }
}

#[inline(always)]
fn load<S: Simd>(s: S, x: &[f32], v: usize) -> S::f32s {
    S::f32s::from_slice(s, &x[v * S::f32s::LEN..][..S::f32s::LEN])
}

/// h' = (1 − z)·n + z·h = n + z·(h − n)
#[inline(always)]
fn mix<S: Simd, const V: usize>(
    s: S,
    z: [S::f32s; V],
    n: [S::f32s; V],
    old: &[f32],
    new: &mut [f32],
) {
    for v in 0..V {
        let h = z[v].mul_add(load::<S>(s, old, v) - n[v], n[v]);
        h.store_slice(&mut new[v * S::f32s::LEN..][..S::f32s::LEN]);
    }
}
