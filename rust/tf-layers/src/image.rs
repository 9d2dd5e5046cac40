//! Windows over images, brought to three spatial axes.

/// Images of one size, channels last: `[batch, *size, channels]` for the channels that a layer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageStack<const D: usize> {
    /// How many.
    pub batch: usize,
    /// Size of each, without its channels.
    pub size: [usize; D],
}

/// `values` behind as many `filler`s as make three.
pub(crate) fn three<const D: usize>(values: [usize; D], filler: usize) -> [usize; 3] {
    let mut three = [filler; 3];
    three[3 - D..].copy_from_slice(&values);
    three
}

/// Checks what every convolution must have and returns the number of taps.
pub(crate) const fn checked<const D: usize>(
    kernel_shape: &[usize; D],
    strides: &[usize; D],
    dilations: &[usize; D],
) -> usize {
    assert!(
        1 <= D && D <= 3,
        "a convolution has one to three spatial axes"
    );
    let (mut taps, mut i) = (1, 0);
    while i < D {
        assert!(strides[i] > 0, "a stride is positive");
        assert!(dilations[i] > 0, "a dilation is positive");
        taps *= kernel_shape[i];
        i += 1;
    }
    taps
}

/// Checks that groups of channels are equal parts of x's and of y's.
pub(crate) const fn checked_groups(group: usize, inputs: usize, outputs: usize) {
    assert!(group > 0, "a convolution has one group at least");
    assert!(inputs.is_multiple_of(group), "groups divide x's channels");
    assert!(outputs.is_multiple_of(group), "groups divide y's channels");
}

/// Checks that there is one bias an output.
pub(crate) const fn checked_bias(bias: Option<&[f32]>, outputs: usize) {
    if let Some(bias) = bias {
        assert!(bias.len() == outputs, "a bias has y's channels");
    }
}

/// Pads of ONNX's `SAME`: as many zeros as ⌈size / stride⌉ windows need, the smaller half first. None where there is no pixel.
pub(crate) fn same<const D: usize>(
    size: [usize; D],
    kernel_shape: [usize; D],
    strides: [usize; D],
    dilations: [usize; D],
) -> ([usize; D], [usize; D]) {
    let (mut small, mut large) = ([0; D], [0; D]);
    for i in 0..D {
        // What the last window begins at, where it ends, and how much of that is behind the image.
        if let Some(last) = size[i].checked_sub(1) {
            let start = last / strides[i] * strides[i];
            let end = start + dilations[i] * (kernel_shape[i] - 1) + 1;
            let total = end.saturating_sub(size[i]);
            (small[i], large[i]) = (total / 2, total - total / 2);
        }
    }
    (small, large)
}

/// The methods of layers with windows that choose their pads by the image.
#[cfg(any(feature = "conv", feature = "integer", feature = "pool"))]
macro_rules! same_pads {
    () => {
        /// The layer with ONNX's `SAME_UPPER` pads for images of this size: ⌈size / stride⌉ outputs, an odd pad behind the image.
        #[must_use]
        pub fn same_upper(mut self, size: [usize; D]) -> Self {
            (self.pads_begin, self.pads_end) =
                crate::image::same(size, self.kernel_shape, self.strides, self.dilations);
            self
        }

        /// The layer with ONNX's `SAME_LOWER` pads for images of this size: ⌈size / stride⌉ outputs, an odd pad before the image.
        #[must_use]
        pub fn same_lower(mut self, size: [usize; D]) -> Self {
            (self.pads_end, self.pads_begin) =
                crate::image::same(size, self.kernel_shape, self.strides, self.dilations);
            self
        }
    };
}
#[cfg(any(feature = "conv", feature = "integer", feature = "pool"))]
pub(crate) use same_pads;

/// What moves over an image, of the layers that have the fields of a convolution.
#[cfg(any(feature = "conv", feature = "integer"))]
macro_rules! window {
    () => {
        fn window(&self, size: [usize; D]) -> crate::image::Window {
            use crate::image::three;
            crate::image::Window {
                size: three(size, 1),
                kernel: three(self.kernel_shape, 1),
                strides: three(self.strides, 1),
                dilations: three(self.dilations, 1),
                begin: three(self.pads_begin, 0),
                end: three(self.pads_end, 0),
            }
        }
    };
}
#[cfg(any(feature = "conv", feature = "integer"))]
pub(crate) use window;

/// A kernel that moves over an image of `size` pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub size: [usize; 3],
    pub kernel: [usize; 3],
    pub strides: [usize; 3],
    pub dilations: [usize; 3],
    pub begin: [usize; 3],
    pub end: [usize; 3],
}

impl Window {
    /// Pixels of the image.
    pub(crate) fn pixels(&self) -> usize {
        self.size.iter().product()
    }

    /// Whether there is padding.
    pub(crate) fn is_padded(&self) -> bool {
        self.begin != [0; 3] || self.end != [0; 3]
    }

    /// The image's size with its padding.
    pub(crate) fn padded(&self) -> [usize; 3] {
        core::array::from_fn(|i| self.begin[i] + self.size[i] + self.end[i])
    }

    /// Pixels with padding.
    pub(crate) fn padded_pixels(&self) -> usize {
        self.padded().iter().product()
    }

    /// Positions of the kernel along each axis; 0 where it does not fit.
    pub(crate) fn output(&self) -> [usize; 3] {
        let padded = self.padded();
        core::array::from_fn(|i| {
            let reach = self.dilations[i] * (self.kernel[i].max(1) - 1) + 1;
            padded[i]
                .checked_sub(reach)
                .map_or(0, |free| free / self.strides[i] + 1)
        })
    }

    /// The pixel under a tap of the kernel at a place of the output; none in the padding.
    #[cfg(feature = "integer")]
    #[inline(always)]
    pub(crate) fn place(&self, at: [usize; 3], tap: [usize; 3]) -> Option<usize> {
        let mut pixel = 0;
        for i in 0..3 {
            let place = at[i] * self.strides[i] + tap[i] * self.dilations[i];
            let place = place.wrapping_sub(self.begin[i]);
            if place >= self.size[i] {
                return None;
            }
            pixel = pixel * self.size[i] + place;
        }
        Some(pixel)
    }

    /// Copies an image of `channels` channels into `to`, with zeros around it, or what stands for them.
    pub(crate) fn pad<T: Copy>(&self, x: &[T], channels: usize, zero: T, to: &mut [T]) {
        let [depth, height, width] = self.size;
        let (line, padded) = (width * channels, self.padded());
        let padded_line = padded[2] * channels;
        let left = self.begin[2] * channels;
        let mut lines =
            to[..padded.iter().product::<usize>() * channels].chunks_exact_mut(padded_line.max(1));
        for z in 0..padded[0] {
            for y in 0..padded[1] {
                let Some(to) = lines.next() else { return };
                let (z, y) = (z.wrapping_sub(self.begin[0]), y.wrapping_sub(self.begin[1]));
                if z < depth && y < height {
                    to[..left].fill(zero);
                    to[left..left + line].copy_from_slice(&x[(z * height + y) * line..][..line]);
                    to[left + line..].fill(zero);
                } else {
                    to.fill(zero);
                }
            }
        }
    }
}
