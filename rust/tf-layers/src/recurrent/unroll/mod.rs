//! What all recurrent layers share: directions, sequence lengths, states, and where results go.

mod pass;

use crate::cpu::{Cpu, Simd, dispatch};
use crate::error::{Error, Result};
use crate::fixed::largest;
use crate::pack::{PANEL, recurrent::STEP};
use crate::slot::Scratch;

use super::given::{LstmInputs, LstmOutputs};
use pass::{Pass, Ready};

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

/// Steps whose gate inputs, `columns` a row, are computed ahead. Rows that `end` at different steps begin, backward, at different
/// ones: all gate inputs are needed at once.
const fn ahead(steps: usize, batch: usize, columns: usize, end: bool) -> usize {
    let row = largest(&[batch * columns, 1]);
    let chunk = largest(&[AHEAD / row, MIN_ROWS.div_ceil(largest(&[batch, 1]))]);
    if end || chunk > steps { steps } else { chunk }
}

/// Elements of scratch that a run needs, by the gates of a hidden unit and the extra floats of a [`Cell`]; `end` as for [`ahead`].
pub(super) const fn scratch_len(
    steps: usize,
    batch: usize,
    hidden: usize,
    [gates, extra]: [usize; 2],
    end: bool,
) -> usize {
    let width = blocks(hidden) * PANEL;
    let chunk = ahead(steps, batch, width * gates, end);
    batch * width * (chunk * gates + 3 + extra)
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
    pub given: LstmInputs<'a>,
}

impl Unroll<'_> {
    /// Runs `cell` over all steps in all directions.
    pub(super) fn run<C: Cell>(
        &self,
        cell: C,
        cpu: Cpu,
        mut out: LstmOutputs,
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        self.check_lengths()?;
        let width = blocks(self.hidden) * PANEL;
        let columns = width * C::GATES;
        let (steps, batch) = (self.given.steps, self.given.batch);
        let end = self.given.sequence_lens.is_some();
        let (chunk, state) = (ahead(steps, batch, columns, end), batch * width);
        let sizes = [C::GATES, C::EXTRA];
        let scratch = scratch.fit(scratch_len(steps, batch, self.hidden, sizes, end))?;
        let (gates, states) = scratch.split_at_mut(chunk * self.given.batch * columns);
        if let (Some(y), Some(_)) = (&mut out.y, self.given.sequence_lens) {
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
            pass.begin(self.given.initial_h, h);
            pass.begin(self.given.initial_c, c);
            // The padding of the states is read (and multiplied by zeros): it must be numbers.
            next.fill(0.0);
            extra.fill(0.0);
            let mut states = States { h, next, c, extra };
            let mut done = 0;
            while done < self.given.steps {
                let count = chunk.min(self.given.steps - done);
                let first = if pass.reverse {
                    self.given.steps - done - count
                } else {
                    done
                };
                pass.inputs(cpu, first, count, gates);
                let ready = Ready {
                    steps: done..done + count,
                    first,
                    gates,
                };
                dispatch!(cpu.level, s => pass.steps(s, cell, &ready, &mut states, out.y.as_deref_mut()));
                done += count;
            }
            pass.end(states.h, out.y_h.as_deref_mut());
            pass.end(states.c, out.y_c.as_deref_mut());
        }
        Ok(())
    }

    fn check_lengths(&self) -> Result<()> {
        let Some(lengths) = self.given.sequence_lens else {
            return Ok(());
        };
        if lengths.len() != self.given.batch {
            return Err(Error::InputLength {
                name: "sequence_lens",
                expected: self.given.batch,
                actual: lengths.len(),
            });
        }
        match lengths
            .iter()
            .find(|&&n| usize::try_from(n).map_or(true, |n| n > self.given.steps))
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
        self.given
            .sequence_lens
            .map_or(self.given.steps, |lengths| lengths[b] as usize)
    }
}
