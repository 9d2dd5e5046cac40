//! Reading a file of weights, tensor by tensor.

use super::line::Line;
use super::sum::Sum;
use super::{Header, LINE, Layout, Piece, Storage, StoreError, StoreProblem};
use crate::{Aligned, F16, Owned};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes that are read, summed up and converted at a time: what the fastest cache holds.
const CHUNK: usize = 1 << 14;

/// The elements of a tensor: those of bytes that are in memory anyway, or memory of their own.
#[derive(Clone)]
pub enum Held<'w, T> {
    /// Where they were found.
    Borrowed(&'w [T]),
    /// Read to where they are used.
    Read(Line),
    /// Copied or converted.
    Own(Owned<T>),
}

impl<T: Stored> core::ops::Deref for Held<'_, T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match self {
            Self::Borrowed(elements) => elements,
            // they were elements when they were read
            Self::Read(line) => T::borrowed(line).unwrap_or_default(),
            Self::Own(elements) => elements,
        }
    }
}

/// How many elements, and none of them.
impl<T: Stored> core::fmt::Debug for Held<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::Brief(self).fmt(f)
    }
}

/// An element of a file of weights.
pub trait Stored: Copy + Default + 'static {
    /// Whether any bytes are elements, so that those of a file can be read where they lie.
    const ANY_BYTES: bool = false;

    /// The elements where they lie, if they can be read there.
    fn borrowed(_bytes: &[u8]) -> Option<&[Self]> {
        None
    }

    /// Copies whole elements; `None` if bytes are none.
    fn read(bytes: &[u8], to: &mut [Self]) -> Option<()>;

    /// An element from a number; only f32 stands in other types.
    fn scaled(_number: f32) -> Option<Self> {
        None
    }
}

macro_rules! plain {
    ($($t:ty)*) => {$(
        impl Stored for $t {
            const ANY_BYTES: bool = true;
            fn borrowed(bytes: &[u8]) -> Option<&[Self]> {
                let aligned = bytes.as_ptr().addr().is_multiple_of(LINE);
                bytemuck::try_cast_slice(bytes).ok().filter(|_| aligned)
            }
            fn read(bytes: &[u8], to: &mut [Self]) -> Option<()> {
                bytemuck::cast_slice_mut(to).copy_from_slice(bytes);
                Some(())
            }
        }
    )*};
}
plain!(u8 u16 u32 u64 i8 i16 i32 i64 f64);

impl Stored for f32 {
    const ANY_BYTES: bool = true;
    fn borrowed(bytes: &[u8]) -> Option<&[Self]> {
        let aligned = bytes.as_ptr().addr().is_multiple_of(LINE);
        bytemuck::try_cast_slice(bytes).ok().filter(|_| aligned)
    }
    fn read(bytes: &[u8], to: &mut [Self]) -> Option<()> {
        bytemuck::cast_slice_mut(to).copy_from_slice(bytes);
        Some(())
    }
    fn scaled(number: f32) -> Option<Self> {
        Some(number)
    }
}

impl Stored for bool {
    fn borrowed(bytes: &[u8]) -> Option<&[Self]> {
        bytemuck::checked::try_cast_slice(bytes).ok()
    }
    fn read(bytes: &[u8], to: &mut [Self]) -> Option<()> {
        to.copy_from_slice(bytemuck::checked::try_cast_slice(bytes).ok()?);
        Some(())
    }
}

impl Stored for F16 {
    fn read(bytes: &[u8], to: &mut [Self]) -> Option<()> {
        for (to, bits) in to.iter_mut().zip(bytes.as_chunks().0) {
            *to = F16(u16::from_ne_bytes(*bits));
        }
        Some(())
    }
}

/// Where weights are read from.
#[derive(Debug)]
enum Origin<'w> {
    Bytes(&'w [u8]),
    File(File),
}

/// A file of weights that is being read, one tensor behind the other.
#[derive(Debug)]
pub struct Source<'w> {
    origin: Origin<'w>,
    place: String,
    pieces: std::slice::Iter<'static, Piece>,
    header: Header,
    sum: Sum,
    chunk: Box<Aligned<[u8; CHUNK]>>,
}

