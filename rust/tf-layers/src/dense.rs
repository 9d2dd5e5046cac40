//! Fully connected layers: y = activation(x · kernel + bias).

use crate::activation::Activation;
use crate::brief::brief;
use crate::cpu::Cpu;
use crate::gemm::{Addend, Grid, Product, Segments};
use crate::pack::PANEL;

/// y = activation(x · kernel + bias), with x `[rows, inputs]` and y `[rows, units]`.
///
/// The kernel is packed by [`Packing::Panels`](crate::pack::Packing::Panels): `[units / 16][inputs][16]`, zero-padded. Serves ONNX `Gemm` and
/// `MatMul` with a constant right side and Keras `Dense` of any rank (`rows` is the product of the leading axes).
#[derive(Clone, Copy)]
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

brief!([] Dense<'_>: inputs, units, activation; kernel, bias);

impl Dense<'_> {
    /// Length of the packed kernel.
    #[must_use]
    pub const fn packed_len(inputs: usize, units: usize) -> usize {
        units.div_ceil(PANEL) * inputs * PANEL
    }

    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(
            self.kernel.len() == Self::packed_len(self.inputs, self.units),
            "Dense: kernel length"
        );
        if let Some(bias) = self.bias {
            assert!(bias.len() == self.units, "Dense: bias length");
        }
        self
    }

    /// y = activation(x · kernel + bias) for `rows` rows.
    pub fn run(&self, cpu: Cpu, rows: usize, x: &[f32], y: &mut [f32]) {
        self.product(cpu, rows, x, Addend::Nothing, y);
    }

    /// y = activation(x · kernel + bias + residual) for `rows` rows; residual `[rows, units]`.
    pub fn run_adding(&self, cpu: Cpu, rows: usize, x: &[f32], residual: &[f32], y: &mut [f32]) {
        self.product(cpu, rows, x, Addend::Slice(residual), y);
    }

    /// [`run_adding`](Self::run_adding) with the residual in y, which is overwritten.
    pub fn run_adding_in_place(&self, cpu: Cpu, rows: usize, x: &[f32], y: &mut [f32]) {
        self.product(cpu, rows, x, Addend::Output, y);
    }

    fn product(&self, cpu: Cpu, rows: usize, x: &[f32], addend: Addend, y: &mut [f32]) {
        Product {
            grid: Grid::matrix(rows, self.inputs, self.units),
            segments: Segments::one(self.inputs),
            columns: self.units,
            panels: self.kernel,
            bias: self.bias,
            activation: self.activation,
        }
        .run(
            cpu,
            &x[..rows * self.inputs],
            addend,
            &mut y[..rows * self.units],
        );
    }
}
