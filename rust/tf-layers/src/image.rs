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
pub(crate) const fn three<const D: usize>(values: [usize; D], filler: usize) -> [usize; 3] {
    let (mut three, mut i) = ([filler; 3], 0);
    while i < D {
        three[3 - D + i] = values[i];
        i += 1;
    }
    three
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

/// How a window moves over `D` spatial axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry<const D: usize> {
    /// Taps along each axis.
    pub kernel_shape: [usize; D],
    /// Steps between neighbouring windows.
    pub strides: [usize; D],
    /// Steps between neighbouring taps.
    pub dilations: [usize; D],
    /// Positions before the image that windows may cover.
    pub pads_begin: [usize; D],
    /// Positions after the image that windows may cover.
    pub pads_end: [usize; D],
    /// Whether a last window that reaches beyond the padded image counts (not of convolutions); then one that would begin behind the
    /// image does not.
    pub ceil_mode: bool,
}

impl<const D: usize> Geometry<D> {
    /// Checks what every layer with windows must have and returns the number of taps.
    pub(crate) const fn check(&self) -> usize {
        assert!(1 <= D && D <= 3, "windows have one to three spatial axes");
        let (mut taps, mut i) = (1, 0);
        while i < D {
            assert!(self.strides[i] > 0, "a stride is positive");
            assert!(self.dilations[i] > 0, "a dilation is positive");
            taps *= self.kernel_shape[i];
            i += 1;
        }
        taps
    }

    /// Number of windows per axis over an image of `size`: `(size + pads − reach) / stride + 1`, the quotient rounded down or with
    /// `ceil_mode` up, where a window reaches over `(kernel − 1) · dilation + 1` positions.
    ///
    /// Where the first window reaches beyond the padded image by less than a stride it is the only one, in both modes; by more, there is
    /// none. That is onnxruntime's count: it rounds towards zero. ONNX' reference evaluator gives no window without `ceil_mode`.
    #[must_use]
    pub const fn output_size(&self, size: [usize; D]) -> [usize; D] {
        let mut out = [0; D];
        let mut d = 0;
        while d < D {
            let stride = self.strides[d];
            let padded = size[d] + self.pads_begin[d] + self.pads_end[d];
            let reach = (self.kernel_shape[d] - 1) * self.dilations[d] + 1;
            out[d] = if padded < reach {
                (reach - padded < stride) as usize
            } else if self.ceil_mode {
                (padded - reach).div_ceil(stride) + 1
            } else {
                (padded - reach) / stride + 1
            };
            if self.ceil_mode {
                let inside = (size[d] + self.pads_begin[d]).div_ceil(stride);
                if out[d] > inside {
                    out[d] = inside;
                }
            }
            d += 1;
        }
        out
    }

    /// Pads of ONNX's `SAME`: as many zeros as ⌈size / stride⌉ windows need, the smaller half first. None where there is no pixel.
    pub(crate) const fn same(&self, size: [usize; D]) -> ([usize; D], [usize; D]) {
        let (mut small, mut large, mut i) = ([0; D], [0; D], 0);
        while i < D {
            // What the last window begins at, where it ends, and how much of that is behind the image.
            if let Some(last) = size[i].checked_sub(1) {
                let start = last / self.strides[i] * self.strides[i];
                let end = start + self.dilations[i] * (self.kernel_shape[i] - 1) + 1;
                let total = end.saturating_sub(size[i]);
                (small[i], large[i]) = (total / 2, total - total / 2);
            }
            i += 1;
        }
        (small, large)
    }

    /// The same over an image of `size`, brought to three axes.
    pub(crate) const fn over(&self, size: [usize; D]) -> Window {
        Window {
            size: three(size, 1),
            kernel: three(self.kernel_shape, 1),
            strides: three(self.strides, 1),
            dilations: three(self.dilations, 1),
            begin: three(self.pads_begin, 0),
            end: three(self.pads_end, 0),
        }
    }
}

