//! Reversing sequences of different lengths.

use crate::cpu::Cpu;
use crate::error::{Error, Result};

/// Sequences: `[batch, steps, inner]`, or `[steps, batch, inner]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequences {
    /// Sequences.
    pub batch: usize,
    /// Steps of each.
    pub steps: usize,
    /// Elements of a step.
    pub inner: usize,
}

/// y = x with the first `lengths[b]` steps of sequence b reversed; ONNX `ReverseSequence`.
///
/// x and y `[batch, steps, inner]` (`batch_axis = 0`) or, with `time_major`, `[steps, batch, inner]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReverseSequence {
    /// Whether steps are the outermost axis.
    pub time_major: bool,
}

impl ReverseSequence {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = x, the beginnings reversed.
    ///
    /// # Errors
    /// If a length is negative or larger than `steps`.
    pub fn run<T: Clone>(
        &self,
        _cpu: Cpu,
        Sequences {
            batch,
            steps,
            inner,
        }: Sequences,
        x: &[T],
        lengths: &[i64],
        y: &mut [T],
    ) -> Result<()> {
        if lengths.len() != batch {
            return Err(Error::InputLength {
                name: "sequence_lens",
                expected: batch,
                actual: lengths.len(),
            });
        }
        for (b, &value) in lengths.iter().enumerate() {
            let length =
                usize::try_from(value)
                    .ok()
                    .filter(|&n| n <= steps)
                    .ok_or(Error::Size {
                        what: "length of a sequence",
                        value,
                    })?;
            let at = |t: usize| {
                if self.time_major {
                    t * batch + b
                } else {
                    b * steps + t
                }
            };
            for t in 0..steps {
                let from = if t < length { length - 1 - t } else { t };
                y[at(t) * inner..][..inner].clone_from_slice(&x[at(from) * inner..][..inner]);
            }
        }
        Ok(())
    }
}
