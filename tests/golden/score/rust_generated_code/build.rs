//! Checks `model/model_weights.npz` against what the code expects and lays every tensor out for its kernel.
//!
//! Retrained? `onnx2rust weights MODEL -o FOLDER` renews the file, and the checksum that the version in `Cargo.toml` holds: no new
//! conversion is needed as long as names, types and shapes stay. A tensor that does not fit fails the build by name, and so does
//! a file that the version does not name.

use std::process::ExitCode;
use tf_layers::build::{Dtype, Packing, Tensor, thresholds, weights};

/// Every tensor of the model: its name, type and shape in the file, and the layout that its kernel reads.
#[rustfmt::skip]
const TENSORS: &[Tensor] = &[
    Tensor { name: "hidden/kernel", dtype: Dtype::F32, shape: &[10, 16], packing: Packing::Panels { transposed: false }, file: "hidden_kernel.bin" },
    Tensor { name: "hidden/bias", dtype: Dtype::F32, shape: &[16], packing: Packing::Copy, file: "hidden_bias.bin" },
    Tensor { name: "score/kernel", dtype: Dtype::F32, shape: &[16, 1], packing: Packing::Panels { transposed: false }, file: "score_kernel.bin" },
    Tensor { name: "score/bias", dtype: Dtype::F32, shape: &[1], packing: Packing::Copy, file: "score_bias.bin" },
];

fn main() -> ExitCode {
    if let Err(problem) = thresholds("model/thresholds.json") {
        println!("cargo::error={problem}");
        return ExitCode::FAILURE;
    }
    weights("model/model_weights.npz", TENSORS)
}
