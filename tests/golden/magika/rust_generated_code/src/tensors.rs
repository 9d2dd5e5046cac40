//! Every tensor of the model: its name, type and shape in the weights file, and the layout that its kernel reads. The build script
//! reads it, and so does [`OwnedWeights`](super::OwnedWeights).

use tf_layers::build::{Dtype, Packing, Tensor};

#[rustfmt::skip]
pub const TENSORS: &[Tensor] = &[
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
