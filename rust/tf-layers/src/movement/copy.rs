//! The same elements once more.

use crate::cpu::Cpu;
use crate::error::{Error, Result};

/// y = x; ONNX `Identity`, and every operator that only changes the shape when it cannot share its input's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copy;

impl Copy {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = x
    pub fn run<T: Clone>(&self, _cpu: Cpu, x: &[T], y: &mut [T]) {
        y.clone_from_slice(x);
    }
}

/// y = x under a shape that is known only at run time to hold as many elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckedCopy;

impl CheckedCopy {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = x
    ///
    /// # Errors
    /// If x and y differ in length.
    pub fn run<T: Clone>(&self, cpu: Cpu, x: &[T], y: &mut [T]) -> Result<()> {
        if x.len() != y.len() {
            let what = "elements of a reshaped tensor";
            return Err(Error::SizeMismatch {
                what,
                left: x.len(),
                right: y.len(),
            });
        }
        Copy.run(cpu, x, y);
        Ok(())
    }
}
