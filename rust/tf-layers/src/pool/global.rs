//! Pooling over all positions: `[batch, positions, channels]` to `[batch, channels]`.

use super::average::lp;
use super::images::Images;
use super::max::{MaxElement, larger};
use crate::cpu::{Cpu, Simd, dispatch, prelude::*};

/// Positions that one f32 sum runs over before it is added to the total: rounding errors grow with the length of a
/// sum, so a long one is made of short ones.
const SEGMENT: usize = 128;

/// y = mean over all positions; ONNX `GlobalAveragePool`, Keras `GlobalAveragePooling`.
///
/// x `[batch, positions, channels]`, y `[batch, channels]`. Without positions the mean is 0 / 0 = NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobalAveragePool;

impl GlobalAveragePool {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = mean of x over its positions.
    pub fn run<const D: usize>(&self, cpu: Cpu, images: Images<D>, x: &[f32], y: &mut [f32]) {
        means(cpu, images.flat(), x, y);
    }
}

/// y = max over all positions; ONNX `GlobalMaxPool`.
///
/// x `[batch, positions, channels]`, y `[batch, channels]`. NaN if any is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobalMaxPool;

impl GlobalMaxPool {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = max of x over its positions.
    pub fn run<T: MaxElement, const D: usize>(
        &self,
        cpu: Cpu,
        images: Images<D>,
        x: &[T],
        y: &mut [T],
    ) {
        each(images.flat(), x, y, |x, y| {
            dispatch!(cpu.level, s => {
                let _ = s;
                y.fill(T::LOWEST);
                rows(images.channels, x, y, larger);
            });
        });
    }
}

/// y = (Σ |x|^p)^(1/p) over all positions; ONNX `GlobalLpPool`.
///
/// x `[batch, positions, channels]`, y `[batch, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobalLpPool {
    /// The exponent, at least 1.
    pub p: u32,
}

impl GlobalLpPool {
    /// Checks the parameters; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.p > 0, "GlobalLpPool: p");
        self
    }

    /// y = p-norm of x over its positions.
    pub fn run<const D: usize>(&self, cpu: Cpu, images: Images<D>, x: &[f32], y: &mut [f32]) {
        norms(cpu, self.p, images.flat(), x, y);
    }
}

// Compiled once, for whatever rank: what is generic is compiled again in the crate that calls it.

fn means(cpu: Cpu, images: Images<1>, x: &[f32], y: &mut [f32]) {
    each(images, x, y, |x, y| {
        dispatch!(cpu.level, s => mean(s, images.pixels(), images.channels, x, y));
    });
}

fn norms(cpu: Cpu, p: u32, images: Images<1>, x: &[f32], y: &mut [f32]) {
    let (step, finish) = lp(p);
    each(images, x, y, |x, y| {
        dispatch!(cpu.level, s => {
            let _ = s;
            y.fill(0.0);
            rows(images.channels, x, y, step);
        });
        y.iter_mut().for_each(|y| *y = finish(*y));
    });
}

/// Calls `f` with each image `[positions, channels]` and its output `[channels]`.
fn each<T>(
    Images {
        batch,
        size: [positions],
        channels,
    }: Images<1>,
    x: &[T],
    y: &mut [T],
    mut f: impl FnMut(&[T], &mut [T]),
) {
    let image = positions * channels;
    for n in 0..batch {
        f(&x[n * image..][..image], &mut y[n * channels..][..channels]);
    }
}

/// Folds every row of `x` into `y`.
#[inline(always)]
fn rows<T: Copy>(channels: usize, x: &[T], y: &mut [T], step: impl Fn(T, T) -> T) {
    for x in x.chunks_exact(channels.max(1)) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = step(*y, x);
        }
    }
}

/// Mean of each column: four vectors of channels at a time, then one, then single channels.
#[inline(always)]
fn mean<S: Simd>(s: S, positions: usize, channels: usize, x: &[f32], y: &mut [f32]) {
    let lanes = S::f32s::LEN;
    let mut c = 0;
    while c + 4 * lanes <= channels {
        columns::<S, 4>(s, positions, channels, c, x, y);
        c += 4 * lanes;
    }
    while c + lanes <= channels {
        columns::<S, 1>(s, positions, channels, c, x, y);
        c += lanes;
    }
    for (c, y) in y.iter_mut().enumerate().skip(c) {
        let mut total = 0.0;
        for segment in x.chunks(SEGMENT * channels) {
            total += segment.iter().skip(c).step_by(channels).sum::<f32>();
        }
        *y = total / positions as f32;
    }
}

#[inline(always)]
fn columns<S: Simd, const B: usize>(
    s: S,
    positions: usize,
    channels: usize,
    c: usize,
    x: &[f32],
    y: &mut [f32],
) {
    let zero = [S::f32s::splat(s, 0.0); B];
    let mut total = zero;
    for segment in x.chunks(SEGMENT * channels) {
        let mut sum = zero;
        for row in segment.chunks_exact(channels) {
            for (sum, x) in sum
                .iter_mut()
                .zip(row[c..][..B * S::f32s::LEN].chunks_exact(S::f32s::LEN))
            {
                *sum += S::f32s::from_slice(s, x);
            }
        }
        for (total, sum) in total.iter_mut().zip(sum) {
            *total += sum;
        }
    }
    let count = S::f32s::splat(s, positions as f32);
    for (total, y) in total.into_iter().zip(y[c..].chunks_exact_mut(S::f32s::LEN)) {
        (total / count).store_slice(y);
    }
}
