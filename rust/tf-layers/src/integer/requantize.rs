//! From 32-bit sums back to 8 bits.

use super::{Byte, zero_at};
use crate::cpu::{Cpu, dispatch};

/// What [`Requantize`] takes; scales and the zero point have one element, or one a channel.
#[derive(Debug, Clone, Copy)]
pub struct RequantizeInputs<'a, T> {
    /// Rows of x.
    pub rows: usize,
    /// Columns of x.
    pub channels: usize,
    /// `[rows, channels]`
    pub x: &'a [i32],
    /// The scale of the product's left side.
    pub a_scale: &'a [f32],
    /// The scale of its right side.
    pub b_scale: &'a [f32],
    /// The scale of y.
    pub y_scale: &'a [f32],
    /// The zero point of y; 0 without.
    pub y_zero: Option<&'a [T]>,
    /// Added to x, `[channels]`.
    pub bias: Option<&'a [i32]>,
}

impl<T> Default for RequantizeInputs<'_, T> {
    fn default() -> Self {
        Self {
            rows: 0,
            channels: 0,
            x: &[],
            a_scale: &[],
            b_scale: &[],
            y_scale: &[],
            y_zero: None,
            bias: None,
        }
    }
}

/// y = saturate(round((x + bias) · (a_scale · b_scale / y_scale)) + y_zero), x `[rows, channels]` i32, y u8 or i8; halves round to even.
///
/// The second half of ONNX `QLinearMatMul` and `QLinearConv`, in the order of roundings that onnxruntime has.
#[derive(Debug, Clone, Copy)]
pub struct Requantize;

impl Requantize {
    /// y = saturate(round((x + bias) · (a_scale · b_scale / y_scale)) + y_zero)
    pub fn run<T: Byte>(&self, cpu: Cpu, inputs: RequantizeInputs<T>, y: &mut [T]) {
        let RequantizeInputs {
            rows,
            channels,
            x,
            a_scale,
            b_scale,
            y_scale,
            y_zero,
            bias,
        } = inputs;
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
