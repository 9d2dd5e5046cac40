//! Where windows lie, and the loop that folds what they cover, for any element type.

use super::images::Images;
use crate::image::Geometry;
use core::ops::Range;

impl<const D: usize> Geometry<D> {
    /// The axes of images, and the parts of x and y that are theirs.
    pub(super) fn parts<'a, X, Y>(
        &self,
        images: Images<D>,
        x: &'a [X],
        y: &'a mut [Y],
    ) -> ([Axis; 3], &'a [X], &'a mut [Y]) {
        let axes = self.axes(images.size);
        let rows = images.batch * images.channels;
        let windows = axes.iter().map(|axis| axis.out).product::<usize>();
        (axes, &x[..rows * images.pixels()], &mut y[..rows * windows])
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
pub struct Axis {
    pub size: usize,
    pub out: usize,
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    pub begin: usize,
    pub end: usize,
}

/// The part of a window along one axis.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    /// Position of the first tap that lies in the image.
    first: usize,
    /// Taps in the image.
    taps: usize,
    /// Taps in the image or its padding.
    padded: usize,
}

impl Axis {
    /// Positions from a window's first tap to its last.
    pub(super) fn span(&self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// The windows that lie inside the image.
    pub(super) fn inside(&self) -> Range<usize> {
        let first = self.begin.div_ceil(self.stride);
        let end = (self.begin + self.size)
            .checked_sub(self.span())
            .map_or(0, |free| free / self.stride + 1);
        first..end.min(self.out)
    }

    /// `windows` in ranges that differ in nothing but where they lie: all that are inside the image, and each of the others.
    pub(super) fn alike(&self, windows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let inside = self.inside();
        let mut next = windows.start;
        core::iter::from_fn(move || {
            let start = next;
            next = if inside.contains(&start) {
                inside.end.min(windows.end)
            } else {
                start + 1
            };
            (start < windows.end).then_some(start..next)
        })
    }

    pub(super) fn reach(&self, o: usize) -> Reach {
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
    pub reach: [Reach; 3],
    dilation: [usize; 3],
    /// Pixels between neighbours along each axis.
    pitch: [usize; 3],
}

impl Taps {
    /// Taps in the image.
    pub(super) fn count(&self) -> usize {
        self.reach.iter().map(|r| r.taps).product()
    }

    /// Taps along the outer axes, in the image and in the image or its padding.
    pub(super) fn sides(&self) -> [[usize; 2]; 2] {
        let [a, b, _] = self.reach;
        [[a.taps, a.padded], [b.taps, b.padded]]
    }

    /// Taps in the image or its padding.
    pub(super) fn padded(&self) -> usize {
        self.reach.iter().map(|r| r.padded).product()
    }

    /// The first element of the taps in the image, and for each axis their number and distance; in elements of x.
    pub(super) fn runs(&self, channels: usize) -> (usize, [(usize, usize); 3]) {
        let (mut first, mut steps) = (0, [(0, 0); 3]);
        for (d, step) in steps.iter_mut().enumerate() {
            let pitch = self.pitch[d] * channels;
            first += self.reach[d].first * pitch;
            *step = (self.reach[d].taps, self.dilation[d] * pitch);
        }
        (first, steps)
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

/// Calls `f(n, taps, image, line)` for every line of windows; of `taps` the last axis is still open.
#[inline(always)]
pub(super) fn each_line<'a, T, U>(
    axes: &[Axis; 3],
    channels: usize,
    x: &'a [T],
    y: &mut [U],
    mut f: impl FnMut(usize, Taps, &'a [T], &mut [U]),
) {
    let image = axes.iter().map(|a| a.size).product::<usize>() * channels;
    let line = axes[2].out * channels;
    let outputs = axes[0].out * axes[1].out * line;
    if outputs == 0 {
        return;
    }
    let none = Reach {
        first: 0,
        taps: 0,
        padded: 0,
    };
    for (n, y) in y.chunks_exact_mut(outputs).enumerate() {
        let x = &x[n * image..][..image];
        for (i, y) in y.chunks_exact_mut(line).enumerate() {
            let (a, b) = (i / axes[1].out, i % axes[1].out);
            let taps = Taps {
                reach: [axes[0].reach(a), axes[1].reach(b), none],
                dilation: axes.map(|a| a.dilation),
                pitch: [axes[1].size * axes[2].size, axes[2].size, 1],
            };
            f(n, taps, x, y);
        }
    }
}

/// Calls `f(n, taps, image, pixel)` for every window of every image: `image` is the n-th `[*size, channels]`,
/// `pixel` is `[channels]` of the output.
#[inline(always)]
pub(super) fn each<'a, T, U>(
    axes: &[Axis; 3],
    channels: usize,
    x: &'a [T],
    y: &mut [U],
    mut f: impl FnMut(usize, &Taps, &'a [T], &mut [U]),
) {
    each_line(axes, channels, x, y, |n, mut taps, x, line| {
        for (c, pixel) in line.chunks_exact_mut(channels).enumerate() {
            taps.reach[2] = axes[2].reach(c);
            f(n, &taps, x, pixel);
        }
    });
}

/// Folds every window; any element type.
#[inline(always)]
pub(super) fn fold<T: Copy>(
    fold: impl Fold<T>,
    axes: &[Axis; 3],
    channels: usize,
    x: &[T],
    y: &mut [T],
) {
    each(axes, channels, x, y, |_, taps, x, y| {
        pixel(fold, taps, channels, x, y)
    });
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
