//! What all recurrent layers share: directions, sequence lengths, states, and where results go.

use crate::activation::Activation;
use crate::cpu::{Cpu, Simd, dispatch, prelude::*};
use crate::error::{Error, Result};
use crate::gemm::{Addend, Grid, Product, Segments};
use crate::pack::{PANEL, recurrent::STEP};
use crate::slot::Slot;

/// Floats of gate inputs that are computed ahead: what the recurrence reads back should still be in the second-level
/// cache.
const AHEAD: usize = 48 << 10;
/// Rows that the input product gets at least, so that it does not stream its weights for a few.
const MIN_ROWS: usize = 24;

/// Which way a layer reads its sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Directions {
    /// First step first.
    Forward,
    /// Last step first.
    Reverse,
    /// Both, as two independent layers.
    Bidirectional,
}

impl Directions {
    /// 1 or 2.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Directions::Bidirectional => 2,
            Directions::Forward | Directions::Reverse => 1,
        }
    }

    /// Whether direction `d` goes backward.
    const fn reverse(self, d: usize) -> bool {
        matches!(self, Directions::Reverse) || d == 1
    }
}

/// Blocks of 16 hidden units.
pub(super) const fn blocks(hidden: usize) -> usize {
    hidden.div_ceil(PANEL)
}

/// Elements of W, R and B when packed.
pub(super) const fn packed_lens(
    directions: usize,
    gates: usize,
    inputs: usize,
    hidden: usize,
) -> [usize; 3] {
    let unit = directions * blocks(hidden) * gates * PANEL;
    [unit * inputs, unit * hidden.next_multiple_of(STEP), unit]
}

/// The states of all rows (batch items), `[batch][blocks · 16]` each; padding is 0.
pub(super) struct States<'a> {
    pub h: &'a mut [f32],
    pub next: &'a mut [f32],
    pub c: &'a mut [f32],
    /// What a cell needs besides.
    pub extra: &'a mut [f32],
}

/// Some rows of one step.
pub(super) struct Rows<'a, const R: usize> {
    /// Their numbers.
    pub ids: [usize; R],
    /// Their gate inputs, `[blocks][gates][16]`.
    pub inputs: [&'a [f32]; R],
    /// Go through the blocks from the last to the first: every other step does, so that the weights it begins with are
    /// still in the first-level cache.
    pub backward: bool,
}

/// One step of a kind of layer.
pub(super) trait Cell: Copy {
    /// Gates per hidden unit.
    const GATES: usize;
    /// Extra floats per row and padded hidden unit.
    const EXTRA: usize;

    /// New states of R rows.
    fn step<S: Simd, const R: usize>(
        &self,
        s: S,
        direction: usize,
        rows: &Rows<R>,
        states: &mut States,
    );

    /// Whether [`step`](Self::step) is fast for several rows at a time.
    fn tiles(&self) -> bool;
}

/// The parameters that every recurrent layer has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unroll<'a> {
    pub inputs: usize,
    pub hidden: usize,
    pub directions: Directions,
    pub kernel: &'a [f32],
    pub bias: Option<&'a [f32]>,
    pub steps: usize,
    pub batch: usize,
    pub x: &'a [f32],
    pub lengths: Option<&'a [i32]>,
    pub initial_h: Option<&'a [f32]>,
    pub initial_c: Option<&'a [f32]>,
}

/// Where results go; what nobody wants is `None`.
pub(super) struct Outputs<'a> {
    pub y: Option<&'a mut [f32]>,
    pub y_h: Option<&'a mut [f32]>,
    pub y_c: Option<&'a mut [f32]>,
}

/// One direction of one run.
#[derive(Clone, Copy)]
struct Pass<'a> {
    unroll: &'a Unroll<'a>,
    direction: usize,
    reverse: bool,
    /// Padded hidden units.
    width: usize,
    /// Elements of a row of gate inputs.
    columns: usize,
}

