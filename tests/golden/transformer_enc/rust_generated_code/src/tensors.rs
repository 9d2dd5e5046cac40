//! Every tensor of the model: its name, type and shape in the weights file, and the layout that its kernel reads. The build script
//! reads it, and so does [`OwnedWeights`](super::OwnedWeights).

use tf_layers::build::{Dtype, Packing, Tensor};

#[rustfmt::skip]
pub const TENSORS: &[Tensor] = &[
    Tensor { name: "embedding/embeddings", dtype: Dtype::F32, shape: &[30, 8], packing: Packing::Copy, file: "embedding_embeddings.bin" },
    Tensor { name: "multi_head_attention/query/kernel", dtype: Dtype::F32, shape: &[8, 8], packing: Packing::Panels { transposed: false }, file: "multi_head_attention_query_kernel.bin" },
    Tensor { name: "multi_head_attention/key/kernel", dtype: Dtype::F32, shape: &[8, 8], packing: Packing::Panels { transposed: false }, file: "multi_head_attention_key_kernel.bin" },
    Tensor { name: "multi_head_attention/value/kernel", dtype: Dtype::F32, shape: &[8, 8], packing: Packing::Panels { transposed: false }, file: "multi_head_attention_value_kernel.bin" },
    Tensor { name: "multi_head_attention/attention_output/kernel", dtype: Dtype::F32, shape: &[8, 8], packing: Packing::Panels { transposed: false }, file: "multi_head_attention_attention_output_kernel.bin" },
    Tensor { name: "layer_normalization/scale", dtype: Dtype::F32, shape: &[8], packing: Packing::Copy, file: "layer_normalization_scale.bin" },
    Tensor { name: "layer_normalization/bias_1", dtype: Dtype::F32, shape: &[8], packing: Packing::Copy, file: "layer_normalization_bias_1.bin" },
    Tensor { name: "dense_1/Tensordot/kernel", dtype: Dtype::F32, shape: &[8, 16], packing: Packing::Panels { transposed: false }, file: "dense_1_kernel.bin" },
    Tensor { name: "dense/Tensordot/kernel", dtype: Dtype::F32, shape: &[16, 8], packing: Packing::Panels { transposed: false }, file: "dense_kernel.bin" },
    Tensor { name: "multi_head_attention_1/query/kernel", dtype: Dtype::F32, shape: &[8, 8], packing: Packing::Panels { transposed: false }, file: "multi_head_attention_1_query_kernel.bin" },
    Tensor { name: "multi_head_attention_1/key/kernel", dtype: Dtype::F32, shape: &[8, 8], packing: Packing::Panels { transposed: false }, file: "multi_head_attention_1_key_kernel.bin" },
    Tensor { name: "multi_head_attention_1/value/kernel", dtype: Dtype::F32, shape: &[8, 8], packing: Packing::Panels { transposed: false }, file: "multi_head_attention_1_value_kernel.bin" },
    Tensor { name: "multi_head_attention_1/attention_output/kernel", dtype: Dtype::F32, shape: &[8, 8], packing: Packing::Panels { transposed: false }, file: "multi_head_attention_1_attention_output_kernel.bin" },
    Tensor { name: "dense_3/Tensordot/kernel", dtype: Dtype::F32, shape: &[8, 16], packing: Packing::Panels { transposed: false }, file: "dense_3_kernel.bin" },
    Tensor { name: "dense_2/Tensordot/kernel", dtype: Dtype::F32, shape: &[16, 8], packing: Packing::Panels { transposed: false }, file: "dense_2_kernel.bin" },
    Tensor { name: "dense_4/kernel", dtype: Dtype::F32, shape: &[8, 2], packing: Packing::Panels { transposed: false }, file: "dense_4_kernel.bin" },
];
