//! Quantisation by the range that the data turn out to have.

use super::quantize;
use crate::cpu::{Cpu, Simd, dispatch, prelude::*};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;

/// y = x as u8 with the scale and zero point that just hold x's range and 0 (ONNX `DynamicQuantizeLinear`); NaN has no part in the range.
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
        let (low, high) = dispatch!(cpu.level, s => range(s, x));
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

/// The least and the greatest of x and 0.
#[inline(always)]
fn range<S: Simd>(s: S, x: &[f32]) -> (f32, f32) {
    let zero = S::f32s::splat(s, 0.0);
    let (mut low, mut high) = ([zero; 2], [zero; 2]);
    let (blocks, tail) = x.split_at(x.len() / (2 * S::f32s::LEN) * (2 * S::f32s::LEN));
    for block in blocks.chunks_exact(2 * S::f32s::LEN) {
        let (a, b) = block.split_at(S::f32s::LEN);
        let (a, b) = (S::f32s::from_slice(s, a), S::f32s::from_slice(s, b));
        low = [low[0].min_precise(a), low[1].min_precise(b)];
        high = [high[0].max_precise(a), high[1].max_precise(b)];
    }
    let (low, high) = (low[0].min_precise(low[1]), high[0].max_precise(high[1]));
    let lows = low.as_slice().iter().chain(tail);
    let highs = high.as_slice().iter().chain(tail);
    // f32's `min` and `max` leave NaN out
    (
        lows.fold(0.0, |low: f32, x| low.min(*x)),
        highs.fold(0.0, |high: f32, x| high.max(*x)),
    )
}