impl<'w> Source<'w> {
    /// Opens a file of this layout. Its length and its header are compared before anything is allocated for it.
    ///
    /// # Errors
    /// If it cannot be read, or is not such a file.
    pub fn open(path: &Path, layout: &Layout) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        let begun = File::open(path).and_then(|mut file| {
            let mut header = [0; LINE];
            let bytes = file.metadata()?.len();
            let known = bytes.min(LINE as u64) as usize;
            file.read_exact(&mut header[..known])?;
            Ok((file, bytes, header))
        });
        match begun {
            Ok((file, bytes, header)) => {
                Self::new(Origin::File(file), place, bytes, &header, layout)
            }
            Err(error) => Err(StoreError {
                place,
                problem: io(&error),
            }),
        }
    }

    /// Reads bytes that are in memory. Where they begin at a cache line, plain tensors are not copied.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn of_bytes(bytes: &'w [u8], layout: &Layout) -> Result<Self, StoreError> {
        let mut header = [0; LINE];
        let known = bytes.len().min(LINE);
        header[..known].copy_from_slice(&bytes[..known]);
        let place = "the weights in memory".to_string();
        let rest = &bytes[known..];
        Self::new(
            Origin::Bytes(rest),
            place,
            bytes.len() as u64,
            &header,
            layout,
        )
    }

    fn new(
        origin: Origin<'w>,
        place: String,
        bytes: u64,
        header: &[u8; LINE],
        layout: &Layout,
    ) -> Result<Self, StoreError> {
        let expected = layout.file_bytes() as u64;
        let checked = Header::decoded(header).and_then(|header| {
            if header.layout != layout.id {
                return Err(StoreProblem::OtherModel {
                    expected: layout.id,
                    found: header.layout,
                });
            }
            if bytes != expected || header.bytes != expected - LINE as u64 {
                return Err(StoreProblem::Length {
                    expected,
                    found: bytes,
                });
            }
            Ok(header)
        });
        match checked {
            Ok(header) => Ok(Self {
                origin,
                place,
                pieces: layout.pieces.iter(),
                header,
                sum: Sum::default(),
                chunk: Box::new(Aligned([0; CHUNK])),
            }),
            Err(problem) => Err(StoreError { place, problem }),
        }
    }

    /// The next tensor.
    ///
    /// # Errors
    /// If it cannot be read, or there is no memory for it.
    pub fn take<T: Stored>(&mut self) -> Result<Held<'w, T>, StoreError> {
        self.next().map_err(|problem| StoreError {
            place: self.place.clone(),
            problem,
        })
    }

    /// The checksum of the archive that the weights are from; all of them have been taken.
    ///
    /// # Errors
    /// If the bytes that were read are not those that were written.
    pub fn finish(self) -> Result<u64, StoreError> {
        if self.sum.finish() == self.header.sum {
            return Ok(self.header.weights);
        }
        let (place, problem) = (self.place, StoreProblem::Damaged);
        Err(StoreError { place, problem })
    }

    fn next<T: Stored>(&mut self) -> Result<Held<'w, T>, StoreProblem> {
        // the layout has as many pieces as the model has tensors, of their types: the same table is behind both
        let piece = self.pieces.next().ok_or(StoreProblem::Damaged)?;
        match piece.storage {
            Storage::Plain => self.plain(piece),
            Storage::F16 { .. } => self.expanded(piece, |code: F16| code.to_f32()),
            Storage::I8 { .. } => self.expanded(piece, |code: i8| f32::from(code)),
        }
    }

    fn plain<T: Stored>(&mut self, piece: &Piece) -> Result<Held<'w, T>, StoreProblem> {
        if let Origin::Bytes(bytes) = self.origin
            && let Some(elements) = T::borrowed(&bytes[..piece.elements * size_of::<T>()])
        {
            self.skip(piece.element_bytes());
            return Ok(Held::Borrowed(elements));
        }
        if let Origin::File(file) = &mut self.origin
            && T::ANY_BYTES
        {
            let mut line = Line::read(file, piece.element_bytes(), &mut self.sum)?;
            line.truncate(piece.elements * size_of::<T>());
            return Ok(Held::Read(line));
        }
        self.copied(piece.elements).map(Held::Own)
    }

    /// So many elements, in memory of their own.
    fn copied<T: Stored>(&mut self, elements: usize) -> Result<Owned<T>, StoreProblem> {
        let mut own = room(elements)?;
        self.each::<T>(elements, |bytes, at| {
            let count = bytes.len() / size_of::<T>();
            T::read(bytes, &mut own[at..at + count])
        })?;
        Ok(own)
    }

    /// f32 from codes and scales.
    fn expanded<C: Stored, T: Stored>(
        &mut self,
        piece: &Piece,
        value: impl Fn(C) -> f32,
    ) -> Result<Held<'w, T>, StoreProblem> {
        let scales = self.copied::<f32>(piece.scales)?;
        let mut own = room(piece.elements)?;
        let mut few = vec![C::default(); CHUNK / size_of::<C>()];
        let period = piece.period;
        let block = piece.elements * period / piece.scales.max(1);
        let run = if period == 1 { block } else { period };
        self.each::<C>(piece.elements, |bytes, begin| {
            let codes = &mut few[..bytes.len() / size_of::<C>()];
            C::read(bytes, codes)?;
            let (mut rest, mut at) = (&*codes, begin);
            while !rest.is_empty() {
                let within = at % run;
                let (now, later) = rest.split_at((run - within).min(rest.len()));
                let (first, out) = (at / block * period, &mut own[at..at + now.len()]);
                if period == 1 {
                    scaled(now, core::iter::repeat(&scales[first]), &value, out)?;
                } else {
                    scaled(now, &scales[first + within..], &value, out)?;
                }
                (rest, at) = (later, at + now.len());
            }
            Some(())
        })?;
        Ok(Held::Own(own))
    }

    /// Reads whole cache lines that hold so many elements: `use_them` sees the bytes of a few at a time, and the place of the first.
    fn each<T>(
        &mut self,
        elements: usize,
        mut use_them: impl FnMut(&[u8], usize) -> Option<()>,
    ) -> Result<(), StoreProblem> {
        let few = CHUNK / size_of::<T>();
        for at in (0..elements).step_by(few) {
            let bytes = few.min(elements - at) * size_of::<T>();
            let chunk = self.fill(super::lines(bytes))?;
            use_them(&chunk[..bytes], at).ok_or(StoreProblem::Damaged)?;
        }
        Ok(())
    }

    /// The next bytes of the file.
    fn fill(&mut self, bytes: usize) -> Result<&[u8], StoreProblem> {
        let chunk = &mut self.chunk.0[..bytes];
        match &mut self.origin {
            Origin::Bytes(rest) => {
                let (now, later) = rest.split_at(bytes);
                chunk.copy_from_slice(now);
                *rest = later;
            }
            Origin::File(file) => file.read_exact(chunk).map_err(|error| io(&error))?,
        }
        self.sum.add(chunk);
        Ok(chunk)
    }

    /// Passes over bytes in memory that are used where they lie.
    fn skip(&mut self, bytes: usize) {
        if let Origin::Bytes(rest) = &mut self.origin {
            let (now, later) = rest.split_at(bytes);
            self.sum.add(now);
            *rest = later;
        }
    }
}

pub(super) fn io(error: &std::io::Error) -> StoreProblem {
    StoreProblem::Io {
        kind: error.kind(),
        message: error.to_string(),
    }
}

/// Memory for so many elements.
fn room<T: Stored>(elements: usize) -> Result<Owned<T>, StoreProblem> {
    Owned::zeroed(elements).map_err(|_| StoreProblem::Memory {
        bytes: elements.saturating_mul(size_of::<T>()),
    })
}

/// Elements from codes and a scale for each.
#[inline]
fn scaled<'s, C: Copy, T: Stored>(
    codes: &[C],
    scales: impl IntoIterator<Item = &'s f32>,
    value: impl Fn(C) -> f32,
    out: &mut [T],
) -> Option<()> {
    for ((y, &code), scale) in out.iter_mut().zip(codes).zip(scales) {
        *y = T::scaled(value(code) * scale)?;
    }
    Some(())
}
