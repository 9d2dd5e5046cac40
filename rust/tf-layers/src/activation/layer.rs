//! An activation by itself.

use super::Activation;
use crate::cpu::Cpu;
use crate::number::Float;

/// An activation as a layer: y = activation(x), any shape.
///
/// Serves the ONNX operators named as [`Activation`]'s variants, for every float type: f32 by vector kernels, [`F16`] and
/// [`Bf16`] through f32, f64 by the standard library.
///
/// [`F16`]: crate::F16
/// [`Bf16`]: crate::Bf16
#[derive(Debug, Clone, Copy)]
pub struct Activate {
    /// The function.
    pub activation: Activation,
}

impl Activate {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = activation(x); `x` and `y` have the same length.
    pub fn run<T: Float>(&self, cpu: Cpu, x: &[T], y: &mut [T]) {
        T::activate(cpu, self.activation, Some(x), y);
    }

    /// x = activation(x)
    pub fn run_in_place<T: Float>(&self, cpu: Cpu, x: &mut [T]) {
        T::activate(cpu, self.activation, None, x);
    }
}
