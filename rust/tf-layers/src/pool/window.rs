//! Where windows lie, and the one loop that folds what they cover.

use crate::cpu::{Simd, prelude::*};

/// Sliding windows over `D` spatial axes; the geometry that all pooling layers share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window<const D: usize> {
    /// Taps per axis.
    pub kernel_shape: [usize; D],
    /// Steps between neighbouring windows.
    pub strides: [usize; D],
    /// Steps between neighbouring taps.
    pub dilations: [usize; D],
    /// Positions before the image that windows may cover.
    pub pads_begin: [usize; D],
    /// Positions after the image that windows may cover.
    pub pads_end: [usize; D],
    /// Whether a last window that reaches beyond the padded image counts; then one that would begin behind the image
    /// does not.
    pub ceil_mode: bool,
}

impl<const D: usize> Window<D> {
    /// Checks the sizes; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        self.check();
        self
    }

    pub(super) const fn check(&self) {
        assert!(1 <= D && D <= 3, "Window: one to three spatial axes");
        let mut d = 0;
        while d < D {
            assert!(self.kernel_shape[d] > 0, "Window: kernel_shape");
            assert!(self.strides[d] > 0, "Window: strides");
            assert!(self.dilations[d] > 0, "Window: dilations");
            d += 1;
        }
    }

    /// Number of windows per axis over an image of `size`: `⌊(size + pads − reach) / stride⌋ + 1` (rounded up with
    /// `ceil_mode`), where a window reaches over `(kernel − 1) · dilation + 1` positions; 0 where none fits, but 1 if
    /// less than a stride is missing (the quotient is rounded towards zero, as in onnxruntime).
    #[must_use]
    pub const fn output_size(&self, size: [usize; D]) -> [usize; D] {
        let mut out = [0; D];
        let mut d = 0;
        while d < D {
            let padded = size[d] + self.pads_begin[d] + self.pads_end[d];
            let reach = (self.kernel_shape[d] - 1) * self.dilations[d] + 1;
            if padded >= reach {
                let span = padded - reach;
                out[d] = span / self.strides[d] + 1;
                if self.ceil_mode {
                    let inside = (size[d] + self.pads_begin[d]).div_ceil(self.strides[d]);
                    out[d] = span.div_ceil(self.strides[d]) + 1;
                    if out[d] > inside {
                        out[d] = inside;
                    }
                }
            } else if !self.ceil_mode && size[d] > 0 && reach - padded < self.strides[d] {
                out[d] = 1;
            }
            d += 1;
        }
        out
    }

    /// The axes as three, the missing ones (outermost) of size 1.
    fn axes(&self, size: [usize; D]) -> [Axis; 3] {
        let out = self.output_size(size);
        let mut axes = [Axis {
            size: 1,
            out: 1,
            kernel: 1,
            stride: 1,
            dilation: 1,
            begin: 0,
            end: 0,
        }; 3];
        for (d, axis) in axes[3 - D..].iter_mut().enumerate() {
            *axis = Axis {
                size: size[d],
                out: out[d],
                kernel: self.kernel_shape[d],
                stride: self.strides[d],
                dilation: self.dilations[d],
                begin: self.pads_begin[d],
                end: self.pads_end[d],
            };
        }
        axes
    }
}

/// One spatial axis.
#[derive(Debug, Clone, Copy)]
struct Axis {
    size: usize,
    out: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    begin: usize,
    end: usize,
}

/// The part of a window along one axis.
#[derive(Debug, Clone, Copy)]
struct Reach {
    /// Position of the first tap that lies in the image.
    first: usize,
    /// Taps in the image.
    taps: usize,
    /// Taps in the image or its padding.
    padded: usize,
}

impl Axis {
    fn reach(&self, o: usize) -> Reach {
        let start = o * self.stride;
        // Nearly every window lies inside the image: no divisions for those.
        if start >= self.begin && start + (self.kernel - 1) * self.dilation < self.begin + self.size
        {
            return Reach {
                first: start - self.begin,
                taps: self.kernel,
                padded: self.kernel,
            };
        }
        // Tap k lies at start + k · dilation in padded coordinates, where the image is begin..begin + size.
        let below = |limit: usize| {
            limit
                .saturating_sub(start)
                .div_ceil(self.dilation)
                .min(self.kernel)
        };
        let skipped = below(self.begin);
        Reach {
            first: (start + skipped * self.dilation).saturating_sub(self.begin),
            taps: below(self.begin + self.size) - skipped,
            padded: below(self.begin + self.size + self.end),
        }
    }
}

