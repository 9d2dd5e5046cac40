//! Joining tensors along an axis.

use crate::cpu::Cpu;
use crate::error::{Error, Result};

/// Copies `rows` rows of `len` elements between buffers whose rows are `from` and `to` elements apart.
fn rows<T: Clone>(rows: usize, len: usize, x: &[T], from: usize, y: &mut [T], to: usize) {
    if rows == 1 || (from == len && to == len) {
        y[..rows * len].clone_from_slice(&x[..rows * len]);
        return;
    }
    for (x, y) in x.chunks(from).zip(y.chunks_mut(to)).take(rows) {
        if len <= 64 && len.is_multiple_of(8) {
            // Eight at a time is one or two instructions; a call of memcpy takes longer than to copy so little.
            let eights = y[..len].as_chunks_mut::<8>().0.iter_mut();
            for (y, x) in eights.zip(x[..len].as_chunks::<8>().0) {
                y.clone_from_slice(x);
            }
        } else if len <= 8 {
            y.iter_mut()
                .zip(&x[..len])
                .for_each(|(y, x)| y.clone_from(x));
        } else {
            y[..len].clone_from_slice(&x[..len]);
        }
    }
}

/// Tensors `[outer, parts[i]]` that are joined along their last axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinedParts<const N: usize> {
    /// What stands in front of the joined axis.
    pub outer: usize,
    /// The joined axis and all behind it, of each tensor.
    pub parts: [usize; N],
}

/// y = the inputs one after the other along an axis; ONNX `Concat`.
///
/// Inputs `[outer, parts[i]]`, y `[outer, Σ parts]`: a part is the concatenated axis and all axes inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concat;

impl Concat {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = xs\[0\] ‖ xs\[1\] ‖ …
    ///
    /// # Errors
    /// If an input has not `outer · parts[i]` elements: its other axes are not those of the first.
    pub fn run<T: Clone, const N: usize>(
        &self,
        cpu: Cpu,
        joined: JoinedParts<N>,
        xs: &[&[T]],
        y: &mut [T],
    ) -> Result<()> {
        let JoinedParts { outer, parts } = joined;
        for (x, part) in xs.iter().zip(parts) {
            if x.len() != outer * part {
                return Err(Error::SizeMismatch {
                    what: "elements of a concatenated tensor",
                    left: x.len(),
                    right: outer * part,
                });
            }
        }
        self.run_known(cpu, joined, xs, y);
        Ok(())
    }

    /// The same for inputs that have as many elements.
    pub fn run_known<T: Clone, const N: usize>(
        &self,
        _cpu: Cpu,
        JoinedParts { outer, parts }: JoinedParts<N>,
        xs: &[&[T]],
        y: &mut [T],
    ) {
        let total = parts.iter().sum();
        let mut offset = 0;
        for (x, part) in xs.iter().zip(parts) {
            if outer * part > 0 {
                rows(outer, part, x, part, &mut y[offset..], total);
            }
            offset += part;
        }
    }
}
