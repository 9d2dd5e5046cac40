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
    Tensor { name: "jax2tf_get_logits_/Const_0", dtype: Dtype::F32, shape: &[257, 64], packing: Packing::Copy, file: "dense_0_einsum_table.bin" },
    Tensor { name: "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Dense_0/Reshape_0", dtype: Dtype::F32, shape: &[1, 1, 64], packing: Packing::Copy, file: "dense_0_addv2_constant.bin" },
    Tensor { name: "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_0/Reshape_2_0", dtype: Dtype::F32, shape: &[512], packing: Packing::Copy, file: "layer_norm_0_scale.bin" },
    Tensor { name: "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_0/Reshape_3_0", dtype: Dtype::F32, shape: &[512], packing: Packing::Copy, file: "layer_norm_0_bias.bin" },
    Tensor { name: "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Conv_0/transpose_3_0", dtype: Dtype::F32, shape: &[512, 256, 5, 1], packing: Packing::Conv { group: 1 }, file: "conv_0_kernel.bin" },
    Tensor { name: "const_fold_opt__209", dtype: Dtype::F32, shape: &[512], packing: Packing::Copy, file: "conv_0_bias.bin" },
    Tensor { name: "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_1/Reshape_2_0", dtype: Dtype::F32, shape: &[512], packing: Packing::Copy, file: "layer_norm_1_scale.bin" },
    Tensor { name: "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_1/Reshape_3_0", dtype: Dtype::F32, shape: &[512], packing: Packing::Copy, file: "layer_norm_1_bias.bin" },
    Tensor { name: "jax2tf_get_logits_/Const_24_0", dtype: Dtype::F32, shape: &[512, 214], packing: Packing::Panels { transposed: false }, file: "dense_1_kernel.bin" },
    Tensor { name: "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Dense_1/Reshape_0", dtype: Dtype::F32, shape: &[214], packing: Packing::Copy, file: "dense_1_bias.bin" },
];

fn main() -> ExitCode {
    weights("model/model_weights.npz", TENSORS)
}
