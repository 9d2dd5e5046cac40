//! Normalised rows and scaled channels: in vectors for f32, in f64 for the other types.

use crate::cpu::{Cpu, Simd, dispatch, prelude::*};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::math::sum::row_sum;
use crate::math::{map, map3, part_vector};
use crate::number::Float;

/// How a row is normalised.
#[derive(Debug, Clone, Copy)]
#[doc(hidden)]
pub struct Row<'w, T> {
    pub(super) n: usize,
    /// Subtract the mean.
    pub(super) centre: bool,
    pub(super) epsilon: f32,
    pub(super) scale: Option<&'w [T]>,
    pub(super) bias: Option<&'w [T]>,
}

/// Where the mean and the inverse deviation of each row go, if anybody wants them.
pub type Moments<'a> = [Option<&'a mut [f32]>; 2];

/// Element types of this module's layers: every [`Float`]. f32 has vector kernels; others are calculated in f64.
pub trait Rows: Float {
    /// y = normalised x, or y where x is `None`; and the mean and the inverse deviation of each row.
    #[doc(hidden)]
    fn normalise(
        _: Cpu,
        row: Row<'_, Self>,
        x: Option<&[Self]>,
        y: &mut [Self],
        [mut means, mut inverses]: Moments<'_>,
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
            if let Some(means) = &mut means {
                means[r] = mean as f32;
            }
            if let Some(inverses) = &mut inverses {
                inverses[r] = inverse as f32;
            }
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
        moments: Moments<'_>,
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
    [mut means, mut inverses]: Moments<'_>,
) {
    // Rows may be short: no division that all of them can share.
    let part = 1.0 / row.n as f64;
    for (r, y) in y.chunks_exact_mut(row.n.max(1)).enumerate() {
        // Read where it lies: a copy in y would be read again before it has reached the cache.
        let x = x.map(|x| &x[r * row.n..][..row.n]);
        let from = x.unwrap_or(y);
        let mut mean = 0.0;
        if row.centre {
            let sum = row_sum(
                s,
                from,
                #[inline(always)]
                |x| x,
                0.0,
            );
            mean = (sum * part) as f32;
        }
        let squares = row_sum(
            s,
            from,
            #[inline(always)]
            |x| (x - mean) * (x - mean),
            mean,
        );
        let inverse = (squares * part + f64::from(row.epsilon)).sqrt().recip() as f32;
        if let Some(means) = &mut means {
            means[r] = mean;
        }
        if let Some(inverses) = &mut inverses {
            inverses[r] = inverse;
        }
        scaled(s, row, x, y, mean, inverse);
    }
}

/// y = (x − mean) · inverse · scale + bias; x is y where it is `None`.
#[inline(always)]
fn scaled<S: Simd>(
    s: S,
    row: Row<'_, f32>,
    x: Option<&[f32]>,
    y: &mut [f32],
    mean: f32,
    inverse: f32,
) {
    let (one, zero) = (S::f32s::splat(s, 1.0), S::f32s::splat(s, 0.0));
    let body = y.len() - y.len() % S::f32s::LEN;
    let mut from = vectors::<S>(x, body);
    let mut scales = vectors::<S>(row.scale, body);
    let mut biases = vectors::<S>(row.bias, body);
    for y in y[..body].chunks_exact_mut(S::f32s::LEN) {
        let x = S::f32s::from_slice(s, from.next().unwrap_or(y));
        let (mut scale, mut bias) = (one, zero);
        if let Some(values) = scales.next() {
            scale = S::f32s::from_slice(s, values);
        }
        if let Some(values) = biases.next() {
            bias = S::f32s::from_slice(s, values);
        }
        ((x - mean) * inverse).mul_add(scale, bias).store_slice(y);
    }
    if body < y.len() {
        let x = part_vector(s, &x.unwrap_or(y)[body..], 0.0);
        let (mut scale, mut bias) = (one, zero);
        if let Some(values) = row.scale {
            scale = part_vector(s, &values[body..], 0.0);
        }
        if let Some(values) = row.bias {
            bias = part_vector(s, &values[body..], 0.0);
        }
        let mut padded = [0.0; 16];
        let result = ((x - mean) * inverse).mul_add(scale, bias);
        result.store_slice(&mut padded[..S::f32s::LEN]);
        for (y, result) in y[body..].iter_mut().zip(padded) {
            *y = result;
        }
    }
}

/// The first `len` values, a vector at a time; no vector if there are no values.
#[inline(always)]
fn vectors<S: Simd>(values: Option<&[f32]>, len: usize) -> core::slice::ChunksExact<'_, f32> {
    let values = match values {
        Some(values) => &values[..len],
        None => &[],
    };
    values.chunks_exact(S::f32s::LEN)
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
