//! Means and p-norms of windows.

use super::images::Images;
use super::lines::{self, VectorFold};
use super::window::{self, Axis, Fold, Taps};
use crate::cpu::{Cpu, SMALL, Simd, dispatch, prelude::*};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::image::windowed;

#[derive(Debug, Clone, Copy)]
struct Mean {
    count_include_pad: bool,
}

impl Mean {
    #[inline(always)]
    fn count(&self, taps: &Taps) -> usize {
        if self.count_include_pad {
            taps.padded()
        } else {
            taps.count()
        }
    }
}

macro_rules! mean {
    ($($t:ty),*) => {$(
        impl Fold<$t> for Mean {
            #[inline(always)]
            fn first(&self) -> $t {
                0.0
            }

            #[inline(always)]
            fn step(&self, acc: $t, x: $t) -> $t {
                acc + x
            }

            #[inline(always)]
            fn scale(&self, taps: &Taps) -> $t {
                // The mean of nothing is 0, as in onnxruntime.
                match self.count(taps) {
                    0 => 0.0,
                    count => 1.0 / count as $t,
                }
            }

            // A division takes as long as ten multiplications; this errs by one ULP more.
            #[inline(always)]
            fn finish(&self, acc: $t, scale: $t) -> $t {
                acc * scale
            }
        }
    )*};
}
mean!(f32, f64);

impl VectorFold for Mean {
    #[inline(always)]
    fn unfinished(&self) -> f32 {
        1.0
    }

    #[inline(always)]
    fn first_v<S: Simd, V: SimdFloat<S, Element = f32>>(&self, s: S) -> V {
        V::splat(s, 0.0)
    }

    #[inline(always)]
    fn step_v<S: Simd, V: SimdFloat<S, Element = f32>>(&self, _s: S, acc: V, x: V) -> V {
        acc + x
    }

    #[inline(always)]
    fn finish_v<S: Simd, V: SimdFloat<S, Element = f32>>(&self, s: S, acc: V, scale: f32) -> V {
        acc * V::splat(s, scale)
    }
}

/// Element types of [`AveragePool`].
pub trait MeanElement: Copy {
    #[doc(hidden)]
    fn average_pool(
        cpu: Cpu,
        count_include_pad: bool,
        axes: &[Axis; 3],
        channels: usize,
        x: &[Self],
        y: &mut [Self],
    );
}

impl MeanElement for f32 {
    fn average_pool(
        cpu: Cpu,
        count_include_pad: bool,
        axes: &[Axis; 3],
        channels: usize,
        x: &[Self],
        y: &mut [Self],
    ) {
        let mean = Mean { count_include_pad };
        if SMALL {
            window::fold(mean, axes, channels, x, y);
        } else {
            lines::fold(cpu, mean, axes, channels, x, y);
        }
    }
}

impl MeanElement for f64 {
    #[inline]
    fn average_pool(
        cpu: Cpu,
        count_include_pad: bool,
        axes: &[Axis; 3],
        channels: usize,
        x: &[Self],
        y: &mut [Self],
    ) {
        let mean = Mean { count_include_pad };
        dispatch!(cpu.level, s => {
            let _ = s;
            window::fold(mean, axes, channels, x, y);
        });
    }
}

windowed! {
    /// y = mean over each window; ONNX `AveragePool`.
    ///
    /// x `[batch, *size, channels]`, y `[batch, *output_size, channels]`. The sum of the taps in the image is divided by
    /// their number, or with `count_include_pad` by the number of taps in the image and its padding (what `ceil_mode`
    /// lets reach beyond the padding never counts); without any the mean is 0.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AveragePool<const D: usize> {
        ..geometry over x with ceil_mode,
        /// Whether taps in the padding count as zeros.
        pub count_include_pad: bool,
    }
}

impl<const D: usize> AveragePool<D> {
    /// Checks the parameters; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.geometry().check() > 0, "a window has a tap");
        self
    }

    /// y = mean over each window of x.
    pub fn run<T: MeanElement>(&self, cpu: Cpu, images: Images<D>, x: &[T], y: &mut [T]) {
        let (axes, x, y) = self.geometry().parts(images, x, y);
        T::average_pool(cpu, self.count_include_pad, &axes, images.channels, x, y);
    }
}

/// Σ|x|^p, with the cases that need no power function as variants of their own.
#[derive(Debug, Clone, Copy)]
enum Norm {
    One,
    Two,
    P(f32),
}

impl Norm {
    fn new(p: u32) -> Self {
        match p {
            1 => Norm::One,
            2 => Norm::Two,
            p => Norm::P(p as f32),
        }
    }

    #[inline(always)]
    fn add(self, acc: f32, x: f32) -> f32 {
        match self {
            Norm::One => acc + x.abs(),
            Norm::Two => acc + x * x,
            Norm::P(p) => acc + x.abs().powf(p),
        }
    }

    #[inline(always)]
    fn root(self, acc: f32) -> f32 {
        match self {
            Norm::One => acc,
            Norm::Two => acc.sqrt(),
            Norm::P(p) => acc.powf(1.0 / p),
        }
    }
}

impl Fold<f32> for Norm {
    #[inline(always)]
    fn first(&self) -> f32 {
        0.0
    }

    #[inline(always)]
    fn step(&self, acc: f32, x: f32) -> f32 {
        self.add(acc, x)
    }

    #[inline(always)]
    fn scale(&self, _taps: &Taps) -> f32 {
        1.0
    }

    #[inline(always)]
    fn finish(&self, acc: f32, _scale: f32) -> f32 {
        self.root(acc)
    }
}

windowed! {
    /// y = (Σ |x|^p)^(1/p) over each window; ONNX `LpPool`.
    ///
    /// x `[batch, *size, channels]`, y `[batch, *output_size, channels]`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct LpPool<const D: usize> {
        ..geometry over x with ceil_mode,
        /// The exponent, at least 1.
        pub p: u32,
    }
}

impl<const D: usize> LpPool<D> {
    /// Checks the parameters; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.p > 0, "LpPool: p");
        assert!(self.geometry().check() > 0, "a window has a tap");
        self
    }

    /// y = p-norm of each window of x.
    pub fn run(&self, cpu: Cpu, images: Images<D>, x: &[f32], y: &mut [f32]) {
        let (axes, x, y) = self.geometry().parts(images, x, y);
        let norm = Norm::new(self.p);
        dispatch!(cpu.level, s => {
            let _ = s;
            window::fold(norm, &axes, images.channels, x, y);
        });
    }
}

/// Σ|x|^p and its root for the global layer.
pub(super) fn lp(p: u32) -> (impl Fn(f32, f32) -> f32 + Copy, impl Fn(f32) -> f32 + Copy) {
    let norm = Norm::new(p);
    (move |acc, x| norm.add(acc, x), move |acc| norm.root(acc))
}
