//! Every tensor of the model: its name, type and shape in the weights file, and the layout that its kernel reads. The build script
//! reads it, and so does [`OwnedWeights`](super::OwnedWeights).

use tf_layers::build::{Dtype, Packing, Tensor};

#[rustfmt::skip]
pub const TENSORS: &[Tensor] = &[
    Tensor { name: "hidden/kernel", dtype: Dtype::F32, shape: &[10, 16], packing: Packing::Panels { transposed: false }, file: "hidden_kernel.bin" },
    Tensor { name: "hidden/bias", dtype: Dtype::F32, shape: &[16], packing: Packing::Copy, file: "hidden_bias.bin" },
    Tensor { name: "score/kernel", dtype: Dtype::F32, shape: &[16, 1], packing: Packing::Panels { transposed: false }, file: "score_kernel.bin" },
    Tensor { name: "score/bias", dtype: Dtype::F32, shape: &[1], packing: Packing::Copy, file: "score_bias.bin" },
];
