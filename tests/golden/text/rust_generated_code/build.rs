//! Checks `model/model_weights.npz` against what the code expects and lays every tensor out for its kernel.
//!
//! Retrained? `onnx2rust weights MODEL -o FOLDER` renews the file, and the checksum that the version in `Cargo.toml` holds: no new
//! conversion is needed as long as names, types and shapes stay. A tensor that does not fit fails the build by name, and so does
//! a file that the version does not name.

use std::process::ExitCode;
use tf_layers::build::{Dtype, Packing, Tensor, weights};

/// Every tensor of the model: its name, type and shape in the file, and the layout that its kernel reads.
#[rustfmt::skip]
const TENSORS: &[Tensor] = &[
    Tensor { name: "embedding/table", dtype: Dtype::F32, shape: &[40, 8], packing: Packing::Copy, file: "embedding_table.bin" },
    Tensor { name: "lstm/kernel", dtype: Dtype::F32, shape: &[1, 24, 8], packing: Packing::InputGates { gates: 4 }, file: "lstm_kernel.bin" },
    Tensor { name: "lstm/recurrent", dtype: Dtype::F32, shape: &[1, 24, 6], packing: Packing::RecurrentGates { gates: 4, split: 4 }, file: "lstm_recurrent_kernel.bin" },
    Tensor { name: "lstm/bias", dtype: Dtype::F32, shape: &[1, 48], packing: Packing::GateBias { gates: 4, summed: 4 }, file: "lstm_bias.bin" },
    Tensor { name: "logits/kernel", dtype: Dtype::F32, shape: &[6, 3], packing: Packing::Panels { transposed: false }, file: "logits_kernel.bin" },
    Tensor { name: "logits/bias", dtype: Dtype::F32, shape: &[3], packing: Packing::Copy, file: "logits_bias.bin" },
];

fn main() -> ExitCode {
    weights("model/model_weights.npz", TENSORS)
}
