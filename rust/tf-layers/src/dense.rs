//! Fully connected layers: y = activation(x · kernel + bias).

use crate::activation::Activation;
use crate::cpu::{Cpu, Simd, dispatch, prelude::*};
use crate::pack::PANEL;

/// y = activation(x · kernel + bias), with x `[rows, inputs]` and y `[rows, units]`.
///
/// The kernel is packed by [`pack::panels`](crate::pack::panels): `[units / 16][inputs][16]`, zero-padded. Serves ONNX `Gemm` and `MatMul` with a
/// constant right side and Keras `Dense` of any rank (`rows` is the product of the leading axes).
#[derive(Debug, Clone, Copy)]
pub struct Dense<'w> {
    /// Columns of x.
    pub inputs: usize,
    /// Columns of y.
    pub units: usize,
    /// Packed kernel of [`Dense::packed_len`] elements.
    pub kernel: &'w [f32],
    /// Bias `[units]`, if any.
    pub bias: Option<&'w [f32]>,
    /// Applied last.
    pub activation: Activation,
}

impl Dense<'_> {
    /// Length of the packed kernel.
    #[must_use]
    pub const fn packed_len(inputs: usize, units: usize) -> usize {
        units.div_ceil(PANEL) * inputs * PANEL
    }

    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.kernel.len() == Self::packed_len(self.inputs, self.units), "Dense: kernel length");
        if let Some(bias) = self.bias {
            assert!(bias.len() == self.units, "Dense: bias length");
        }
        self
    }

    /// y = activation(x · kernel + bias) for `rows` rows.
    pub fn run(&self, cpu: Cpu, rows: usize, x: &[f32], y: &mut [f32]) {
        let (x, y) = (&x[..rows * self.inputs], &mut y[..rows * self.units]);
        dispatch!(cpu.level, s => self.run_at(s, x, y));
        self.activation.apply(cpu, y);
    }

    #[inline(always)]
    fn run_at<S: Simd>(&self, s: S, x: &[f32], y: &mut [f32]) {
        let _ = s;
        for (x, y) in x.chunks_exact(self.inputs.max(1)).zip(y.chunks_exact_mut(self.units.max(1))) {
            for (p, y) in y.chunks_mut(PANEL).enumerate() {
                let panel = &self.kernel[p * self.inputs * PANEL..][..self.inputs * PANEL];
                let mut sum = [0.0f32; PANEL];
                for (x, w) in x.iter().zip(panel.as_chunks::<PANEL>().0) {
                    for (sum, w) in sum.iter_mut().zip(w) {
                        *sum += x * w;
                    }
                }
                for (j, (y, sum)) in y.iter_mut().zip(sum).enumerate() {
                    *y = sum + self.bias.map_or(0.0, |b| b[p * PANEL + j]);
                }
            }
        }
    }
}
