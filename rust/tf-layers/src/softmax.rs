//! Softmax and its relatives along one axis of `[outer, axis, inner]`.

use crate::cpu::{Cpu, Simd, dispatch, prelude::*};
use crate::math::exp::{exp, exp_negative};
use crate::math::{map, map2};
use crate::number::Float;
use crate::reduce::{row_extreme, row_sum};

/// y = e^(x − max) / Σ e^(x − max) along the axis of `[outer, axis, inner]` (ONNX `Softmax`; the form before opset 13, which
/// flattens all trailing axes into one, is `[outer, axis, 1]`).
#[derive(Debug, Clone, Copy)]
pub struct Softmax;

/// y = x − max − ln Σ e^(x − max) along the axis of `[outer, axis, inner]` (ONNX `LogSoftmax`).
#[derive(Debug, Clone, Copy)]
pub struct LogSoftmax;

/// y = 1 at the first greatest x along the axis of `[outer, axis, inner]`, 0 elsewhere (ONNX `Hardmax`).
#[derive(Debug, Clone, Copy)]
pub struct Hardmax;

macro_rules! runs {
    ($layer:ident, $method:ident) => {
        impl $layer {
            /// Checks the parameters (there is nothing to check).
            #[must_use]
            pub const fn checked(self) -> Self {
                self
            }

            /// Writes y; `x` and `y` have the shape `size`.
            pub fn run<T: Normalised>(&self, cpu: Cpu, size: [usize; 3], x: &[T], y: &mut [T]) {
                y.copy_from_slice(x);
                T::$method(cpu, size, y);
            }

            /// x becomes y.
            pub fn run_in_place<T: Normalised>(&self, cpu: Cpu, size: [usize; 3], x: &mut [T]) {
                T::$method(cpu, size, x);
            }
        }
    };
}
runs!(LogSoftmax, log_softmax);
runs!(Hardmax, hardmax);

impl Softmax {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// Writes y; `x` and `y` have the shape `size`.
    pub fn run<T: Normalised>(&self, cpu: Cpu, size: [usize; 3], x: &[T], y: &mut [T]) {
        T::softmax(cpu, size, Some(x), y);
    }

    /// x becomes y.
    pub fn run_in_place<T: Normalised>(&self, cpu: Cpu, size: [usize; 3], x: &mut [T]) {
        T::softmax(cpu, size, None, x);
    }
}

/// Element types of this module's layers: every [`Float`]. f32 has vector kernels; others are calculated in f64.
pub trait Normalised: Float {
    #[doc(hidden)]
    fn softmax(_: Cpu, size: [usize; 3], x: Option<&[Self]>, y: &mut [Self]) {
        if let Some(x) = x {
            y.copy_from_slice(x);
        }
        lines(size, y, |y, at| {
            let max = greatest(y, &at);
            let sum: f64 = at.clone().map(|i| (y[i].to_f64() - max).exp()).sum();
            for i in at {
                y[i] = Self::from_f64((y[i].to_f64() - max).exp() / sum);
            }
        });
    }

    #[doc(hidden)]
    fn log_softmax(_: Cpu, size: [usize; 3], y: &mut [Self]) {
        lines(size, y, |y, at| {
            let max = greatest(y, &at);
            let sum: f64 = at.clone().map(|i| (y[i].to_f64() - max).exp()).sum();
            for i in at {
                y[i] = Self::from_f64(y[i].to_f64() - max - sum.ln());
            }
        });
    }

    #[doc(hidden)]
    fn hardmax(_: Cpu, size: [usize; 3], y: &mut [Self]) {
        lines(size, y, |y, at| {
            let mut best = at.start;
            for i in at.clone() {
                if y[i] > y[best] {
                    best = i;
                }
            }
            for i in at {
                y[i] = if i == best { Self::ONE } else { Self::ZERO };
            }
        });
    }
}

impl Normalised for f64 {}
impl Normalised for crate::F16 {}
impl Normalised for crate::Bf16 {}

impl Normalised for f32 {
    fn softmax(cpu: Cpu, size: [usize; 3], x: Option<&[Self]>, y: &mut [Self]) {
        dispatch!(cpu.level, s => softmax_at(s, size, x, y));
    }

    fn log_softmax(cpu: Cpu, size: [usize; 3], y: &mut [Self]) {
        dispatch!(cpu.level, s => log_softmax_at(s, size, y));
    }
}

/// Positions `start, start + step, …` of one line along the axis.
type Line = core::iter::StepBy<core::ops::Range<usize>>;

/// A line that also tells where it starts.
#[derive(Clone)]
struct At {
    start: usize,
    positions: Line,
}

impl Iterator for At {
    type Item = usize;
    fn next(&mut self) -> Option<usize> {
        self.positions.next()
    }
}

/// Calls `f` with every line along the axis.
fn lines<T>([outer, axis, inner]: [usize; 3], y: &mut [T], f: impl Fn(&mut [T], At)) {
    if axis == 0 {
        return;
    }
    for o in 0..outer {
        for i in 0..inner {
            let start = o * axis * inner + i;
            f(
                y,
                At {
                    start,
                    positions: (start..start + axis * inner).step_by(inner),
                },
            );
        }
    }
}

