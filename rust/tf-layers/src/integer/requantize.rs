//! From 32-bit sums back to 8 bits.

use super::{Byte, zero_at};
use crate::cpu::{Cpu, SMALL, dispatch};

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
        if channels == 0 {
            return;
        }
        let x = &x[..rows * channels];
        let y = &mut y[..rows * channels];
        // Rows of few channels are taken together: the columns' parameters are repeated, and a vector has something to do.
        let together = (WIDTH / channels).clamp(1, rows.max(1));
        for first in (0..channels).step_by(WIDTH) {
            let width = (channels - first).min(WIDTH);
            let mut columns = Columns::default();
            for at in 0..width {
                let c = first + at;
                columns.scales[at] = pick(a_scale, c) * pick(b_scale, c) / pick(y_scale, c);
                columns.zeros[at] = zero_at(y_zero, c);
                columns.bias[at] = bias.map_or(0, |bias| bias[c]);
            }
            columns.repeat(width, together);
            let step = channels * together;
            for (x, y) in x.chunks(step).zip(y.chunks_mut(step)) {
                // All of the rows, or a part of one.
                let len = if channels <= WIDTH { x.len() } else { width };
                let (x, y) = (&x[first..first + len], &mut y[first..first + len]);
                dispatch!(cpu.level, _ => columns.apply(x, y));
            }
        }
    }
}

/// Columns that are worked on together; their parameters lie on the stack.
const WIDTH: usize = if SMALL { 64 } else { 512 };

/// What each of them has.
struct Columns {
    scales: [f32; WIDTH],
    zeros: [i32; WIDTH],
    bias: [i32; WIDTH],
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            scales: [0.0; WIDTH],
            zeros: [0; WIDTH],
            bias: [0; WIDTH],
        }
    }
}

/// 1.5·2²³: adding it rounds to an integer (ties to even) and leaves that integer in the low bits of the sum.
const ROUND: f32 = 12_582_912.0;
/// Beyond this, every zero point leaves a value that saturates.
const BEYOND: f32 = 1024.0;

impl Columns {
    /// Repeats the first ones, until there are `times` of them.
    fn repeat(&mut self, width: usize, times: usize) {
        fn copied<T: Copy>(all: &mut [T; WIDTH], width: usize, times: usize) {
            let (first, others) = all[..width * times].split_at_mut(width);
            for other in others.chunks_exact_mut(width) {
                other.copy_from_slice(first);
            }
        }
        copied(&mut self.scales, width, times);
        copied(&mut self.zeros, width, times);
        copied(&mut self.bias, width, times);
    }

    #[inline(always)]
    fn apply<T: Byte>(&self, x: &[i32], y: &mut [T]) {
        let n = x.len();
        let (scales, zeros, bias) = (&self.scales[..n], &self.zeros[..n], &self.bias[..n]);
        let y = &mut y[..n];
        for i in 0..n {
            let value = x[i].wrapping_add(bias[i]) as f32 * scales[i];
            // NaN becomes the least value.
            let value = if value > -BEYOND { value } else { -BEYOND };
            let value = if value < BEYOND { value } else { BEYOND };
            let whole = (value + ROUND).to_bits() as i32 - ROUND.to_bits() as i32;
            y[i] = T::saturated(whole + zeros[i]);
        }
    }
}

/// Element `i`, or the only one.
fn pick(values: &[f32], i: usize) -> f32 {
    if let [one] = values { *one } else { values[i] }
}
