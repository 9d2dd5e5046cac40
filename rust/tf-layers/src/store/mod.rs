//! Weights in one file, laid out for the kernels, which a program reads at start or holds as bytes.
//!
//! A build script writes the file ([`build::store`](crate::build::store)), [`weights!`](crate::weights) reads it. The kernels'
//! layouts were made by the build: reading is copying, or, where 16-bit floats or 8-bit integers stand for f32, one multiplication an
//! element. All numbers are in the byte order of the machine that the build was for.
//!
//! | bytes | what |
//! |---|---|
//! | 0–8 | [`MAGIC`] |
//! | 8–16 | [`VERSION`] of this format |
//! | 16–24 | the layout: a hash of what stands where, the same for all weights of a model |
//! | 24–32 | the checksum of the archive that the weights are from |
//! | 32–40 | how many bytes follow the header |
//! | 40–48 | [`checksum`](sum::Sum) of those bytes |
//! | 48–56 | 0 |
//! | 56–64 | the checksum of the 56 bytes before it |
//! | 64– | the tensors one behind the other, each from a cache line on: first its scales, if it has any, then its elements |

mod error;
mod line;
mod read;
pub mod sum;

pub use error::{StoreError, StoreProblem};
pub use line::Line;
pub use read::{Held, Source, Stored};

/// What a file of weights begins with.
pub const MAGIC: u64 = u64::from_le_bytes(*b"tflayers");
/// The version of the format.
pub const VERSION: u64 = 1;
/// Bytes of the header, and what every part of the file begins at a multiple of.
pub const LINE: usize = 64;

/// What stands for the elements of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Storage {
    /// The elements themselves.
    Plain,
    /// Of f32: the nearest 16-bit floats, times a scale for each place along the axis.
    F16 {
        /// The axis of the tensor that has scales.
        axis: usize,
    },
    /// Of f32: the nearest integers from −127 to 127, times a scale for each place along the axis.
    I8 {
        /// The axis of the tensor that has scales.
        axis: usize,
    },
}

/// How a tensor stands in the file. Element `i` has the scale `(i / block) · period + i % period`, where `block` is
/// `elements · period / scales`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// How many elements the kernel reads.
    pub elements: usize,
    /// Bytes of one of them, as it is stored.
    pub width: usize,
    /// What stands for them.
    pub storage: Storage,
    /// How many scales there are (0 if it is plain).
    pub scales: usize,
    /// How many scales lie side by side before they repeat.
    pub period: usize,
}

/// How all tensors of a model stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// What a file of this layout has in its header.
    pub id: u64,
    /// The tensors, in their order.
    pub pieces: &'static [Piece],
}

impl Piece {
    /// Bytes of the scales in the file.
    #[must_use]
    pub const fn scale_bytes(&self) -> usize {
        lines(self.scales * size_of::<f32>())
    }

    /// Bytes of the elements in the file.
    #[must_use]
    pub const fn element_bytes(&self) -> usize {
        lines(self.elements * self.width)
    }
}

impl Layout {
    /// Bytes of the file.
    #[must_use]
    pub const fn file_bytes(&self) -> usize {
        let (mut bytes, mut k) = (LINE, 0);
        while k < self.pieces.len() {
            bytes += self.pieces[k].scale_bytes() + self.pieces[k].element_bytes();
            k += 1;
        }
        bytes
    }

    /// Bytes of the tensors as the kernels read them.
    #[must_use]
    pub const fn memory_bytes(&self) -> usize {
        let (mut bytes, mut k) = (0, 0);
        while k < self.pieces.len() {
            let piece = &self.pieces[k];
            let width = match piece.storage {
                Storage::Plain => piece.width,
                Storage::F16 { .. } | Storage::I8 { .. } => size_of::<f32>(),
            };
            bytes += piece.elements * width;
            k += 1;
        }
        bytes
    }
}

/// Whole cache lines.
#[must_use]
pub const fn lines(bytes: usize) -> usize {
    bytes.next_multiple_of(LINE)
}

/// The header of a file, as its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub layout: u64,
    pub weights: u64,
    pub bytes: u64,
    pub sum: u64,
}

impl Header {
    /// The header's bytes, for a machine of this byte order.
    #[cfg(feature = "npz")]
    pub fn encoded(&self, big_endian: bool) -> [u8; LINE] {
        let number = |n: u64| {
            if big_endian {
                n.to_be_bytes()
            } else {
                n.to_le_bytes()
            }
        };
        let mut header = [0; LINE];
        let numbers = [
            MAGIC,
            VERSION,
            self.layout,
            self.weights,
            self.bytes,
            self.sum,
            0,
        ];
        for (place, n) in header.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *place = number(n);
        }
        let sum = sum::of(&header, big_endian);
        header[56..].copy_from_slice(&number(sum));
        header
    }

    /// What a header says.
    pub fn decoded(header: &[u8; LINE]) -> Result<Self, StoreProblem> {
        let number = |k: usize| u64::from_ne_bytes(header.as_chunks::<8>().0[k]);
        if number(0) != MAGIC {
            return Err(StoreProblem::NoWeights);
        }
        if number(1) != VERSION {
            return Err(StoreProblem::Version { found: number(1) });
        }
        let mut blank = *header;
        blank[56..].fill(0);
        if sum::of(&blank, cfg!(target_endian = "big")) != number(7) {
            return Err(StoreProblem::Damaged);
        }
        Ok(Self {
            layout: number(2),
            weights: number(3),
            bytes: number(4),
            sum: number(5),
        })
    }
}
