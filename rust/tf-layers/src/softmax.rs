//! Softmax and its relatives along one axis of `[outer, axis, inner]`.

use crate::axis::AlongAxis;
use crate::cpu::{Cpu, Simd, dispatch, prelude::*};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::math::exp::{LIFT, exp_lifted};
use crate::math::log::log;
use crate::math::{map, map2};
use crate::number::Float;

/// y = e^(x − max) / Σ e^(x − max) along the axis of `[outer, axis, inner]` (ONNX `Softmax`; the form before opset 13, which
/// flattens all trailing axes into one, is `[outer, axis, 1]`).
#[derive(Debug, Clone, Copy)]
pub struct Softmax;

/// y = x − max − ln Σ e^(x − max) along the axis of `[outer, axis, inner]` (ONNX `LogSoftmax`).
#[cfg(feature = "log-softmax")]
#[derive(Debug, Clone, Copy)]
pub struct LogSoftmax;

/// y = 1 at the first greatest x along the axis of `[outer, axis, inner]`, 0 elsewhere (ONNX `Hardmax`).
#[derive(Debug, Clone, Copy)]
pub struct Hardmax;

macro_rules! runs {
    ($($layer:ident = $method:ident;)*) => {$(
        impl $layer {
            /// Checks the parameters (there is nothing to check).
            #[must_use]
            pub const fn checked(self) -> Self {
                self
            }

            /// Writes y; `x` and `y` have the shape that `along` says.
            pub fn run<T: Normalised>(&self, cpu: Cpu, along: AlongAxis, x: &[T], y: &mut [T]) {
                T::$method(cpu, along, Some(x), y);
            }

            /// x becomes y.
            pub fn run_in_place<T: Normalised>(&self, cpu: Cpu, along: AlongAxis, x: &mut [T]) {
                T::$method(cpu, along, None, x);
            }
        }
    )*};
}
runs! {
    Softmax = softmax;
    Hardmax = hardmax;
}
#[cfg(feature = "log-softmax")]
runs! {
    LogSoftmax = log_softmax;
}

/// Element types of this module's layers: every [`Float`]. f32 has vector kernels; others are calculated in f64.
pub trait Normalised: Float {
    #[doc(hidden)]
    fn softmax(_: Cpu, along: AlongAxis, x: Option<&[Self]>, y: &mut [Self]) {
        lines(along, x, y, |y, at| {
            let (max, sum) = exponentials(y, &at);
            for i in at {
                y[i] = Self::from_f64((y[i].to_f64() - max).exp() / sum);
            }
        });
    }

    #[cfg(feature = "log-softmax")]
    #[doc(hidden)]
    fn log_softmax(_: Cpu, along: AlongAxis, x: Option<&[Self]>, y: &mut [Self]) {
        lines(along, x, y, |y, at| {
            let (max, sum) = exponentials(y, &at);
            for i in at {
                y[i] = Self::from_f64(y[i].to_f64() - max - sum.ln());
            }
        });
    }

