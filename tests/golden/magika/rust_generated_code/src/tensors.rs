//! Every tensor of the model: its name, type and shape in the weights file, and the layout that its kernel reads. For the build script, and for
//! [`OwnedWeights`](super::OwnedWeights).

use tf_layers::build::{Dtype, Packing, Tensor};

#[rustfmt::skip]
pub const TENSORS: &[Tensor] = &[
    Tensor { name: "jax2tf_get_logits_/Const_0", dtype: Dtype::F32, shape: &[257, 64], packing: Packing::Copy, file: "jax2tf_get_logits_const_0.bin" },
    Tensor { name: "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Dense_0/Reshape_0", dtype: Dtype::F32, shape: &[1, 1, 64], packing: Packing::Copy, file: "pjit_get_logits_magikav2_dense_0_reshape_0.bin" },
    Tensor { name: "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_0/Reshape_2_0", dtype: Dtype::F32, shape: &[512], packing: Packing::Copy, file: "get_logits_magikav2_layer_norm_0_reshape_2_0.bin" },
    Tensor { name: "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_0/Reshape_3_0", dtype: Dtype::F32, shape: &[512], packing: Packing::Copy, file: "get_logits_magikav2_layer_norm_0_reshape_3_0.bin" },
    Tensor { name: "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Conv_0/transpose_3_0", dtype: Dtype::F32, shape: &[512, 256, 5, 1], packing: Packing::Conv { group: 1 }, file: "pjit_get_logits_magikav2_conv_0_transpose_3_0.bin" },
    Tensor { name: "const_fold_opt__209", dtype: Dtype::F32, shape: &[512], packing: Packing::Copy, file: "const_fold_opt_209.bin" },
    Tensor { name: "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_1/Reshape_2_0", dtype: Dtype::F32, shape: &[512], packing: Packing::Copy, file: "get_logits_magikav2_layer_norm_1_reshape_2_0.bin" },
    Tensor { name: "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_1/Reshape_3_0", dtype: Dtype::F32, shape: &[512], packing: Packing::Copy, file: "get_logits_magikav2_layer_norm_1_reshape_3_0.bin" },
    Tensor { name: "jax2tf_get_logits_/Const_24_0", dtype: Dtype::F32, shape: &[512, 214], packing: Packing::Panels { transposed: false }, file: "jax2tf_get_logits_const_24_0.bin" },
    Tensor { name: "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Dense_1/Reshape_0", dtype: Dtype::F32, shape: &[214], packing: Packing::Copy, file: "pjit_get_logits_magikav2_dense_1_reshape_0.bin" },
];
