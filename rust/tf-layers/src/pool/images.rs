//! What pools read.

/// Images, channels last: `[batch, *size, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Images<const D: usize> {
    /// How many.
    pub batch: usize,
    /// Size of each, without its channels.
    pub size: [usize; D],
    /// Numbers of each pixel.
    pub channels: usize,
}

impl<const D: usize> Images<D> {
    /// Pixels of an image.
    pub(super) fn pixels(&self) -> usize {
        self.size.iter().product()
    }

    /// The images with all their pixels in one line.
    pub(super) fn flat(&self) -> Images<1> {
        Images {
            batch: self.batch,
            size: [self.pixels()],
            channels: self.channels,
        }
    }
}