/// A window as the fold sees it: positions of the image, in units of pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taps {
    reach: [Reach; 3],
    dilation: [usize; 3],
    /// Pixels between neighbours along each axis.
    pitch: [usize; 3],
}

impl Taps {
    /// Taps in the image.
    pub(super) fn count(&self) -> usize {
        self.reach.iter().map(|r| r.taps).product()
    }

    /// Taps in the image or its padding.
    pub(super) fn padded(&self) -> usize {
        self.reach.iter().map(|r| r.padded).product()
    }

    /// Calls `f` with the pixel of every tap in the image.
    #[inline(always)]
    pub(super) fn each(&self, mut f: impl FnMut(usize)) {
        let [a, b, c] = self.reach;
        let step: [usize; 3] = core::array::from_fn(|d| self.dilation[d] * self.pitch[d]);
        let mut pa = a.first * self.pitch[0];
        for _ in 0..a.taps {
            let mut pb = pa + b.first * self.pitch[1];
            for _ in 0..b.taps {
                let mut pc = pb + c.first;
                for _ in 0..c.taps {
                    f(pc);
                    pc += step[2];
                }
                pb += step[1];
            }
            pa += step[0];
        }
    }
}

/// What a window computes from its taps, one channel at a time.
pub(super) trait Fold<T>: Copy {
    /// Before the first tap.
    fn first(&self) -> T;
    /// After one more tap.
    fn step(&self, acc: T, x: T) -> T;
    /// What `finish` needs to know of the window.
    fn scale(&self, taps: &Taps) -> T;
    /// After the last tap.
    fn finish(&self, acc: T, scale: T) -> T;
}

/// The same on vectors of channels.
pub(super) trait VectorFold: Fold<f32> {
    fn first_v<S: Simd, V: SimdFloat<S, Element = f32>>(&self, s: S) -> V;
    fn step_v<S: Simd, V: SimdFloat<S, Element = f32>>(&self, s: S, acc: V, x: V) -> V;
    fn finish_v<S: Simd, V: SimdFloat<S, Element = f32>>(&self, s: S, acc: V, scale: f32) -> V;
}

impl<const D: usize> Window<D> {
    /// Calls `f(n, taps, image, pixel)` for every window of every image: `image` is the n-th `[*size, channels]`,
    /// `pixel` is `[channels]` of the output.
    #[inline(always)]
    pub(super) fn each<'a, T, U>(
        &self,
        size: [usize; D],
        channels: usize,
        x: &'a [T],
        y: &mut [U],
        mut f: impl FnMut(usize, &Taps, &'a [T], &mut [U]),
    ) {
        let axes = self.axes(size);
        let image = size.iter().product::<usize>() * channels;
        let outputs = axes.iter().map(|a| a.out).product::<usize>() * channels;
        if outputs == 0 {
            return;
        }
        for (n, y) in y.chunks_exact_mut(outputs).enumerate() {
            let x = &x[n * image..][..image];
            let mut pixels = y.chunks_exact_mut(channels);
            let mut taps = Taps {
                reach: [Reach {
                    first: 0,
                    taps: 0,
                    padded: 0,
                }; 3],
                dilation: axes.map(|a| a.dilation),
                pitch: [axes[1].size * axes[2].size, axes[2].size, 1],
            };
            for a in 0..axes[0].out {
                taps.reach[0] = axes[0].reach(a);
                for b in 0..axes[1].out {
                    taps.reach[1] = axes[1].reach(b);
                    for (c, pixel) in (0..axes[2].out).zip(&mut pixels) {
                        taps.reach[2] = axes[2].reach(c);
                        f(n, &taps, x, pixel);
                    }
                }
            }
        }
    }

