//! Normalisations.

#[cfg(feature = "lrn")]
mod response;
mod rows;

use crate::axis::AlongAxis;
use crate::brief::brief;
use crate::cpu::Cpu;
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::number::Float;

use rows::Row;

#[cfg(feature = "lrn")]
pub use response::LocalResponseNormalization;
pub use rows::Rows;

/// What rows were normalised by; an output that is not used is `None`.
#[derive(Debug, Default)]
pub struct RowStatistics<'a> {
    /// The means `[rows]`.
    pub mean: Option<&'a mut [f32]>,
    /// 1 / √(variance + epsilon) `[rows]`.
    pub inv_std_dev: Option<&'a mut [f32]>,
}

/// y = (x − mean) / √(variance + epsilon) · scale + bias over each row (ONNX `LayerNormalization`).
///
/// Mean and variance are those of the row, taken one after the other, so that a large mean costs no digits.
#[derive(Clone, Copy)]
pub struct LayerNormalization<'w, T = f32> {
    /// Added to the variance.
    pub epsilon: f32,
    /// Factors of one row, if any.
    pub scale: Option<&'w [T]>,
    /// Added at the end to one row, if any.
    pub bias: Option<&'w [T]>,
}

brief!([T] LayerNormalization<'_, T>: epsilon; scale, bias);

impl<T: Rows> LayerNormalization<'_, T> {
    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        if let (Some(scale), Some(bias)) = (self.scale, self.bias) {
            assert!(
                scale.len() == bias.len(),
                "LayerNormalization: scale and bias"
            );
        }
        self
    }

    /// y = normalised x `[rows, n]`
    pub fn run(&self, cpu: Cpu, size: [usize; 2], x: &[T], y: &mut [T]) {
        self.both(cpu, size, Some(x), y, RowStatistics::default());
    }

    /// x = normalised x; see [`run`](Self::run).
    pub fn run_in_place(&self, cpu: Cpu, size: [usize; 2], x: &mut [T]) {
        self.both(cpu, size, None, x, RowStatistics::default());
    }

    /// y = normalised x `[rows, n]`, and what each row was normalised by.
    pub fn run_with_statistics(
        &self,
        cpu: Cpu,
        size: [usize; 2],
        x: &[T],
        y: &mut [T],
        statistics: RowStatistics,
    ) {
        self.both(cpu, size, Some(x), y, statistics);
    }

    /// x = normalised x; see [`run_with_statistics`](Self::run_with_statistics).
    pub fn run_with_statistics_in_place(
        &self,
        cpu: Cpu,
        size: [usize; 2],
        x: &mut [T],
        statistics: RowStatistics,
    ) {
        self.both(cpu, size, None, x, statistics);
    }

    fn both(
        &self,
        cpu: Cpu,
        [_, n]: [usize; 2],
        x: Option<&[T]>,
        y: &mut [T],
        statistics: RowStatistics,
    ) {
        let row = Row {
            n,
            centre: true,
            epsilon: self.epsilon,
            scale: self.scale,
            bias: self.bias,
        };
        T::normalise(cpu, row, x, y, [statistics.mean, statistics.inv_std_dev]);
    }
}

/// y = x / √(mean of x² + epsilon) · scale over each row (ONNX `RMSNormalization`).
#[derive(Clone, Copy)]
pub struct RmsNormalization<'w, T = f32> {
    /// Added to the mean of the squares.
    pub epsilon: f32,
    /// Factors of one row, if any.
    pub scale: Option<&'w [T]>,
}

brief!([T] RmsNormalization<'_, T>: epsilon; scale);

impl<T: Rows> RmsNormalization<'_, T> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = normalised x `[rows, n]`.
    pub fn run(&self, cpu: Cpu, size: [usize; 2], x: &[T], y: &mut [T]) {
        T::normalise(cpu, self.row(size), Some(x), y, [None, None]);
    }

    /// x = normalised x; see [`run`](Self::run).
    pub fn run_in_place(&self, cpu: Cpu, size: [usize; 2], x: &mut [T]) {
        T::normalise(cpu, self.row(size), None, x, [None, None]);
    }

    fn row(&self, [_, n]: [usize; 2]) -> Row<'_, T> {
        Row {
            n,
            centre: false,
            epsilon: self.epsilon,
            scale: self.scale,
            bias: None,
        }
    }
}

