//! Every tensor of the model: its name, type and shape in the weights file, and the layout that its kernel reads. The build script
//! reads it, and so does [`OwnedWeights`](super::OwnedWeights).

use tf_layers::build::{Dtype, Packing, Tensor};

#[rustfmt::skip]
pub const TENSORS: &[Tensor] = &[
    Tensor { name: "embedding/table", dtype: Dtype::F32, shape: &[40, 8], packing: Packing::Copy, file: "embedding_table.bin" },
    Tensor { name: "lstm/kernel", dtype: Dtype::F32, shape: &[1, 24, 8], packing: Packing::InputGates { gates: 4 }, file: "lstm_kernel.bin" },
    Tensor { name: "lstm/recurrent", dtype: Dtype::F32, shape: &[1, 24, 6], packing: Packing::RecurrentGates { gates: 4, split: 4 }, file: "lstm_recurrent_kernel.bin" },
    Tensor { name: "lstm/bias", dtype: Dtype::F32, shape: &[1, 48], packing: Packing::GateBias { gates: 4, summed: 4 }, file: "lstm_bias.bin" },
    Tensor { name: "logits/kernel", dtype: Dtype::F32, shape: &[6, 3], packing: Packing::Panels { transposed: false }, file: "logits_kernel.bin" },
    Tensor { name: "logits/bias", dtype: Dtype::F32, shape: &[3], packing: Packing::Copy, file: "logits_bias.bin" },
];
