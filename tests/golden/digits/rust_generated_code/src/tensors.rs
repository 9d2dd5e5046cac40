//! Every tensor of the model: its name, type and shape in the weights file, and the layout that its kernel reads. The build script
//! reads it, and so does [`OwnedWeights`](super::OwnedWeights).

use tf_layers::build::{Dtype, Packing, Tensor};

#[rustfmt::skip]
pub const TENSORS: &[Tensor] = &[
    Tensor { name: "conv1/kernel", dtype: Dtype::F32, shape: &[8, 1, 3, 3], packing: Packing::Conv { group: 1 }, file: "conv1_kernel.bin" },
    Tensor { name: "conv1/bias", dtype: Dtype::F32, shape: &[8], packing: Packing::Copy, file: "conv1_bias.bin" },
    Tensor { name: "conv2/kernel", dtype: Dtype::F32, shape: &[16, 8, 3, 3], packing: Packing::Conv { group: 1 }, file: "conv2_kernel.bin" },
    Tensor { name: "conv2/bias", dtype: Dtype::F32, shape: &[16], packing: Packing::Copy, file: "conv2_bias.bin" },
    Tensor { name: "logits/kernel", dtype: Dtype::F32, shape: &[64, 10], packing: Packing::Panels { transposed: false }, file: "logits_kernel.bin" },
    Tensor { name: "logits/bias", dtype: Dtype::F32, shape: &[10], packing: Packing::Copy, file: "logits_bias.bin" },
];