    #[doc(hidden)]
    fn hardmax(_: Cpu, along: AlongAxis, x: Option<&[Self]>, y: &mut [Self]) {
        lines(along, x, y, |y, at| {
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
    fn softmax(cpu: Cpu, along: AlongAxis, x: Option<&[Self]>, y: &mut [Self]) {
        dispatch!(cpu.level, s => normalise_at::<_, false>(s, along, x, y));
    }

    #[cfg(feature = "log-softmax")]
    fn log_softmax(cpu: Cpu, along: AlongAxis, x: Option<&[Self]>, y: &mut [Self]) {
        dispatch!(cpu.level, s => normalise_at::<_, true>(s, along, x, y));
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

/// Calls `f` with every line along the axis of y, which becomes x before if there is one.
fn lines<T: Copy>(
    AlongAxis { outer, axis, inner }: AlongAxis,
    x: Option<&[T]>,
    y: &mut [T],
    f: impl Fn(&mut [T], At),
) {
    if let Some(x) = x {
        y.copy_from_slice(x);
    }
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

/// The greatest y of a line, and Σ e^(y − greatest).
fn exponentials<T: Float>(y: &[T], at: &At) -> (f64, f64) {
    let values = at.clone().map(|i| y[i].to_f64());
    let max = values.clone().fold(f64::NEG_INFINITY, f64::max);
    (max, values.map(|y| (y - max).exp()).sum())
}

/// Elements of one block between f32 and f64 sums.
const BLOCK: usize = 512;

/// Columns that are walked together.
const COLUMNS: usize = 256;

/// Softmax, or its logarithm.
#[inline(always)]
fn normalise_at<S: Simd, const LOG: bool>(
    s: S,
    AlongAxis { axis, inner, .. }: AlongAxis,
    x: Option<&[f32]>,
    y: &mut [f32],
) {
    if axis * inner == 0 {
        return;
    }
    if inner == 1 {
        for (i, y) in y.chunks_exact_mut(axis).enumerate() {
            let x = x.map(|x| &x[i * axis..][..axis]);
            let max = row_max(s, x.unwrap_or(y));
            if LOG {
                let sum = exp_sum::<S, false>(s, x, y, max);
                let log = (sum.exact().ln() - f64::from(LIFT) * core::f64::consts::LN_2) as f32;
                map(
                    s,
                    x,
                    y,
                    #[inline(always)]
                    |x| x - max - log,
                );
            } else {
                let scale = exp_sum::<S, true>(s, x, y, max).reciprocal();
                map(
                    s,
                    None,
                    y,
                    #[inline(always)]
                    |e| e * scale,
                );
            }
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
            // x becomes what the last step needs again: x − max, or its exponential.
            for y in y.chunks_exact_mut(inner) {
                let y = &mut y[columns.clone()];
                map2(
                    s,
                    y,
                    max,
                    #[inline(always)]
                    |x, max| if LOG { x - max } else { exp_lifted(s, x - max) },
                );
                map2(
                    s,
                    sum,
                    y,
                    #[inline(always)]
                    |sum, y| sum + if LOG { exp_lifted(s, y) } else { y },
                );
            }
            map(
                s,
                None,
                sum,
                #[inline(always)]
                |sum| {
                    if LOG {
                        log(s, sum * f32::from_bits((127 - LIFT as u32) << 23))
                    } else {
                        S::f32s::splat(s, 1.0) / sum
                    }
                },
            );
            for y in y.chunks_exact_mut(inner) {
                map2(
                    s,
                    &mut y[columns.clone()],
                    sum,
                    #[inline(always)]
                    |y, by| if LOG { y - by } else { y * by },
                );
            }
        }
    }
}

/// max x; where there is a NaN, the result does not matter (the sum will be NaN).
#[inline(always)]
fn row_max<S: Simd>(s: S, x: &[f32]) -> f32 {
    let least = S::f32s::splat(s, f32::NEG_INFINITY);
    let (mut a, mut b) = (least, least);
    let mut pairs = x.chunks_exact(2 * S::f32s::LEN);
    for x in &mut pairs {
        a = a.max(S::f32s::from_slice(s, &x[..S::f32s::LEN]));
        b = b.max(S::f32s::from_slice(s, &x[S::f32s::LEN..]));
    }
    let rest = pairs.remainder();
    let max = a.max(b).reduce_max();
    rest.iter()
        .fold(max, |max, &x| if x > max { x } else { max })
}

/// y = e^(x − max)·2⁶⁴ (of y itself where x is `None`), and its sum; only the sum if not `STORE`.
///
/// The power of two falls out of quotients; with it nothing is subnormal before the last product, which makes what is
/// masked out exactly 0.
#[inline(always)]
fn exp_sum<S: Simd, const STORE: bool>(s: S, x: Option<&[f32]>, y: &mut [f32], max: f32) -> Total {
    let mut total = Total::default();
    for (i, y) in y.chunks_mut(BLOCK).enumerate() {
        let mut from = x
            .map_or(&[][..], |x| &x[i * BLOCK..][..y.len()])
            .chunks_exact(S::f32s::LEN);
        let mut sum = S::f32s::splat(s, 0.0);
        let mut vectors = y.chunks_exact_mut(S::f32s::LEN);
        for y in &mut vectors {
            let e = exp_lifted(s, S::f32s::from_slice(s, from.next().unwrap_or(y)) - max);
            if STORE {
                e.store_slice(y);
            }
            sum += e;
        }
        let tail = vectors.into_remainder();
        if !tail.is_empty() {
            let mut padded = [f32::NEG_INFINITY; 16];
            let x = if x.is_some() {
                from.remainder()
            } else {
                &*tail
            };
            padded[..tail.len()].copy_from_slice(x);
            let padded = &mut padded[..S::f32s::LEN];
            let e = exp_lifted(s, S::f32s::from_slice(s, padded) - max);
            e.store_slice(padded);
            if STORE {
                tail.copy_from_slice(&padded[..tail.len()]);
            }
            sum += e;
        }
        total.add(sum.reduce_sum());
    }
    total
}

/// A sum of sums of blocks, in f64.
#[cfg(not(target_os = "none"))]
#[derive(Clone, Copy, Default)]
struct Total(f64);

#[cfg(not(target_os = "none"))]
impl Total {
    /// Adds one.
    #[inline(always)]
    fn add(&mut self, sum: f32) {
        self.0 += f64::from(sum);
    }

    /// In f64.
    #[inline(always)]
    fn exact(self) -> f64 {
        self.0
    }

    /// 1 / sum
    #[inline(always)]
    fn reciprocal(self) -> f32 {
        (1.0 / self.0) as f32
    }
}

/// A sum of sums of blocks, in two f32: a microcontroller has no f64, and what stands in for it takes 2 kB of flash.
#[cfg(target_os = "none")]
#[derive(Clone, Copy, Default)]
struct Total {
    sum: f32,
    /// What rounding has taken from it.
    rest: f32,
}

#[cfg(target_os = "none")]
impl Total {
    /// Adds one (Knuth, The Art of Computer Programming, volume 2, 4.2.2, theorem B).
    #[inline(always)]
    fn add(&mut self, term: f32) {
        let sum = self.sum + term;
        let added = sum - self.sum;
        self.rest += (self.sum - (sum - added)) + (term - added);
        self.sum = sum;
    }

    /// In f64.
    #[inline(always)]
    fn exact(self) -> f64 {
        f64::from(self.sum) + f64::from(self.rest)
    }

    /// 1 / sum
    #[inline(always)]
    fn reciprocal(self) -> f32 {
        1.0 / (self.sum + self.rest)
    }
}
