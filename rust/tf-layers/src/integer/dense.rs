//! Products with a constant 8-bit matrix.

use super::Byte;
use super::packed::{self, Kernel, Zero};
use crate::brief::brief;
use crate::cpu::Cpu;
use crate::error::Result;
use crate::gemm::{Grid, Segments};
use crate::pack::integer_len;
use crate::slot::Scratch;

/// What [`IntegerDense`] takes.
#[derive(Debug, Clone, Copy)]
pub struct IntegerDenseInputs<'a, X> {
    /// Rows of x.
    pub rows: usize,
    /// `[rows, inputs]`
    pub x: &'a [X],
    /// The zero points of x: one, or one a row; 0 without.
    pub x_zero: Option<&'a [X]>,
}

impl<X> Default for IntegerDenseInputs<'_, X> {
    fn default() -> Self {
        Self {
            rows: 0,
            x: &[],
            x_zero: None,
        }
    }
}

/// y = (x − x_zero) · (kernel − kernel_zero): x `[rows, inputs]` u8 or i8, y `[rows, units]` i32, exact.
///
/// ONNX `MatMulInteger` with a constant right side, and the first half of `QLinearMatMul`. The kernel is packed by
/// [`Packing::IntegerPanels`](crate::pack::Packing::IntegerPanels).
#[derive(Clone, Copy)]
pub struct IntegerDense<'w> {
    /// Columns of x.
    pub inputs: usize,
    /// Columns of y.
    pub units: usize,
    /// Packed kernel of [`IntegerDense::packed_len`] words.
    pub kernel: &'w [i32],
    /// The kernel's zero points, `[units]`, if any is not 0.
    pub kernel_zero: Option<&'w [i32]>,
}

brief!([] IntegerDense<'_>: inputs, units; kernel, kernel_zero);

impl IntegerDense<'_> {
    /// Length of the packed kernel.
    #[must_use]
    pub const fn packed_len(inputs: usize, units: usize) -> usize {
        integer_len(units, 1, 1, inputs)
    }

    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(
            self.kernel.len() == Self::packed_len(self.inputs, self.units),
            "IntegerDense: kernel length"
        );
        if let Some(zero) = self.kernel_zero {
            assert!(zero.len() == self.units, "IntegerDense: zero points");
        }
        self
    }

    /// Elements of scratch that a run needs at most: what a product starts with, and a copy of x.
    #[must_use]
    pub const fn scratch_len(&self, rows: usize) -> usize {
        packed::start_len(self.units) + packed::copy_len(rows * self.inputs)
    }

    /// The product.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is none for the scratch.
    pub fn run<X: Byte>(
        &self,
        cpu: Cpu,
        inputs: IntegerDenseInputs<X>,
        y: &mut [i32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        let IntegerDenseInputs { rows, x, x_zero } = inputs;
        let x = &x[..rows * self.inputs];
        let start_len = packed::start_len(self.units);
        let in_place = packed::is_whole(self.inputs) && X::bytes(x).is_some();
        let scratch = scratch.fit(if in_place {
            start_len
        } else {
            self.scratch_len(rows)
        })?;
        let (start, copy) = scratch.split_at_mut(start_len);
        let copy = bytemuck::cast_slice_mut(copy);
        let x = match X::bytes(x) {
            Some(bytes) if in_place => bytes,
            _ => {
                for (to, x) in copy.iter_mut().zip(x) {
                    *to = x.unsigned();
                }
                copy
            }
        };
        let (panels, sums) = self
            .kernel
            .split_at(self.kernel.len() - packed::start_len(self.units));
        let kernel = Kernel {
            columns: self.units,
            panels,
            sums,
            zeros: self.kernel_zero,
        };
        packed::multiply(
            cpu,
            (
                Grid::matrix(rows, self.inputs, self.units),
                Segments::one(self.inputs),
            ),
            kernel,
            x,
            Zero::new(x_zero),
            &mut y[..rows * self.units],
            bytemuck::cast_slice_mut(start),
        );
        Ok(())
    }
}