/// A layer whose windows move as the fields of a [`Geometry`] say, which stand in the place of `..geometry`: over x, or over y if each
/// element of x has one there. `with` them, `ceil_mode`.
#[cfg(any(feature = "conv", feature = "integer", feature = "pool"))]
macro_rules! windowed {
    (@pads x) => {
        /// The layer with ONNX's `SAME_UPPER` pads for images of this size: ⌈size / stride⌉ outputs, an odd pad behind the image.
        #[must_use]
        pub const fn same_upper(mut self, size: [usize; D]) -> Self {
            (self.pads_begin, self.pads_end) = self.geometry().same(size);
            self
        }

        /// The layer with ONNX's `SAME_LOWER` pads for images of this size: ⌈size / stride⌉ outputs, an odd pad before the image.
        #[must_use]
        pub const fn same_lower(mut self, size: [usize; D]) -> Self {
            (self.pads_end, self.pads_begin) = self.geometry().same(size);
            self
        }
    };
    (@pads y) => {};
    (
        $(#[$about:meta])*
        pub struct $layer:ident<$($lifetime:lifetime,)? const D: usize> {
            $($(#[$before_about:meta])* pub $before:ident: $before_type:ty,)*
            ..geometry over $image:ident $(with $ceil_mode:ident)?,
            $($(#[$after_about:meta])* pub $after:ident: $after_type:ty,)*
        }
    ) => {
        $(#[$about])*
        pub struct $layer<$($lifetime,)? const D: usize> {
            $($(#[$before_about])* pub $before: $before_type,)*
            /// Taps along each axis.
            pub kernel_shape: [usize; D],
            /// Steps between neighbouring windows.
            pub strides: [usize; D],
            /// Steps between neighbouring taps.
            pub dilations: [usize; D],
            /// Positions before the image that windows may cover.
            pub pads_begin: [usize; D],
            /// Positions after the image that windows may cover.
            pub pads_end: [usize; D],
            $(
                /// As [`Geometry::ceil_mode`](crate::image::Geometry::ceil_mode).
                pub $ceil_mode: bool,
            )?
            $($(#[$after_about])* pub $after: $after_type,)*
        }

        impl<$($lifetime,)? const D: usize> $layer<$($lifetime,)? D> {
            /// How the windows move.
            #[must_use]
            pub const fn geometry(&self) -> crate::image::Geometry<D> {
                crate::image::Geometry {
                    kernel_shape: self.kernel_shape,
                    strides: self.strides,
                    dilations: self.dilations,
                    pads_begin: self.pads_begin,
                    pads_end: self.pads_end,
                    ceil_mode: false $(|| self.$ceil_mode)?,
                }
            }

            $crate::image::windowed!(@pads $image);
        }
    };
}
#[cfg(any(feature = "conv", feature = "integer", feature = "pool"))]
pub(crate) use windowed;

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
    pub(crate) const fn pixels(&self) -> usize {
        self.size[0] * self.size[1] * self.size[2]
    }

    /// Whether there is padding.
    pub(crate) const fn is_padded(&self) -> bool {
        !matches!((self.begin, self.end), ([0, 0, 0], [0, 0, 0]))
    }

    /// The image's size with its padding.
    pub(crate) const fn padded(&self) -> [usize; 3] {
        let (size, begin, end) = (self.size, self.begin, self.end);
        [
            begin[0] + size[0] + end[0],
            begin[1] + size[1] + end[1],
            begin[2] + size[2] + end[2],
        ]
    }

    /// Pixels with padding.
    pub(crate) const fn padded_pixels(&self) -> usize {
        let [depth, height, width] = self.padded();
        depth * height * width
    }

    /// Elements of a copy with zeros around it; none where the image is read where it lies.
    #[cfg(feature = "conv")]
    pub(crate) const fn copy_len(&self, channels: usize) -> usize {
        if self.is_padded() {
            self.padded_pixels() * channels
        } else {
            0
        }
    }

    /// Positions of the kernel along each axis; 0 where it does not fit.
    pub(crate) const fn output(&self) -> [usize; 3] {
        let (mut output, mut i) = (self.padded(), 0);
        while i < 3 {
            let reach = self.dilations[i] * self.kernel[i].saturating_sub(1) + 1;
            output[i] = match output[i].checked_sub(reach) {
                Some(free) => free / self.strides[i] + 1,
                None => 0,
            };
            i += 1;
        }
        output
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
        let line = self.size[2] * channels;
        let left = self.begin[2] * channels;
        self.each_line(
            channels,
            to,
            #[inline(always)]
            |number, to| match number {
                Some(number) => {
                    to[..left].fill(zero);
                    to[left..left + line].copy_from_slice(&x[number * line..][..line]);
                    to[left + line..].fill(zero);
                }
                None => to.fill(zero),
            },
        );
    }

    /// [`pad`](Self::pad) where the zeros are there already.
    #[cfg(feature = "conv")]
    pub(crate) fn copy_inside(&self, x: &[f32], channels: usize, to: &mut [f32]) {
        let line = self.size[2] * channels;
        let left = self.begin[2] * channels;
        self.each_line(
            channels,
            to,
            #[inline(always)]
            |number, to| {
                if let Some(number) = number {
                    // By constant lengths: a call of memcpy takes longer than a short line.
                    let (from, from_rest) = x[number * line..][..line].as_chunks::<8>();
                    let (to, to_rest) = to[left..left + line].as_chunks_mut::<8>();
                    for (to, from) in to.iter_mut().zip(from) {
                        *to = *from;
                    }
                    for (to, from) in to_rest.iter_mut().zip(from_rest) {
                        *to = *from;
                    }
                }
            },
        );
    }

    /// Calls `f` with every line of the padded image `to`, and its number in the image if it is one of its lines.
    #[inline(always)]
    fn each_line<T>(
        &self,
        channels: usize,
        to: &mut [T],
        mut f: impl FnMut(Option<usize>, &mut [T]),
    ) {
        let ([depth, height, _], padded) = (self.size, self.padded());
        let mut lines = to[..padded.iter().product::<usize>() * channels]
            .chunks_exact_mut((padded[2] * channels).max(1));
        for z in 0..padded[0] {
            for y in 0..padded[1] {
                let Some(to) = lines.next() else { return };
                let (z, y) = (z.wrapping_sub(self.begin[0]), y.wrapping_sub(self.begin[1]));
                f((z < depth && y < height).then(|| z * height + y), to);
            }
        }
    }
}
