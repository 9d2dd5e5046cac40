//! Checks `model/model_weights.npz` against what the code expects and lays every tensor out for its kernel.
//!
//! Retrained? `onnx2rust weights MODEL -o FOLDER` renews the file, and the checksum that the version in `Cargo.toml` holds: no new
//! conversion is needed as long as names, types and shapes stay. A tensor that does not fit fails the build by name, and so does
//! a file that the version does not name.

#[path = "src/tensors.rs"]
mod tensors;

use std::process::ExitCode;
use tensors::TENSORS;
use tf_layers::build::{thresholds, weights};

fn main() -> ExitCode {
    if let Err(problem) = thresholds("model/thresholds.json") {
        println!("cargo::error={problem}");
        return ExitCode::FAILURE;
    }
    weights("model/model_weights.npz", TENSORS)
}
