//! One direction of a run: its gate inputs, its steps, its states.

use super::{Cell, LstmInputs, Rows, States, Unroll};
use crate::activation::Activation;
use crate::cpu::{Cpu, Simd, at_level, prelude::*};
use crate::gemm::{Addend, Grid, Product, Segments};

/// One direction of one run.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) unroll: &'a Unroll<'a>,
    pub(super) direction: usize,
    pub(super) reverse: bool,
    /// Padded hidden units.
    pub(super) width: usize,
    /// Elements of a row of gate inputs.
    pub(super) columns: usize,
}

/// Steps whose gate inputs are computed.
pub(super) struct Ready<'a> {
    /// Counted in the order in which they are taken.
    pub(super) steps: core::ops::Range<usize>,
    /// The step of the sequence that the gate inputs begin at.
    pub(super) first: usize,
    /// `[steps][batch][columns]`
    pub(super) gates: &'a [f32],
}

impl Pass<'_> {
    /// `[batch][width]` = the initial state `[batch, hidden]` of this direction, or 0.
    pub(super) fn begin(&self, initial: Option<&[f32]>, state: &mut [f32]) {
        state.fill(0.0);
        let Unroll { given, hidden, .. } = *self.unroll;
        let batch = given.batch;
        if let Some(initial) = initial {
            let rows = initial[self.direction * batch * hidden..].chunks_exact(hidden);
            for (to, from) in state.chunks_exact_mut(self.width).zip(rows) {
                to[..hidden].copy_from_slice(from);
            }
        }
    }

    /// Output `[directions, batch, hidden]` = the final state.
    pub(super) fn end(&self, state: &[f32], out: Option<&mut [f32]>) {
        let Unroll { given, hidden, .. } = *self.unroll;
        let batch = given.batch;
        if let Some(out) = out {
            let rows = out[self.direction * batch * hidden..].chunks_exact_mut(hidden);
            for (to, from) in rows.zip(state.chunks_exact(self.width)) {
                to.copy_from_slice(&from[..hidden]);
            }
        }
    }

    /// `[count · batch][columns]` = x · W + bias for `count` steps from `first`.
    pub(super) fn inputs(&self, cpu: Cpu, first: usize, count: usize, gates: &mut [f32]) {
        let Unroll {
            inputs,
            kernel,
            bias,
            given,
            ..
        } = *self.unroll;
        let LstmInputs { batch, x, .. } = given;
        let rows = count * batch;
        Product {
            grid: Grid::matrix(rows, inputs, self.columns),
            segments: Segments::one(inputs),
            columns: self.columns,
            panels: &kernel[self.direction * self.columns * inputs..][..self.columns * inputs],
            bias: bias.map(|b| &b[self.direction * self.columns..][..self.columns]),
            activation: Activation::Linear,
        }
        .run(
            cpu,
            &x[first * batch * inputs..][..rows * inputs],
            Addend::Nothing,
            &mut gates[..rows * self.columns],
        );
    }

    /// Takes the steps whose gate inputs are `ready`.
    #[inline(always)]
    pub(super) fn steps<S: Simd, C: Cell>(
        &self,
        s: S,
        cell: C,
        ready: &Ready,
        states: &mut States,
        mut y: Option<&mut [f32]>,
    ) {
        for step in ready.steps.clone() {
            match (cell.tiles(), S::f32s::LEN) {
                (true, 16) => self.rows_outlined::<S, C, 4>(s, cell, step, ready, states),
                (true, 8) => self.rows_outlined::<S, C, 3>(s, cell, step, ready, states),
                #[cfg(target_arch = "wasm32")]
                (true, 4) => self.rows_outlined::<S, C, 2>(s, cell, step, ready, states),
                _ => self.rows_outlined::<S, C, 1>(s, cell, step, ready, states),
            }
            self.hand_over(step, states, &mut y);
        }
    }

    /// The step of the sequence that row `b` takes as its `step`-th.
    #[inline(always)]
    fn time(&self, b: usize, step: usize) -> usize {
        if self.reverse {
            self.unroll.length(b) - 1 - step
        } else {
            step
        }
    }

    /// [`rows`](Self::rows), one call away: what it inlines would otherwise stand three times in one stack frame, which
    /// unoptimised builds do not survive.
    #[inline(never)]
    fn rows_outlined<S: Simd, C: Cell, const R: usize>(
        &self,
        s: S,
        cell: C,
        step: usize,
        ready: &Ready,
        states: &mut States,
    ) {
        at_level(
            s,
            #[inline(always)]
            || self.rows::<S, C, R>(s, cell, step, ready, states),
        );
    }

    /// One step of all rows that still have one, R at a time.
    #[inline(always)]
    fn rows<S: Simd, C: Cell, const R: usize>(
        &self,
        s: S,
        cell: C,
        step: usize,
        ready: &Ready,
        states: &mut States,
    ) {
        let backward = step % 2 == 1;
        let Ready { first, gates, .. } = *ready;
        let batch = self.unroll.given.batch;
        let inputs = |b: usize| {
            &gates[((self.time(b, step) - first) * batch + b) * self.columns..][..self.columns]
        };
        let mut ids = [0; R];
        let mut found = 0;
        for b in (0..batch).filter(|&b| step < self.unroll.length(b)) {
            ids[found] = b;
            found += 1;
            if found == R {
                cell.step(
                    s,
                    self.direction,
                    &Rows {
                        ids,
                        inputs: ids.map(inputs),
                        backward,
                    },
                    states,
                );
                found = 0;
            }
        }
        for &b in &ids[..found] {
            cell.step(
                s,
                self.direction,
                &Rows {
                    ids: [b],
                    inputs: [inputs(b)],
                    backward,
                },
                states,
            );
        }
    }

    /// Copies the new states to y and makes them the current ones.
    #[inline(always)]
    fn hand_over(&self, step: usize, states: &mut States, y: &mut Option<&mut [f32]>) {
        let Unroll {
            given,
            hidden,
            directions,
            ..
        } = *self.unroll;
        let batch = given.batch;
        for b in 0..batch {
            let row = b * self.width..(b + 1) * self.width;
            if step >= self.unroll.length(b) {
                states.next[row.clone()].copy_from_slice(&states.h[row]);
            } else if let Some(y) = y {
                let at = (self.time(b, step) * directions.count() + self.direction) * batch + b;
                y[at * hidden..][..hidden].copy_from_slice(&states.next[row][..hidden]);
            }
        }
        core::mem::swap(&mut states.h, &mut states.next);
    }
}
