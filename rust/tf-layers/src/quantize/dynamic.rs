//! Quantisation by the range that the data turn out to have.

use super::quantize;
use crate::cpu::Cpu;
use crate::reduce::{Reduce, Reduction};

/// y = x as u8 with the scale and zero point that just hold x's range and 0 (ONNX `DynamicQuantizeLinear`).
#[derive(Debug, Clone, Copy)]
pub struct DynamicQuantizeLinear;

impl DynamicQuantizeLinear {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// Writes y (as long as x), the scale and the zero point (one each).
    pub fn run(&self, cpu: Cpu, x: &[f32], y: &mut [u8], scale: &mut [f32], zero: &mut [u8]) {
        let extreme = |reduction| {
            let mut y = [0.0];
            Reduce {
                reduction,
                axes: [true],
            }
            .run(cpu, [x.len()], x, &mut y);
            y[0]
        };
        let (low, high) = (
            extreme(Reduction::Min).min(0.0),
            extreme(Reduction::Max).max(0.0),
        );
        let step = if low == high {
            1.0
        } else {
            (high - low) / 255.0
        };
        let origin = (-low / step).clamp(0.0, 255.0).round_ties_even() as u8;
        (scale[0], zero[0]) = (step, origin);
        crate::unary::each(
            cpu,
            x,
            y,
            #[inline(always)]
            |x| quantize(x, step, origin),
        );
    }
}
