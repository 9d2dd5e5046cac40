//! Normalisations.

use crate::cpu::{Cpu, Simd, dispatch, prelude::*};
use crate::math::sum::row_sum;
use crate::math::{map, map2, map3};
use crate::number::Float;

/// y = (x − mean) / √(variance + epsilon) · scale + bias over each row (ONNX `LayerNormalization`).
///
/// Mean and variance are those of the row, taken one after the other, so that a large mean costs no digits.
#[derive(Debug, Clone, Copy)]
pub struct LayerNormalization<'w, T = f32> {
    /// Added to the variance.
    pub epsilon: f32,
    /// Factors of one row, if any.
    pub scale: Option<&'w [T]>,
    /// Added at the end to one row, if any.
    pub bias: Option<&'w [T]>,
}

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

    /// y = normalised x `[rows, n]`; also the means and the 1 / √(variance + epsilon) `[rows]`, if wanted.
    pub fn run(
        &self,
        cpu: Cpu,
        size: [usize; 2],
        x: &[T],
        y: &mut [T],
        mean: Option<&mut [f32]>,
        inverse: Option<&mut [f32]>,
    ) {
        self.both(cpu, size, Some(x), y, mean, inverse);
    }

    /// x = normalised x; see [`run`](Self::run).
    pub fn run_in_place(
        &self,
        cpu: Cpu,
        size: [usize; 2],
        x: &mut [T],
        mean: Option<&mut [f32]>,
        inverse: Option<&mut [f32]>,
    ) {
        self.both(cpu, size, None, x, mean, inverse);
    }

    fn both(
        &self,
        cpu: Cpu,
        [_, n]: [usize; 2],
        x: Option<&[T]>,
        y: &mut [T],
        mut mean: Option<&mut [f32]>,
        mut inverse: Option<&mut [f32]>,
    ) {
        let row = Row {
            n,
            centre: true,
            epsilon: self.epsilon,
            scale: self.scale,
            bias: self.bias,
        };
        T::normalise(cpu, row, x, y, &mut |row, moments| {
            if let Some(mean) = mean.as_deref_mut() {
                mean[row] = moments[0];
            }
            if let Some(inverse) = inverse.as_deref_mut() {
                inverse[row] = moments[1];
            }
        });
    }
}

/// y = x / √(mean of x² + epsilon) · scale over each row (ONNX `RMSNormalization`).
#[derive(Debug, Clone, Copy)]
pub struct RmsNormalization<'w, T = f32> {
    /// Added to the mean of the squares.
    pub epsilon: f32,
    /// Factors of one row, if any.
    pub scale: Option<&'w [T]>,
}

impl<T: Rows> RmsNormalization<'_, T> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = normalised x `[rows, n]`.
    pub fn run(&self, cpu: Cpu, size: [usize; 2], x: &[T], y: &mut [T]) {
        T::normalise(cpu, self.row(size), Some(x), y, &mut |_, _| {});
    }

    /// x = normalised x; see [`run`](Self::run).
    pub fn run_in_place(&self, cpu: Cpu, size: [usize; 2], x: &mut [T]) {
        T::normalise(cpu, self.row(size), None, x, &mut |_, _| {});
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
#[derive(Debug, Clone, Copy)]
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
        T::normalise(cpu, row, x, y, &mut |_, _| {});
        T::scale_shift(cpu, size, self.scale, self.bias, None, y);
    }
}

/// y = x · scale + shift per channel of x `[outer, channels, inner]` (channels last: `inner` is 1): ONNX
/// `BatchNormalization`, whose mean and variance are part of both at conversion.
#[derive(Debug, Clone, Copy)]
pub struct ScaleShift<'w, T = f32> {
    /// Factor of each channel.
    pub scale: &'w [T],
    /// Added to each channel.
    pub shift: &'w [T],
}

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
    pub fn run<T: Float>(&self, cpu: Cpu, size: [usize; 3], x: &[T], y: &mut [T]) {
        y.copy_from_slice(x);
        self.run_in_place(cpu, size, y);
    }

    /// x = normalised x
    pub fn run_in_place<T: Float>(&self, _: Cpu, [_, axis, inner]: [usize; 3], x: &mut [T]) {
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

/// How a row is normalised.
#[derive(Debug, Clone, Copy)]
#[doc(hidden)]
pub struct Row<'w, T> {
    n: usize,
    /// Subtract the mean.
    centre: bool,
    epsilon: f32,
    scale: Option<&'w [T]>,
    bias: Option<&'w [T]>,
}

