//! One-hot encodings.

use super::gather::Index;
use crate::axis::AlongAxis;
use crate::cpu::Cpu;
use crate::error::{Error, Result};

/// y\[o, d, i\] = on where d = indices\[o, i\], off elsewhere; ONNX `OneHot`.
///
/// indices `[outer, inner]`, values `[off, on]`, y `[outer, depth, inner]`. An index outside `-depth..depth` gives a
/// row of off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneHot;

impl OneHot {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = the one-hot encoding.
    ///
    /// # Errors
    /// If `values` has not two elements.
    pub fn run<T: Clone, I: Index>(
        &self,
        _cpu: Cpu,
        AlongAxis {
            outer,
            axis: depth,
            inner,
        }: AlongAxis,
        indices: &[I],
        values: &[T],
        y: &mut [T],
    ) -> Result<()> {
        let [off, on] = values else {
            return Err(Error::InputLength {
                name: "values",
                expected: 2,
                actual: values.len(),
            });
        };
        y.fill(off.clone());
        for o in 0..outer {
            for i in 0..inner {
                if let Ok(d) = indices[o * inner + i].position(depth) {
                    y[(o * depth + d) * inner + i].clone_from(on);
                }
            }
        }
        Ok(())
    }
}
