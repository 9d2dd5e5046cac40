//! What a generated crate's build script does: check `model_weights.npz` against what the code expects, lay every
//! tensor out for its kernel, and write one file per tensor into `OUT_DIR` for [`weights!`](crate::weights).
//!
//! ```no_run
//! use tf_layers::build::{Dtype, Packing, Tensor, weights};
//!
//! const TENSORS: &[Tensor] = &[
//!     Tensor { name: "dense/kernel", dtype: Dtype::F32, shape: &[64, 10], packing: Packing::Copy, file: "dense_kernel.bin" },
//! ];
//!
//! fn main() -> std::process::ExitCode {
//!     weights("model/model_weights.npz", TENSORS)
//! }
//! ```

#[cfg(feature = "store")]
mod codes;
mod read;
#[cfg(feature = "store")]
mod store;
mod thresholds;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub use crate::dtype::Dtype;
pub use crate::pack::Packing;
pub use read::Packed;
#[cfg(feature = "store")]
pub use store::{StoredFile, pack_store};

use crate::identity;
use crate::npz::Data;

/// One file that the generated code embeds, and the tensor it is made from.
#[derive(Debug, Clone, Copy)]
pub struct Tensor {
    /// Name in the archive.
    pub name: &'static str,
    /// Element type it must have.
    pub dtype: Dtype,
    /// Shape it must have, outermost axis first.
    pub shape: &'static [usize],
    /// Layout of the file (anything but [`Packing::Copy`] needs [`Dtype::F32`]).
    pub packing: Packing,
    /// Name of the file in `OUT_DIR`.
    pub file: &'static str,
}

/// Everything that is wrong with a weights file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightsError {
    /// The file; `the archive in memory` if it is none.
    pub path: PathBuf,
    /// One sentence per problem.
    pub problems: Vec<String>,
}

impl fmt::Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not fit this model", self.path.display())?;
        for problem in &self.problems {
            write!(f, "\n  - {problem}")?;
        }
        write!(
            f,
            "\nEvery tensor keeps the name, type and shape it had when the crate was generated; other sizes need a new conversion."
        )
    }
}

impl std::error::Error for WeightsError {}

/// The whole build script: [`pack`] from `path` into `OUT_DIR` for the target's byte order, with cargo's messages; `weights.checksum`
/// there holds the file's checksum. The weights must be those that the package's version names ([`identity`]).
#[must_use]
pub fn weights(path: &str, tensors: &[Tensor]) -> ExitCode {
    run(path, tensors, &write)
}

/// As [`weights`], with all tensors in one file, `model.weights`, and what stands where in `layout.rs`.
#[cfg(feature = "store")]
#[must_use]
pub fn store(path: &str, tensors: &[Tensor], storage: &[crate::store::Storage]) -> ExitCode {
    run(path, tensors, &|packed, out, big_endian| {
        store::write(packed, tensors, storage, out, big_endian).map(|stored| stored.doubts)
    })
}

/// What turns packed tensors into files; it returns the doubts.
type Write<'a> = &'a dyn Fn(Packed, &Path, bool) -> Result<Vec<String>, WeightsError>;