/// Element types of this module's layers: every [`Float`]. f32 has vector kernels; others are calculated in f64.
pub trait Rows: Float {
    /// y = normalised x, or y where x is `None`; tells the mean and the inverse deviation of each row.
    #[doc(hidden)]
    fn normalise(
        _: Cpu,
        row: Row<'_, Self>,
        x: Option<&[Self]>,
        y: &mut [Self],
        moments: &mut dyn FnMut(usize, [f32; 2]),
    ) {
        if let Some(x) = x {
            y.copy_from_slice(x);
        }
        let n = row.n as f64;
        for (r, y) in y.chunks_exact_mut(row.n.max(1)).enumerate() {
            let sum = |f: &dyn Fn(f64) -> f64| y.iter().map(|y| f(y.to_f64())).sum::<f64>();
            let mean = if row.centre { sum(&|x| x) / n } else { 0.0 };
            let inverse = (sum(&|x| (x - mean) * (x - mean)) / n + f64::from(row.epsilon))
                .sqrt()
                .recip();
            moments(r, [mean as f32, inverse as f32]);
            for (i, y) in y.iter_mut().enumerate() {
                let scale = row.scale.map_or(1.0, |s| s[i].to_f64());
                let bias = row.bias.map_or(0.0, |b| b[i].to_f64());
                *y = Self::from_f64((y.to_f64() - mean) * inverse * scale + bias);
            }
        }
    }

    /// y = x · scale + shift, or y in place of x where that is `None`.
    #[doc(hidden)]
    fn scale_shift(
        _: Cpu,
        [_, channels, inner]: [usize; 3],
        scale: &[Self],
        shift: &[Self],
        x: Option<&[Self]>,
        y: &mut [Self],
    ) {
        if let Some(x) = x {
            y.copy_from_slice(x);
        }
        for (i, y) in y.chunks_exact_mut(inner.max(1)).enumerate() {
            let (scale, shift) = (scale[i % channels].to_f64(), shift[i % channels].to_f64());
            for y in y {
                *y = Self::from_f64(y.to_f64() * scale + shift);
            }
        }
    }
}

impl Rows for f64 {}
impl Rows for crate::F16 {}
impl Rows for crate::Bf16 {}

impl Rows for f32 {
    fn normalise(
        cpu: Cpu,
        row: Row<'_, Self>,
        x: Option<&[Self]>,
        y: &mut [Self],
        moments: &mut dyn FnMut(usize, [f32; 2]),
    ) {
        dispatch!(cpu.level, s => normalise_at(s, row, x, y, moments));
    }

    fn scale_shift(
        cpu: Cpu,
        size: [usize; 3],
        scale: &[Self],
        shift: &[Self],
        x: Option<&[Self]>,
        y: &mut [Self],
    ) {
        dispatch!(cpu.level, s => scale_shift_at(s, size, scale, shift, x, y));
    }
}

#[inline(always)]
fn normalise_at<S: Simd>(
    s: S,
    row: Row<'_, f32>,
    x: Option<&[f32]>,
    y: &mut [f32],
    moments: &mut dyn FnMut(usize, [f32; 2]),
) {
    let n = row.n as f64;
    for (r, y) in y.chunks_exact_mut(row.n.max(1)).enumerate() {
        if let Some(x) = x {
            y.copy_from_slice(&x[r * row.n..][..row.n]);
        }
        let mut mean = 0.0;
        if row.centre {
            let sum = row_sum(
                s,
                y,
                #[inline(always)]
                |x| x,
                0.0,
            );
            mean = (sum / n) as f32;
        }
        let squares = row_sum(
            s,
            y,
            #[inline(always)]
            |x| (x - mean) * (x - mean),
            mean,
        );
        let inverse = (squares / n + f64::from(row.epsilon)).sqrt().recip() as f32;
        moments(r, [mean, inverse]);
        match (row.scale, row.bias) {
            (Some(scale), Some(bias)) => map3(
                s,
                y,
                scale,
                bias,
                #[inline(always)]
                |x, scale, bias| ((x - mean) * inverse).mul_add(scale, bias),
            ),
            (Some(scale), None) => map2(
                s,
                y,
                scale,
                #[inline(always)]
                |x, scale| (x - mean) * inverse * scale,
            ),
            (None, Some(bias)) => map2(
                s,
                y,
                bias,
                #[inline(always)]
                |x, bias| (x - mean).mul_add(inverse, bias),
            ),
            (None, None) => map(
                s,
                None,
                y,
                #[inline(always)]
                |x| (x - mean) * inverse,
            ),
        }
    }
}

#[inline(always)]
fn scale_shift_at<S: Simd>(
    s: S,
    [_, channels, inner]: [usize; 3],
    scale: &[f32],
    shift: &[f32],
    x: Option<&[f32]>,
    y: &mut [f32],
) {
    let row = if inner == 1 { channels } else { inner };
    for (i, y) in y.chunks_exact_mut(row.max(1)).enumerate() {
        let x = x.map(|x| &x[i * row..][..row]);
        if inner == 1 {
            if let Some(x) = x {
                y.copy_from_slice(x);
            }
            map3(
                s,
                y,
                scale,
                shift,
                #[inline(always)]
                |x, scale, shift| x.mul_add(scale, shift),
            );
        } else {
            let (scale, shift) = (scale[i % channels], shift[i % channels]);
            map(
                s,
                x,
                y,
                #[inline(always)]
                |x| x.mul_add(scale, shift),
            );
        }
    }
}
