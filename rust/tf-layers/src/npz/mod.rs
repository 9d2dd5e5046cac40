//! Reading and writing numpy's `.npz` files (a zip archive of `.npy` arrays).
//!
//! The reader is strict: every length is checked against the file before anything is allocated, checksums are
//! verified, and what is not understood is refused by name. A damaged file gives an [`NpzError`], never a panic and
//! never other numbers than those that were saved.
//!
//! ```
//! use tf_layers::npz::{Array, Data, Npz, NpzWriter};
//! # fn main() -> Result<(), tf_layers::npz::NpzError> {
//! let mut writer = NpzWriter::new();
//! writer.add(&Array { name: "bias".into(), shape: vec![2], data: Data::F32(vec![0.5, -1.0]) })?;
//! let npz = Npz::from_bytes(writer.finish())?;
//! assert_eq!(npz.array("bias")?.data, Data::F32(vec![0.5, -1.0]));
//! # Ok(())
//! # }
//! ```

mod crc;
mod npy;
mod write;
mod zip;

use std::fmt;
use std::path::Path;

pub use crate::dtype::Dtype;
pub use write::NpzWriter;

/// One tensor of an archive.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its name, without the `.npy` of the member.
    pub name: String,
    /// Its shape, outermost axis first.
    pub shape: Vec<usize>,
    /// Its elements in row-major order.
    pub data: Data,
}

/// Elements of an [`Array`], row-major.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Data {
    /// `|b1`
    Bool(Vec<bool>),
    /// `|u1`
    U8(Vec<u8>),
    /// `<u2`
    U16(Vec<u16>),
    /// `<u4`
    U32(Vec<u32>),
    /// `<u8`
    U64(Vec<u64>),
    /// `|i1`
    I8(Vec<i8>),
    /// `<i2`
    I16(Vec<i16>),
    /// `<i4`
    I32(Vec<i32>),
    /// `<i8`
    I64(Vec<i64>),
    /// `<f2`, as bits
    F16(Vec<u16>),
    /// `<f4`
    F32(Vec<f32>),
    /// `<f8`
    F64(Vec<f64>),
    /// `<U…`
    Text(Vec<String>),
}

/// Evaluates `$body` with `$v` bound to the vector inside a [`Data`].
macro_rules! each {
    ($data:expr, $v:ident => $body:expr) => {
        match $data {
            Data::Bool($v) => $body,
            Data::U8($v) => $body,
            Data::U16($v) | Data::F16($v) => $body,
            Data::U32($v) => $body,
            Data::U64($v) => $body,
            Data::I8($v) => $body,
            Data::I16($v) => $body,
            Data::I32($v) => $body,
            Data::I64($v) => $body,
            Data::F32($v) => $body,
            Data::F64($v) => $body,
            Data::Text($v) => $body,
        }
    };
}
use each;

impl Array {
    /// Row `k` of an array that holds one row a sample: its elements, as an array `[1, rest]`.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, k: usize) -> Array {
        let samples = self.shape.first().copied().unwrap_or(1);
        assert!(k < samples, "array `{}` has {samples} rows", self.name);
        let width = self.data.len() / samples;
        let data = self.data.slice(k * width..(k + 1) * width);
        Array {
            name: self.name.clone(),
            shape: vec![1, width],
            data,
        }
    }
}

impl Data {
    /// Some of the elements.
    fn slice(&self, range: std::ops::Range<usize>) -> Data {
        match self {
            Data::Bool(v) => Data::Bool(v[range].to_vec()),
            Data::U8(v) => Data::U8(v[range].to_vec()),
            Data::U16(v) => Data::U16(v[range].to_vec()),
            Data::U32(v) => Data::U32(v[range].to_vec()),
            Data::U64(v) => Data::U64(v[range].to_vec()),
            Data::I8(v) => Data::I8(v[range].to_vec()),
            Data::I16(v) => Data::I16(v[range].to_vec()),
            Data::I32(v) => Data::I32(v[range].to_vec()),
            Data::I64(v) => Data::I64(v[range].to_vec()),
            Data::F16(v) => Data::F16(v[range].to_vec()),
            Data::F32(v) => Data::F32(v[range].to_vec()),
            Data::F64(v) => Data::F64(v[range].to_vec()),
            Data::Text(v) => Data::Text(v[range].to_vec()),
        }
    }