fn run(path: &str, tensors: &[Tensor], write: Write<'_>) -> ExitCode {
    for watched in watched(path) {
        println!("cargo::rerun-if-changed={watched}");
    }
    // set by `.cargo/config.toml` of a generated crate where cargo runs in it: another folder may hold other files
    println!("cargo::rerun-if-env-changed=ONNX2RUST_CRATE");
    let variable = |name| std::env::var(name).ok();
    let (Some(out), Some(endian), Some(version)) = (
        variable("OUT_DIR"),
        variable("CARGO_CFG_TARGET_ENDIAN"),
        variable("CARGO_PKG_VERSION"),
    ) else {
        eprintln!(
            "this is a build script: cargo sets OUT_DIR, CARGO_CFG_TARGET_ENDIAN and CARGO_PKG_VERSION for it"
        );
        return ExitCode::FAILURE;
    };
    let (out, big_endian) = (Path::new(&out), endian == "big");
    match embed(path, tensors, out, big_endian, &version, write) {
        Ok(doubts) => {
            for doubt in doubts {
                println!("cargo::warning={path}: {doubt}");
            }
            ExitCode::SUCCESS
        }
        Err(text) => {
            for line in text.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

/// What cargo is to look at: the file, and its folder, because a file that takes another's place is new to cargo only if it is newer than
/// the build; its folder always is. Not the package's own folder: all that changes lies there, perhaps what cargo builds too.
fn watched(path: &str) -> impl Iterator<Item = &str> {
    let folder = Path::new(path).parent().and_then(Path::to_str);
    [path]
        .into_iter()
        .chain(folder.filter(|folder| !matches!(*folder, "" | ".")))
}

/// As [`pack`], if the version names these weights.
fn embed(
    path: &str,
    tensors: &[Tensor],
    out: &Path,
    big_endian: bool,
    version: &str,
    write: Write<'_>,
) -> Result<Vec<String>, String> {
    let packed = Packed::open(path, tensors).map_err(|e| e.to_string())?;
    let checksum = identity::hex(packed.checksum());
    identity::check(version, path, &checksum)?;
    let doubts = write(packed, out, big_endian).map_err(|e| e.to_string())?;
    std::fs::write(out.join("weights.checksum"), checksum).map_err(|e| e.to_string())?;
    Ok(doubts)
}

/// Checks `thresholds.json` (`0 ≤ bottom ≤ low ≤ medium ≤ high`) and writes `thresholds.rs`, an array of the four, into `OUT_DIR`.
///
/// # Errors
/// In one sentence, what is wrong with the file.
pub fn thresholds(path: &str) -> Result<(), String> {
    println!("cargo::rerun-if-changed={path}");
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let [bottom, low, medium, high] =
        thresholds::parse(&text).map_err(|e| format!("{path}: {e}"))?;
    let out =
        std::env::var_os("OUT_DIR").ok_or("this is a build script: cargo sets OUT_DIR for it")?;
    let rust = format!("[{bottom:?}, {low:?}, {medium:?}, {high:?}]");
    std::fs::write(Path::new(&out).join("thresholds.rs"), rust).map_err(|e| e.to_string())
}

/// Checks the archive at `path` against `tensors` and writes their files into `out`. Returns a sentence about each tensor that fits and
/// that still no one can mean: NaN is what a training leaves that has diverged.
///
/// # Errors
/// [`WeightsError`] with *every* problem: tensors that are missing, damaged, of another type or shape, or that the
/// model does not know. Files are only written if there is none.
pub fn pack(
    path: &Path,
    tensors: &[Tensor],
    out: &Path,
    big_endian: bool,
) -> Result<Vec<String>, WeightsError> {
    write(Packed::open(path, tensors)?, out, big_endian)
}

/// Writes the file of every tensor; returns the doubts.
fn write(packed: Packed, out: &Path, big_endian: bool) -> Result<Vec<String>, WeightsError> {
    let mut problems = Vec::new();
    for (name, data) in packed.tensors {
        let file = out.join(name);
        if let Err(e) = std::fs::write(&file, file_of(data, big_endian)) {
            problems.push(format!("{}: {e}", file.display()));
        }
    }
    if problems.is_empty() {
        return Ok(packed.doubts);
    }
    Err(WeightsError {
        path: packed.path,
        problems,
    })
}

/// What stands in a tensor's file: its elements, or, where not every byte pattern is one, a Rust array.
fn file_of(data: Data, big_endian: bool) -> Vec<u8> {
    match data {
        Data::Bool(v) => format!("{v:?}").into_bytes(),
        Data::F16(v) => {
            let texts: Vec<String> = v.iter().map(|bits| format!("F16({bits})")).collect();
            format!("[{}]", texts.join(", ")).into_bytes()
        }
        Data::U8(v) => v,
        Data::I8(v) => bytes(v, big_endian),
        Data::U16(v) => bytes(v, big_endian),
        Data::I16(v) => bytes(v, big_endian),
        Data::U32(v) => bytes(v, big_endian),
        Data::I32(v) => bytes(v, big_endian),
        Data::U64(v) => bytes(v, big_endian),
        Data::I64(v) => bytes(v, big_endian),
        Data::F32(v) => bytes(v, big_endian),
        Data::F64(v) => bytes(v, big_endian),
        // `Packed` lets none through
        Data::Text(_) => Vec::new(),
    }
}

/// The elements in the target's byte order. Copies memory, because build scripts run unoptimised.
fn bytes<T: bytemuck::Pod>(values: Vec<T>, big_endian: bool) -> Vec<u8> {
    let mut bytes = bytemuck::cast_slice(&values).to_vec();
    if big_endian != cfg!(target_endian = "big") {
        bytes
            .chunks_exact_mut(size_of::<T>())
            .for_each(<[u8]>::reverse);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_looks_at_the_folder_of_the_weights_but_not_at_the_whole_package() {
        let of = |path| watched(path).collect::<Vec<_>>();
        assert_eq!(of("model/w.npz"), ["model/w.npz", "model"]);
        assert_eq!(of("w.npz"), ["w.npz"]);
        assert_eq!(of("./w.npz"), ["./w.npz"]);
    }
}
