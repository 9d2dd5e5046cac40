//! Writing all tensors of a model into one file ([`crate::store`]).

use super::codes::{self, Codes};
use super::{Packed, Tensor, WeightsError, bytes};
use crate::npz::Data;
use crate::store::sum::Sum;
use crate::store::{Header, LINE, Piece, Storage, lines};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::Path;

/// The file of weights in `OUT_DIR`, and the Rust expression that says what stands where in it.
const FILES: (&str, &str) = ("model.weights", "layout.rs");

/// A file of weights that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// The number of its layout.
    pub id: u64,
    /// The tensors in it.
    pub pieces: Vec<Piece>,
    /// A sentence about each tensor that fits and that still no one can mean.
    pub doubts: Vec<String>,
}

/// As [`pack`](super::pack), with all tensors in one file, `model.weights`, and what stands where in `layout.rs`, a Rust expression.
/// Of each tensor, `storage` says what is to stand for its elements (where it says nothing, they themselves).
///
/// # Errors
/// As [`pack`](super::pack).
pub fn pack_store(
    path: &Path,
    tensors: &[Tensor],
    storage: &[Storage],
    out: &Path,
    big_endian: bool,
) -> Result<StoredFile, WeightsError> {
    write(
        Packed::open(path, tensors)?,
        tensors,
        storage,
        out,
        big_endian,
    )
}

/// Writes the file and its layout.
pub(super) fn write(
    packed: Packed,
    tensors: &[Tensor],
    storage: &[Storage],
    out: &Path,
    big_endian: bool,
) -> Result<StoredFile, WeightsError> {
    let (path, doubts, weights) = (packed.path, packed.doubts, packed.checksum);
    let fail = |what: String| WeightsError {
        path: path.clone(),
        problems: vec![what],
    };
    let file = out.join(FILES.0);
    let failed = |e: std::io::Error| fail(format!("{}: {e}", file.display()));
    let mut to = Output {
        file: BufWriter::new(File::create(&file).map_err(failed)?),
        sum: Sum::default(),
        bytes: 0,
        big_endian,
    };
    to.file.write_all(&[0; LINE]).map_err(failed)?;
    let mut pieces = Vec::with_capacity(tensors.len());
    for (k, (tensor, (_, data))) in tensors.iter().zip(packed.tensors).enumerate() {
        let wanted = storage.get(k).copied().unwrap_or(Storage::Plain);
        pieces.push(to.piece(data, tensor, wanted).map_err(failed)?);
    }
    let layout = layout(tensors, &pieces);
    to.finish(layout.0, weights).map_err(failed)?;
    let text = out.join(FILES.1);
    std::fs::write(&text, layout.1).map_err(|e| fail(format!("{}: {e}", text.display())))?;
    Ok(StoredFile {
        id: layout.0,
        pieces,
        doubts,
    })
}

struct Output {
    file: BufWriter<File>,
    sum: Sum,
    bytes: u64,
    big_endian: bool,
}

impl Output {
    /// Writes a tensor.
    fn piece(&mut self, data: Data, tensor: &Tensor, wanted: Storage) -> std::io::Result<Piece> {
        let codes = match &data {
            Data::F32(elements) => codes::of(elements, tensor, wanted),
            _ => None,
        };
        let (data, scales, period, storage) = match codes {
            Some(Codes {
                codes,
                scales,
                period,
            }) => (codes, scales, period, wanted),
            None => (data, Vec::new(), 0, Storage::Plain),
        };
        let count = (data.len(), scales.len());
        self.write(bytes(scales, self.big_endian))?;
        let encoded = encoded(data, self.big_endian);
        let width = encoded.len() / count.0.max(1);
        self.write(encoded)?;
        Ok(Piece {
            elements: count.0,
            width,
            storage,
            scales: count.1,
            period,
        })
    }

    /// Writes whole cache lines.
    fn write(&mut self, mut bytes: Vec<u8>) -> std::io::Result<()> {
        bytes.resize(lines(bytes.len()), 0);
        self.sum.add_as(&bytes, self.big_endian);
        self.bytes += bytes.len() as u64;
        self.file.write_all(&bytes)
    }

    /// Writes the header.
    fn finish(mut self, layout: u64, weights: u64) -> std::io::Result<()> {
        let header = Header {
            layout,
            weights,
            bytes: self.bytes,
            sum: self.sum.finish(),
        };
        self.file.rewind()?;
        self.file.write_all(&header.encoded(self.big_endian))?;
        self.file.flush()
    }
}

/// The bytes of a tensor's elements in the target's byte order.
fn encoded(data: Data, big_endian: bool) -> Vec<u8> {
    match data {
        Data::Bool(v) => v.into_iter().map(u8::from).collect(),
        Data::F16(v) => bytes(v, big_endian),
        other => super::file_of(other, big_endian),
    }
}

/// The number of a layout, and the Rust expression for it.
fn layout(tensors: &[Tensor], pieces: &[Piece]) -> (u64, String) {
    let about = format!("{tensors:?} {pieces:?}");
    let mut padded = about.into_bytes();
    padded.resize(lines(padded.len()), 0);
    let id = crate::store::sum::of(&padded, false);
    let mut text = format!("Layout {{ id: {id:#018x}, pieces: &[\n");
    for piece in pieces {
        // cannot fail: it is a String
        let _ = writeln!(text, "    {piece:?},");
    }
    text.push_str("] }\n");
    (id, text)
}