impl Unroll<'_> {
    /// Runs `cell` over all steps in all directions.
    pub(super) fn run<C: Cell>(
        &self,
        cell: C,
        cpu: Cpu,
        mut out: Outputs,
        scratch: &mut Slot<f32>,
    ) -> Result<()> {
        self.check_lengths()?;
        let width = blocks(self.hidden) * PANEL;
        let columns = width * C::GATES;
        // Rows that end at different steps begin, backward, at different ones: all gate inputs are needed at once.
        let chunk = match self.lengths {
            Some(_) => self.steps,
            None => (AHEAD / (self.batch * columns).max(1))
                .max(MIN_ROWS.div_ceil(self.batch.max(1)))
                .min(self.steps),
        };
        let state = self.batch * width;
        let scratch = scratch.fit(chunk * self.batch * columns + (3 + C::EXTRA) * state);
        let (gates, states) = scratch.split_at_mut(chunk * self.batch * columns);
        if let (Some(y), Some(_)) = (&mut out.y, self.lengths) {
            y.fill(0.0);
        }
        for direction in 0..self.directions.count() {
            let pass = Pass {
                unroll: self,
                direction,
                reverse: self.directions.reverse(direction),
                width,
                columns,
            };
            let (h, rest) = states.split_at_mut(state);
            let (next, rest) = rest.split_at_mut(state);
            let (c, extra) = rest.split_at_mut(state);
            pass.begin(self.initial_h, h);
            pass.begin(self.initial_c, c);
            // The padding of the states is read (and multiplied by zeros): it must be numbers.
            next.fill(0.0);
            extra.fill(0.0);
            let mut states = States { h, next, c, extra };
            let mut done = 0;
            while done < self.steps {
                let count = chunk.min(self.steps - done);
                let first = if pass.reverse {
                    self.steps - done - count
                } else {
                    done
                };
                pass.inputs(cpu, first, count, gates);
                dispatch!(cpu.level, s => pass.steps(s, cell, done, first, count, gates, &mut states, out.y.as_deref_mut()));
                done += count;
            }
            pass.end(states.h, out.y_h.as_deref_mut());
            pass.end(states.c, out.y_c.as_deref_mut());
        }
        Ok(())
    }

    fn check_lengths(&self) -> Result<()> {
        let Some(lengths) = self.lengths else {
            return Ok(());
        };
        if lengths.len() != self.batch {
            return Err(Error::InputLength {
                name: "sequence_lens",
                expected: self.batch,
                actual: lengths.len(),
            });
        }
        match lengths
            .iter()
            .find(|&&n| usize::try_from(n).map_or(true, |n| n > self.steps))
        {
            Some(&n) => Err(Error::Size {
                what: "length of a sequence",
                value: n.into(),
            }),
            None => Ok(()),
        }
    }

    /// Steps of row `b`.
    #[inline(always)]
    fn length(&self, b: usize) -> usize {
        self.lengths
            .map_or(self.steps, |lengths| lengths[b] as usize)
    }
}

impl Pass<'_> {
    /// `[batch][width]` = the initial state `[batch, hidden]` of this direction, or 0.
    fn begin(&self, initial: Option<&[f32]>, state: &mut [f32]) {
        state.fill(0.0);
        let Unroll { batch, hidden, .. } = *self.unroll;
        if let Some(initial) = initial {
            let rows = initial[self.direction * batch * hidden..].chunks_exact(hidden);
            for (to, from) in state.chunks_exact_mut(self.width).zip(rows) {
                to[..hidden].copy_from_slice(from);
            }
        }
    }

    /// Output `[directions, batch, hidden]` = the final state.
    fn end(&self, state: &[f32], out: Option<&mut [f32]>) {
        let Unroll { batch, hidden, .. } = *self.unroll;
        if let Some(out) = out {
            let rows = out[self.direction * batch * hidden..].chunks_exact_mut(hidden);
            for (to, from) in rows.zip(state.chunks_exact(self.width)) {
                to.copy_from_slice(&from[..hidden]);
            }
        }
    }

    /// `[count · batch][columns]` = x · W + bias for `count` steps from `first`.
    fn inputs(&self, cpu: Cpu, first: usize, count: usize, gates: &mut [f32]) {
        let Unroll {
            inputs,
            batch,
            kernel,
            bias,
            x,
            ..
        } = *self.unroll;
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

    /// `count` steps whose gate inputs begin at step `first` of the sequence; `done` steps lie behind.
    #[inline(always)]
    #[allow(
        clippy::too_many_arguments,
        reason = "one call, split off for the vector level"
    )]
    fn steps<S: Simd, C: Cell>(
        &self,
        s: S,
        cell: C,
        done: usize,
        first: usize,
        count: usize,
        gates: &[f32],
        states: &mut States,
        mut y: Option<&mut [f32]>,
    ) {
        for step in done..done + count {
            let backward = step % 2 == 1;
            match (cell.tiles(), S::f32s::LEN) {
                (true, 16) => {
                    self.rows_outlined::<S, C, 4>(s, cell, step, first, backward, gates, states)
                }
                (true, 8) => {
                    self.rows_outlined::<S, C, 3>(s, cell, step, first, backward, gates, states)
                }
                _ => self.rows_outlined::<S, C, 1>(s, cell, step, first, backward, gates, states),
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
    #[allow(
        clippy::too_many_arguments,
        reason = "one call, split off for the stack"
    )]
    fn rows_outlined<S: Simd, C: Cell, const R: usize>(
        &self,
        s: S,
        cell: C,
        step: usize,
        first: usize,
        backward: bool,
        gates: &[f32],
        states: &mut States,
    ) {
        s.vectorize(
            #[inline(always)]
            || self.rows::<S, C, R>(s, cell, step, first, backward, gates, states),
        );
    }

    /// One step of all rows that still have one, R at a time.
    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "inlined into its only caller")]
    fn rows<S: Simd, C: Cell, const R: usize>(
        &self,
        s: S,
        cell: C,
        step: usize,
        first: usize,
        backward: bool,
        gates: &[f32],
        states: &mut States,
    ) {
        let batch = self.unroll.batch;
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
            batch,
            hidden,
            directions,
            ..
        } = *self.unroll;
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
