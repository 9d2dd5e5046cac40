//! Largest element of each window.

use super::images::Images;
use super::lines::{self, VectorFold};
use super::window::{self, Axis, Fold, Taps};
use crate::cpu::{Cpu, SMALL, Simd, dispatch, prelude::*};
use crate::image::windowed;

/// Element types of [`MaxPool`]: f32, f64 and the 8-bit integers.
pub trait MaxElement: Copy + PartialOrd {
    /// Below or equal to everything.
    const LOWEST: Self;
    /// The least finite value: what a window without a tap in the image gives, as in onnxruntime.
    const LEAST: Self;

    #[doc(hidden)]
    fn max_pool(cpu: Cpu, axes: &[Axis; 3], channels: usize, x: &[Self], y: &mut [Self]) {
        dispatch!(cpu.level, s => {
            let _ = s;
            window::fold(Largest, axes, channels, x, y);
        });
    }
}

impl MaxElement for f32 {
    const LOWEST: Self = f32::NEG_INFINITY;
    const LEAST: Self = f32::MIN;

    fn max_pool(cpu: Cpu, axes: &[Axis; 3], channels: usize, x: &[Self], y: &mut [Self]) {
        if SMALL {
            window::fold(Largest, axes, channels, x, y);
        } else {
            lines::fold(cpu, Largest, axes, channels, x, y);
        }
    }
}

impl MaxElement for f64 {
    const LOWEST: Self = f64::NEG_INFINITY;
    const LEAST: Self = f64::MIN;
}

impl MaxElement for i8 {
    const LOWEST: Self = i8::MIN;
    const LEAST: Self = i8::MIN;
}

impl MaxElement for u8 {
    const LOWEST: Self = u8::MIN;
    const LEAST: Self = u8::MIN;
}

/// max(a, b); NaN if either is. What onnxruntime gives for NaN beside numbers depends on their order, the channels and the processor; a NaN
/// that a model has computed must not vanish.
#[inline(always)]
pub(super) fn larger<T: MaxElement>(a: T, b: T) -> T {
    if a > b || is_nan(a) { a } else { b }
}

#[inline(always)]
#[expect(clippy::eq_op, reason = "what makes NaN what it is")]
fn is_nan<T: MaxElement>(x: T) -> bool {
    x != x
}

#[derive(Debug, Clone, Copy)]
struct Largest;

impl<T: MaxElement> Fold<T> for Largest {
    #[inline(always)]
    fn first(&self) -> T {
        T::LOWEST
    }

    #[inline(always)]
    fn step(&self, acc: T, x: T) -> T {
        larger(acc, x)
    }

    #[inline(always)]
    fn scale(&self, taps: &Taps) -> T {
        if taps.count() == 0 {
            T::LEAST
        } else {
            T::LOWEST
        }
    }

    #[inline(always)]
    fn finish(&self, acc: T, scale: T) -> T {
        larger(acc, scale)
    }
}

impl VectorFold for Largest {
    #[inline(always)]
    fn unfinished(&self) -> f32 {
        f32::LOWEST
    }

    #[inline(always)]
    fn first_v<S: Simd, V: SimdFloat<S, Element = f32>>(&self, s: S) -> V {
        V::splat(s, f32::LOWEST)
    }

    #[inline(always)]
    fn step_v<S: Simd, V: SimdFloat<S, Element = f32>>(&self, _s: S, acc: V, x: V) -> V {
        // x86's maximum takes the second operand where one is NaN, Arm's the NaN: so a NaN in `acc` stays, and one in `x` must be put there.
        if cfg!(any(
            target_arch = "x86",
            target_arch = "x86_64",
            target_arch = "aarch64"
        )) {
            x.simd_eq(x).select(x.max(acc), x)
        } else {
            (x.simd_gt(acc) | !x.simd_eq(x)).select(x, acc)
        }
    }

    #[inline(always)]
    fn finish_v<S: Simd, V: SimdFloat<S, Element = f32>>(&self, s: S, acc: V, scale: f32) -> V {
        self.step_v(s, acc, V::splat(s, scale))
    }
}

windowed! {
    /// y = max over each window; ONNX `MaxPool` without its second output.
    ///
    /// x `[batch, *size, channels]`, y `[batch, *output_size, channels]`. A window that holds NaN gives NaN; one without a tap in the image
    /// gives the least finite value of the type.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct MaxPool<const D: usize> {
        ..geometry over x with ceil_mode,
    }
}

impl<const D: usize> MaxPool<D> {
    /// Checks the parameters; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.geometry().check() > 0, "a window has a tap");
        self
    }

    /// y = max over each window of x.
    pub fn run<T: MaxElement>(&self, cpu: Cpu, images: Images<D>, x: &[T], y: &mut [T]) {
        let (axes, x, y) = self.geometry().parts(images, x, y);
        T::max_pool(cpu, &axes, images.channels, x, y);
    }
}

windowed! {
    /// y = max over each window, and where it was found; ONNX `MaxPool` with both outputs.
    ///
    /// Indices count elements of the input as ONNX lays it out, `[batch, channels, *size]`, flattened: row-major, or with
    /// `column_major` (`storage_order = 1`) the *spatial* axes in column-major order. The first of equal elements (in
    /// row-major order of the window) counts, and the first NaN before all numbers; a window without a tap in the image gives −1.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct MaxPoolIndices<const D: usize> {
        ..geometry over x with ceil_mode,
        /// How the spatial axes are numbered.
        pub column_major: bool,
    }
}

impl<const D: usize> MaxPoolIndices<D> {
    /// Checks the parameters; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.geometry().check() > 0, "a window has a tap");
        self
    }

    /// y = max over each window of x, `indices` where; both `[batch, *output_size, channels]`.
    pub fn run<T: MaxElement>(
        &self,
        _cpu: Cpu,
        images: Images<D>,
        x: &[T],
        y: &mut [T],
        indices: &mut [i64],
    ) {
        let (axes, x, y) = self.geometry().parts(images, x, y);
        let (channels, size, positions) = (images.channels, images.size, images.pixels());
        let mut found = indices[..y.len()].chunks_exact_mut(channels.max(1));
        window::each(&axes, channels, x, y, |image, taps, x, y| {
            let found = found.next().unwrap_or_default();
            y.fill(T::LEAST);
            found.fill(-1);
            taps.each(|p| {
                let number = self.number(size, p);
                let pixel = &x[p * channels..][..channels];
                for (c, ((y, found), &x)) in
                    y.iter_mut().zip(found.iter_mut()).zip(pixel).enumerate()
                {
                    if *found < 0 || x > *y || (is_nan(x) && !is_nan(*y)) {
                        *y = x;
                        *found = ((image * channels + c) * positions + number) as i64;
                    }
                }
            });
        });
    }

    /// Number of the pixel at row-major position `p`.
    fn number(&self, size: [usize; D], mut p: usize) -> usize {
        if !self.column_major {
            return p;
        }
        let mut index = [0; D];
        for (i, n) in index.iter_mut().zip(size).rev() {
            (*i, p) = (p % n, p / n);
        }
        index
            .iter()
            .zip(size)
            .rev()
            .fold(0, |sum, (i, n)| sum * n + i)
    }
}