fn greatest<T: Float>(y: &[T], at: &At) -> f64 {
    at.clone()
        .map(|i| y[i].to_f64())
        .fold(f64::NEG_INFINITY, f64::max)
}

/// Elements of one block between f32 and f64 sums.
const BLOCK: usize = 1024;

/// Columns that are walked together.
const COLUMNS: usize = 256;

#[inline(always)]
fn softmax_at<S: Simd>(s: S, [_, axis, inner]: [usize; 3], x: Option<&[f32]>, y: &mut [f32]) {
    if axis * inner == 0 {
        return;
    }
    if inner == 1 {
        for (i, y) in y.chunks_exact_mut(axis).enumerate() {
            let x = x.map(|x| &x[i * axis..][..axis]);
            let max = row_extreme::<S, false>(s, x.unwrap_or(y));
            let mut sum = 0.0;
            for (i, y) in y.chunks_mut(BLOCK).enumerate() {
                let x = x.map(|x| &x[i * BLOCK..][..y.len()]);
                sum += exp_sum(s, x, y, max);
            }
            let scale = (1.0 / sum) as f32;
            map(
                s,
                None,
                y,
                #[inline(always)]
                |e| e * scale,
            );
        }
        return;
    }
    for (i, y) in y.chunks_exact_mut(axis * inner).enumerate() {
        if let Some(x) = x {
            y.copy_from_slice(&x[i * axis * inner..][..axis * inner]);
        }
        for from in (0..inner).step_by(COLUMNS) {
            let columns = from..inner.min(from + COLUMNS);
            let mut max = [f32::NEG_INFINITY; COLUMNS];
            let mut sum = [0.0; COLUMNS];
            let (max, sum) = (&mut max[..columns.len()], &mut sum[..columns.len()]);
            for y in y.chunks_exact(inner) {
                map2(
                    s,
                    max,
                    &y[columns.clone()],
                    #[inline(always)]
                    |max, x| max.max(x),
                );
            }
            for y in y.chunks_exact_mut(inner) {
                let y = &mut y[columns.clone()];
                map2(
                    s,
                    y,
                    max,
                    #[inline(always)]
                    |x, max| exp_negative(s, x - max),
                );
                map2(
                    s,
                    sum,
                    y,
                    #[inline(always)]
                    |sum, e| sum + e,
                );
            }
            map(
                s,
                None,
                sum,
                #[inline(always)]
                |sum| S::f32s::splat(s, 1.0) / sum,
            );
            for y in y.chunks_exact_mut(inner) {
                map2(
                    s,
                    &mut y[columns.clone()],
                    sum,
                    #[inline(always)]
                    |e, scale| e * scale,
                );
            }
        }
    }
}

/// y = e^(x − max) (of y itself where x is `None`), and its sum.
#[inline(always)]
fn exp_sum<S: Simd>(s: S, x: Option<&[f32]>, y: &mut [f32], max: f32) -> f64 {
    map(
        s,
        x,
        y,
        #[inline(always)]
        |x| exp_negative(s, x - max),
    );
    row_sum(
        s,
        y,
        #[inline(always)]
        |e| e,
        0.0,
    )
}

#[inline(always)]
fn log_softmax_at<S: Simd>(s: S, [_, axis, inner]: [usize; 3], y: &mut [f32]) {
    if axis * inner == 0 {
        return;
    }
    if inner == 1 {
        for y in y.chunks_exact_mut(axis) {
            let max = row_extreme::<S, false>(s, y);
            let sum = row_sum(
                s,
                y,
                #[inline(always)]
                |x| exp(s, x - max),
                f32::NEG_INFINITY,
            );
            let log = sum.ln() as f32;
            map(
                s,
                None,
                y,
                #[inline(always)]
                |x| x - max - log,
            );
        }
        return;
    }
    for y in y.chunks_exact_mut(axis * inner) {
        for from in (0..inner).step_by(COLUMNS) {
            let columns = from..inner.min(from + COLUMNS);
            let mut max = [f32::NEG_INFINITY; COLUMNS];
            let mut sum = [0.0; COLUMNS];
            let (max, sum) = (&mut max[..columns.len()], &mut sum[..columns.len()]);
            for y in y.chunks_exact(inner) {
                map2(
                    s,
                    max,
                    &y[columns.clone()],
                    #[inline(always)]
                    |max, x| max.max(x),
                );
            }
            // x becomes x − max, which the last step needs again.
            for y in y.chunks_exact_mut(inner) {
                let y = &mut y[columns.clone()];
                map2(
                    s,
                    y,
                    max,
                    #[inline(always)]
                    |x, max| x - max,
                );
                map2(
                    s,
                    sum,
                    y,
                    #[inline(always)]
                    |sum, x| sum + exp(s, x),
                );
            }
            map(
                s,
                None,
                sum,
                #[inline(always)]
                |sum| crate::math::log::log(s, sum),
            );
            for y in y.chunks_exact_mut(inner) {
                map2(
                    s,
                    &mut y[columns.clone()],
                    sum,
                    #[inline(always)]
                    |x, log| x - log,
                );
            }
        }
    }
}