    /// Folds every window; any element type.
    #[inline(always)]
    pub(super) fn fold<T: Copy>(
        &self,
        fold: impl Fold<T>,
        size: [usize; D],
        channels: usize,
        x: &[T],
        y: &mut [T],
    ) {
        self.each(size, channels, x, y, |_, taps, x, y| {
            pixel(fold, taps, channels, x, y)
        });
    }

    /// Folds every window of f32, channels in vectors.
    #[inline(always)]
    pub(super) fn fold_f32<S: Simd>(
        &self,
        s: S,
        fold: impl VectorFold,
        size: [usize; D],
        channels: usize,
        x: &[f32],
        y: &mut [f32],
    ) {
        let lanes = S::f32s::LEN;
        self.each(size, channels, x, y, |_, taps, x, y| {
            if channels >= lanes {
                blocks::<S, S::f32s>(s, fold, taps, channels, x, y);
            } else if channels >= 4 {
                blocks::<S, fearless_simd::f32x4<S>>(s, fold, taps, channels, x, y);
            } else {
                match channels {
                    1 => few::<1>(fold, taps, x, y),
                    2 => few::<2>(fold, taps, x, y),
                    _ => few::<3>(fold, taps, x, y),
                }
            }
        });
    }
}

/// One window, channel by channel.
#[inline(always)]
fn pixel<T: Copy>(fold: impl Fold<T>, taps: &Taps, channels: usize, x: &[T], y: &mut [T]) {
    y.fill(fold.first());
    taps.each(
        #[inline(always)]
        |p| {
            for (y, &x) in y.iter_mut().zip(&x[p * channels..][..channels]) {
                *y = fold.step(*y, x);
            }
        },
    );
    let scale = fold.scale(taps);
    for y in y {
        *y = fold.finish(*y, scale);
    }
}

/// One window of one to three channels, in registers.
#[inline(always)]
fn few<const C: usize>(fold: impl Fold<f32>, taps: &Taps, x: &[f32], y: &mut [f32]) {
    let mut acc = [fold.first(); C];
    let pixels = x.as_chunks::<C>().0;
    taps.each(
        #[inline(always)]
        |p| {
            for (acc, &x) in acc.iter_mut().zip(&pixels[p]) {
                *acc = fold.step(*acc, x);
            }
        },
    );
    let scale = fold.scale(taps);
    for (y, acc) in y.iter_mut().zip(acc) {
        *y = fold.finish(acc, scale);
    }
}

/// One window, four vectors of channels at a time, then one; the last overlaps its neighbour so that there is no
/// tail (computing a channel twice gives the same number twice).
#[inline(always)]
fn blocks<S: Simd, V: SimdFloat<S, Element = f32>>(
    s: S,
    fold: impl VectorFold,
    taps: &Taps,
    channels: usize,
    x: &[f32],
    y: &mut [f32],
) {
    let mut c = 0;
    let scale = fold.scale(taps);
    while c + 4 * V::LEN <= channels {
        block::<S, V, 4>(s, fold, taps, scale, c, channels, x, y);
        c += 4 * V::LEN;
    }
    while c < channels {
        c = c.min(channels - V::LEN);
        block::<S, V, 1>(s, fold, taps, scale, c, channels, x, y);
        c += V::LEN;
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "inlined into its only caller")]
fn block<S: Simd, V: SimdFloat<S, Element = f32>, const B: usize>(
    s: S,
    fold: impl VectorFold,
    taps: &Taps,
    scale: f32,
    c: usize,
    channels: usize,
    x: &[f32],
    y: &mut [f32],
) {
    let mut acc = [fold.first_v::<S, V>(s); B];
    taps.each(
        #[inline(always)]
        |p| {
            let x = &x[p * channels + c..][..B * V::LEN];
            for (acc, x) in acc.iter_mut().zip(x.chunks_exact(V::LEN)) {
                *acc = fold.step_v(s, *acc, V::from_slice(s, x));
            }
        },
    );
    for (acc, y) in acc
        .into_iter()
        .zip(y[c..][..B * V::LEN].chunks_exact_mut(V::LEN))
    {
        fold.finish_v(s, acc, scale).store_slice(y);
    }
}
