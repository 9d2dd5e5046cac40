//! Weights as a model's kernels read them, from an archive: for the build script, and for a program that takes others at run time.

use super::{Packing, Tensor, WeightsError};
use crate::npz::{Data, Npz, NpzError};
use std::path::{Path, PathBuf};

/// The tensors of an archive, each checked against what the model needs and laid out for its kernel.
#[derive(Debug, Clone)]
pub struct Packed {
    pub(super) path: PathBuf,
    pub(super) tensors: Vec<(&'static str, Data)>,
    pub(super) doubts: Vec<String>,
    pub(super) checksum: u64,
}

impl Packed {
    /// Reads the archive at `path`.
    ///
    /// # Errors
    /// [`WeightsError`] with *every* problem: tensors that are missing, damaged, of another type or shape, or that the model does not know.
    pub fn open(path: impl AsRef<Path>, tensors: &[Tensor]) -> Result<Self, WeightsError> {
        let path = path.as_ref();
        Self::new(path.to_owned(), Npz::open(path), tensors)
    }

    /// Takes an archive that is already in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>, tensors: &[Tensor]) -> Result<Self, WeightsError> {
        Self::new(
            "the archive in memory".into(),
            Npz::from_bytes(bytes),
            tensors,
        )
    }

    fn new(
        path: PathBuf,
        npz: Result<Npz, NpzError>,
        tensors: &[Tensor],
    ) -> Result<Self, WeightsError> {
        let npz = match npz {
            Ok(npz) => npz,
            Err(e) => {
                let problems = vec![e.to_string()];
                return Err(WeightsError { path, problems });
            }
        };
        let mut problems = Vec::new();
        let mut found = Self {
            path,
            // Packed at once and kept: a large array is decoded only one time.
            tensors: Vec::with_capacity(tensors.len()),
            doubts: Vec::new(),
            checksum: npz.checksum(),
        };
        for tensor in tensors {
            match packed(&npz, tensor) {
                Ok((data, doubt)) => {
                    found.tensors.push((tensor.file, data));
                    found.doubts.extend(doubt);
                }
                Err(problem) => problems.push(problem),
            }
        }
        let known = |name: &str| tensors.iter().any(|t| t.name == name);
        problems.extend(
            npz.names()
                .filter(|n| !known(n))
                .map(|n| format!("`{n}` is in the file, but not in the model")),
        );
        if problems.is_empty() {
            return Ok(found);
        }
        Err(WeightsError {
            path: found.path,
            problems,
        })
    }

    /// The archive's [checksum](Npz::checksum).
    #[must_use]
    pub fn checksum(&self) -> u64 {
        self.checksum
    }

    /// A sentence about each tensor that fits and that still no one can mean: NaN is what a training leaves that has diverged.
    #[must_use]
    pub fn doubts(&self) -> &[String] {
        &self.doubts
    }

    /// Takes the elements of the tensor that the build script would write to `file`, into memory that begins at a cache line.
    ///
    /// # Errors
    /// If there is no such tensor, it is of another type, or there is no memory for it.
    #[cfg(feature = "base")]
    pub fn take<T: crate::signature::Element + Copy + Default>(
        &mut self,
        file: &str,
    ) -> Result<crate::Owned<T>, WeightsError> {
        let fail = |problem: String| WeightsError {
            path: self.path.clone(),
            problems: vec![format!("`{file}`: {problem}")],
        };
        let place = self.tensors.iter().position(|(name, _)| *name == file);
        let (_, data) = place
            .map(|k| self.tensors.swap_remove(k))
            .ok_or_else(|| fail("the model has no such tensor".into()))?;
        let dtype = data.dtype();
        let elements = T::take(data).ok_or_else(|| fail(format!("is {dtype}")))?;
        crate::Owned::new(&elements).map_err(|e| fail(e.to_string()))
    }
}

/// One tensor in its kernel's layout, and what is doubtful about its numbers; or what is wrong with it.
fn packed(npz: &Npz, tensor: &Tensor) -> Result<(Data, Option<String>), String> {
    let Tensor {
        name,
        dtype,
        shape,
        packing,
        ..
    } = tensor;
    let array = npz.array(name).map_err(|e| match e {
        NpzError::Missing { .. } => format!("`{name}` ({dtype} {shape:?}) is missing"),
        other => other.to_string(),
    })?;
    if array.data.dtype() != *dtype || array.shape != *shape {
        let found = array.data.dtype();
        return Err(format!(
            "`{name}` is {found} {:?}, the model needs {dtype} {shape:?}",
            array.shape
        ));
    }
    let doubt = doubtful(name, &array.data);
    let packed = match array.data {
        Data::Text(_) => return Err(format!("`{name}` holds strings, which cannot be embedded")),
        data if *packing == Packing::Copy => Some(data),
        Data::F32(v) if !packing.is_integer() => Some(Data::F32(packing.pack(shape, &v))),
        Data::I8(v) => packing.pack_integers(shape, &v).map(Data::I32),
        _ => None,
    };
    packed.map(|data| (data, doubt)).ok_or_else(|| {
        let needed = if packing.is_integer() {
            "int8"
        } else {
            "float32"
        };
        format!("`{name}` is {dtype}: only {needed} can be packed so")
    })
}

/// Says it of a tensor that holds NaN, or of several numbers that are all infinite (one alone may be the −∞ of a mask).
fn doubtful(name: &str, data: &Data) -> Option<String> {
    let (nan, infinite, all) = match data {
        Data::F16(v) => count(v, |b| b & 0x7FFF > 0x7C00, |b| b & 0x7FFF == 0x7C00),
        Data::F32(v) => count(v, |x| x.is_nan(), |x| x.is_infinite()),
        Data::F64(v) => count(v, |x| x.is_nan(), |x| x.is_infinite()),
        _ => return None,
    };
    match (nan, infinite) {
        (0, n) if n == all && all > 1 => {
            Some(format!("`{name}`: all of its {all} elements are infinite"))
        }
        (0, _) => None,
        (n, _) if n == all => Some(format!("`{name}`: all of its {all} elements are NaN")),
        (n, _) => Some(format!("`{name}`: {n} of its {all} elements are NaN")),
    }
}

/// How many are NaN, how many infinite, how many there are.
fn count<T: Copy>(
    values: &[T],
    nan: impl Fn(T) -> bool,
    infinite: impl Fn(T) -> bool,
) -> (usize, usize, usize) {
    let number = |is: &dyn Fn(T) -> bool| values.iter().filter(|v| is(**v)).count();
    (number(&nan), number(&infinite), values.len())
}