/// y = (x − mean) / √(variance + epsilon) · scale + bias, mean and variance over a group of channels of x
/// `[batch, channels, inner]` (ONNX `GroupNormalization`; as many groups as channels: `InstanceNormalization`).
#[derive(Clone, Copy)]
pub struct GroupNormalization<'w, T = f32> {
    /// Groups that the channels are cut into.
    pub groups: usize,
    /// Added to the variance.
    pub epsilon: f32,
    /// Factor of each channel.
    pub scale: &'w [T],
    /// Added to each channel.
    pub bias: &'w [T],
}

brief!([T] GroupNormalization<'_, T>: groups, epsilon; scale, bias);

impl<T: Rows> GroupNormalization<'_, T> {
    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(
            self.scale.len() == self.bias.len(),
            "GroupNormalization: scale and bias"
        );
        assert!(self.groups > 0, "GroupNormalization: groups");
        assert!(
            self.scale.len().is_multiple_of(self.groups),
            "GroupNormalization: groups of unequal size"
        );
        self
    }

    /// y = normalised x `[batch, channels, inner]`.
    pub fn run(&self, cpu: Cpu, size: [usize; 3], x: &[T], y: &mut [T]) {
        self.both(cpu, size, Some(x), y);
    }

    /// x = normalised x; see [`run`](Self::run).
    pub fn run_in_place(&self, cpu: Cpu, size: [usize; 3], x: &mut [T]) {
        self.both(cpu, size, None, x);
    }

    fn both(&self, cpu: Cpu, size: [usize; 3], x: Option<&[T]>, y: &mut [T]) {
        let n = size[1] / self.groups * size[2];
        let row = Row {
            n,
            centre: true,
            epsilon: self.epsilon,
            scale: None,
            bias: None,
        };
        T::normalise(cpu, row, x, y, [None, None]);
        T::scale_shift(cpu, size, self.scale, self.bias, None, y);
    }
}

/// y = x · scale + shift per channel of x `[outer, channels, inner]` (channels last: `inner` is 1): ONNX
/// `BatchNormalization`, whose mean and variance are part of both at conversion.
#[derive(Clone, Copy)]
pub struct ScaleShift<'w, T = f32> {
    /// Factor of each channel.
    pub scale: &'w [T],
    /// Added to each channel.
    pub shift: &'w [T],
}

brief!([T] ScaleShift<'_, T>: ; scale, shift);

impl<T: Rows> ScaleShift<'_, T> {
    /// Checks the lengths; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(
            self.scale.len() == self.shift.len(),
            "ScaleShift: scale and shift"
        );
        self
    }

    /// y = x · scale + shift
    pub fn run(&self, cpu: Cpu, size: [usize; 3], x: &[T], y: &mut [T]) {
        T::scale_shift(cpu, size, self.scale, self.shift, Some(x), y);
    }

    /// x = x · scale + shift
    pub fn run_in_place(&self, cpu: Cpu, size: [usize; 3], x: &mut [T]) {
        T::scale_shift(cpu, size, self.scale, self.shift, None, x);
    }
}

/// y = x / (Σ|x|ᵖ)^(1/p) along the axis of `[outer, axis, inner]`, p 1 or 2 (ONNX `LpNormalization`); 0 where all x are.
#[derive(Debug, Clone, Copy)]
pub struct LpNormalization {
    /// 1 or 2.
    pub p: usize,
}

impl LpNormalization {
    /// Checks p.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.p == 1 || self.p == 2, "LpNormalization: p");
        self
    }

    /// y = normalised x
    pub fn run<T: Float>(&self, cpu: Cpu, along: AlongAxis, x: &[T], y: &mut [T]) {
        y.copy_from_slice(x);
        self.run_in_place(cpu, along, y);
    }

    /// x = normalised x
    pub fn run_in_place<T: Float>(
        &self,
        _: Cpu,
        AlongAxis { axis, inner, .. }: AlongAxis,
        x: &mut [T],
    ) {
        for block in x.chunks_exact_mut((axis * inner).max(1)) {
            for i in 0..inner {
                let line = || block[i..].iter().step_by(inner).map(|x| x.to_f64());
                let norm = match self.p {
                    1 => line().map(f64::abs).sum(),
                    _ => line().map(|x| x * x).sum::<f64>().sqrt(),
                };
                // As onnxruntime: nothing to divide gives 0.
                let scale = if norm == 0.0 { 0.0 } else { 1.0 / norm };
                for x in block[i..].iter_mut().step_by(inner) {
                    *x = T::from_f64(x.to_f64() * scale);
                }
            }
        }
    }
}