    /// The element type.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        match self {
            Data::Bool(_) => Dtype::Bool,
            Data::U8(_) => Dtype::U8,
            Data::U16(_) => Dtype::U16,
            Data::U32(_) => Dtype::U32,
            Data::U64(_) => Dtype::U64,
            Data::I8(_) => Dtype::I8,
            Data::I16(_) => Dtype::I16,
            Data::I32(_) => Dtype::I32,
            Data::I64(_) => Dtype::I64,
            Data::F16(_) => Dtype::F16,
            Data::F32(_) => Dtype::F32,
            Data::F64(_) => Dtype::F64,
            Data::Text(_) => Dtype::Text,
        }
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        each!(self, v => v.len())
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why an archive could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NpzError {
    /// The file could not be read or written.
    Io {
        /// Its path.
        path: String,
        /// What the operating system said.
        message: String,
    },
    /// The bytes are not an intact zip archive.
    Archive {
        /// What is wrong.
        what: &'static str,
    },
    /// A member is damaged, or of a kind that is not supported.
    Member {
        /// Name of the member.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// There is no array of that name.
    Missing {
        /// The name.
        name: String,
    },
}

impl NpzError {
    fn member(name: &str, what: impl Into<String>) -> Self {
        NpzError::Member {
            name: name.into(),
            what: what.into(),
        }
    }

    fn io(path: &Path, error: &std::io::Error) -> Self {
        NpzError::Io {
            path: path.display().to_string(),
            message: error.to_string(),
        }
    }
}

impl fmt::Display for NpzError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NpzError::Io { path, message } => write!(f, "{path}: {message}"),
            NpzError::Archive { what } => write!(f, "not an intact .npz file: {what}"),
            NpzError::Member { name, what } => write!(f, "array `{name}`: {what}"),
            NpzError::Missing { name } => write!(f, "array `{name}` is missing"),
        }
    }
}

impl std::error::Error for NpzError {}

/// An `.npz` archive in memory. Arrays are decoded (and their checksums verified) when they are asked for.
#[derive(Debug, Clone)]
pub struct Npz {
    bytes: Vec<u8>,
    members: Vec<zip::Member>,
}

impl Npz {
    /// Reads the archive at `path`.
    ///
    /// # Errors
    /// If the file cannot be read or its directory is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, NpzError> {
        let path = path.as_ref();
        Self::from_bytes(std::fs::read(path).map_err(|e| NpzError::io(path, &e))?)
    }

    /// Takes an archive that is already in memory.
    ///
    /// # Errors
    /// If its directory is damaged.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, NpzError> {
        let members = zip::directory(&bytes)?;
        Ok(Self { bytes, members })
    }

    /// Names of the arrays, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|m| m.name.as_str())
    }

    /// One number for the arrays: FNV-1a (64 bits) of their names, lengths and CRC-32, in the order of the names. So it is the same
    /// however the archive is compressed or ordered. The lengths and checksums are the directory's word: [`array`](Self::array)
    /// verifies them.
    #[must_use]
    pub fn checksum(&self) -> u64 {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        let mut hash: u64 = 0xCBF2_9CE4_8422_2325;
        let mut add = |bytes: &[u8]| {
            for &byte in bytes {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
            }
        };
        for member in members {
            add(member.name.as_bytes());
            // no name holds this byte, which UTF-8 never has: names and numbers cannot run into one another
            add(&[0xFF]);
            add(&member.size.to_le_bytes());
            add(&member.crc.to_le_bytes());
        }
        hash
    }

    /// Decodes one array.
    ///
    /// # Errors
    /// If it is missing, damaged, or of an unsupported type (objects, big-endian, structured).
    pub fn array(&self, name: &str) -> Result<Array, NpzError> {
        let member = self.members.iter().find(|m| m.name == name);
        self.decode(member.ok_or_else(|| NpzError::Missing { name: name.into() })?)
    }

    /// Decodes every array, in the order of the file.
    ///
    /// # Errors
    /// As [`array`](Self::array), for the first that fails.
    pub fn arrays(&self) -> Result<Vec<Array>, NpzError> {
        self.members.iter().map(|m| self.decode(m)).collect()
    }

    fn decode(&self, member: &zip::Member) -> Result<Array, NpzError> {
        let npy = member.contents(&self.bytes)?;
        let (shape, data) =
            npy::decode(&npy).map_err(|what| NpzError::member(&member.name, what))?;
        Ok(Array {
            name: member.name.clone(),
            shape,
            data,
        })
    }
}
