//! Which weights a build holds. cargo tells builds of path packages apart by name and version, not by folder, and takes a file that is
//! older than the build for unchanged. So the version of a generated crate names its weights, behind the `+` that cargo's rules of
//! compatibility ignore: `0.1.0+code.5d41402a.weights.f3a9c1d2e4b56078`.
//!
//! The build script compares that version with the file ([`check`]), and the crate's tests and example compare the file with what was
//! compiled in ([`folder`]).

use crate::npz::{Npz, NpzError};
use std::fmt;
use std::path::PathBuf;

/// The weights file of a generated crate, from its folder.
pub const WEIGHTS: &str = "model/model_weights.npz";
/// What stands in the version before the checksum.
const KEY: &str = "weights";
/// In the place of a checksum: any weights will do, because no two crates of this name share a target folder.
const UNCHECKED: &str = "unchecked";

/// A checksum as a version holds it: 16 hexadecimal digits.
#[must_use]
pub fn hex(checksum: u64) -> String {
    format!("{checksum:016x}")
}

/// The checksum that a version names.
fn named(version: &str) -> Option<&str> {
    let mut parts = version.split_once('+')?.1.split('.');
    parts.find(|part| *part == KEY)?;
    parts.next()
}

/// The version with another checksum; all else stays.
#[must_use]
pub fn version_with(version: &str, checksum: &str) -> String {
    let (number, build) = version.split_once('+').unwrap_or((version, ""));
    let mut parts: Vec<&str> = build.split('.').filter(|part| !part.is_empty()).collect();
    match parts.iter().position(|part| *part == KEY) {
        Some(k) if k + 1 < parts.len() => parts[k + 1] = checksum,
        Some(_) => parts.push(checksum),
        None => parts.extend([KEY, checksum]),
    }
    format!("{number}+{}", parts.join("."))
}

/// Whether `version` names the weights with this checksum.
///
/// # Errors
/// In one sentence, what to write in Cargo.toml.
pub fn check(version: &str, path: &str, checksum: &str) -> Result<(), String> {
    let what = match named(version) {
        Some(known) if known == checksum || known == UNCHECKED => return Ok(()),
        Some(_) => "holds other weights than the version in Cargo.toml names",
        None => "holds weights that the version in Cargo.toml does not name",
    };
    Err(format!(
        "{path} {what}: if they are the ones that you want, write `version = \"{}\"` there (`onnx2rust weights MODEL -o FOLDER` \
         writes both), so that cargo cannot take a build with other weights for this one",
        version_with(version, checksum)
    ))
}

/// Why the crate that cargo runs cannot be trusted to be the one in its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// Its weights file cannot be read.
    Npz(NpzError),
    /// Its weights file is not the one that was compiled in.
    Stale {
        /// The weights file.
        path: PathBuf,
        /// The checksum of the weights in this program.
        compiled: String,
        /// The checksum of the file.
        found: String,
        /// The version that Cargo.toml should have.
        version: String,
    },
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Npz(error) => error.fmt(f),
            Self::Stale {
                path,
                compiled,
                found,
                version,
            } => write!(
                f,
                "this program holds the weights {compiled}, {} holds {found}: cargo took the build of another copy of this crate for \
                 this one; write `version = \"{version}\"` in Cargo.toml (`onnx2rust weights` does it) and build again",
                path.display()
            ),
        }
    }
}

impl std::error::Error for IdentityError {}

impl From<NpzError> for IdentityError {
    fn from(error: NpzError) -> Self {
        Self::Npz(error)
    }
}

/// The folder of the package `name`, if cargo runs it now (a test, a benchmark, an example): its weights must have the checksum
/// that was compiled in. `None` where the program runs without cargo.
///
/// # Errors
/// If the folder's weights cannot be read, or are others.
pub fn folder(name: &str, checksum: &str) -> Result<Option<PathBuf>, IdentityError> {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let Some(folder) = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from) else {
        return Ok(None);
    };
    if variable("CARGO_PKG_NAME") != name {
        return Ok(None);
    }
    let path = folder.join(WEIGHTS);
    let found = hex(Npz::open(&path)?.checksum());
    if found == checksum {
        return Ok(Some(folder));
    }
    let version = version_with(&variable("CARGO_PKG_VERSION"), &found);
    Err(IdentityError::Stale {
        path,
        compiled: checksum.into(),
        found,
        version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_keeps_all_but_the_checksum() {
        for (version, expected) in [
            ("0.1.0", "0.1.0+weights.ab"),
            ("0.1.0+weights.00", "0.1.0+weights.ab"),
            ("0.1.0+weights", "0.1.0+weights.ab"),
            (
                "1.2.3-rc.1+code.12.weights.00.mine",
                "1.2.3-rc.1+code.12.weights.ab.mine",
            ),
        ] {
            assert_eq!(version_with(version, "ab"), expected);
        }
    }

    #[test]
    fn a_version_that_names_other_weights_or_none_is_refused() {
        assert_eq!(check("0.1.0+code.1.weights.ab", "w.npz", "ab"), Ok(()));
        assert_eq!(check("0.0.0+weights.unchecked", "w.npz", "ab"), Ok(()));
        let rest = ": if they are the ones that you want, write `version = \"0.1.0+weights.ab\"` there (`onnx2rust weights MODEL -o \
                    FOLDER` writes both), so that cargo cannot take a build with other weights for this one";
        let other = "w.npz holds other weights than the version in Cargo.toml names".to_string();
        assert_eq!(check("0.1.0+weights.cd", "w.npz", "ab"), Err(other + rest));
        let none = "w.npz holds weights that the version in Cargo.toml does not name".to_string();
        assert_eq!(check("0.1.0", "w.npz", "ab"), Err(none + rest));
    }

    #[test]
    fn a_program_that_cargo_runs_for_another_package_has_no_folder() {
        assert_eq!(folder("no-such-package", "ab"), Ok(None));
    }
}
