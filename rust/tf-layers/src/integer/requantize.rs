//! From 32-bit sums back to 8 bits.

use super::{Byte, zero_at};
use crate::cpu::{Cpu, dispatch};

/// y = saturate(round((x + bias) · (a_scale · b_scale / y_scale)) + y_zero), x `[rows, channels]` i32, y u8 or i8; halves round to even.
///
/// The second half of ONNX `QLinearMatMul` and `QLinearConv`, in the order of roundings that onnxruntime has.
#[derive(Debug, Clone, Copy)]
pub struct Requantize;

impl Requantize {
    /// Scales and zero points have one element, or one a channel; `bias` has one a channel.
    #[allow(
        clippy::too_many_arguments,
        reason = "the convention: sizes, inputs, outputs"
    )]
    pub fn run<T: Byte>(
        &self,
        cpu: Cpu,
        rows: usize,
        channels: usize,
        x: &[i32],
        a_scale: &[f32],
        b_scale: &[f32],
        y_scale: &[f32],
        y_zero: Option<&[T]>,
        bias: Option<&[i32]>,
        y: &mut [T],
    ) {
        dispatch!(cpu.level, _ => {
            let (x, y) = (&x[..rows * channels], &mut y[..rows * channels]);
            for (x, y) in x.chunks_exact(channels.max(1)).zip(y.chunks_exact_mut(channels.max(1))) {
                for (c, (x, y)) in x.iter().zip(y).enumerate() {
                    let scale = pick(a_scale, c) * pick(b_scale, c) / pick(y_scale, c);
                    let sum = bias.map_or(*x, |bias| x.wrapping_add(bias[c]));
                    let whole = (sum as f32 * scale).round_ties_even();
                    *y = T::saturated(whole + zero_at(y_zero, c) as f32);
                }
            }
        });
    }
}

/// Element `i`, or the only one.
#[inline(always)]
fn pick(values: &[f32], i: usize) -> f32 {
    if let [one] = values { *one } else { values[i] }
}
