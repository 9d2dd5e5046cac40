//! The model's weights: read-only data of the binary, laid out by the build script.

use tf_layers::embed;
embed! {
    /// conv1/kernel: `[8, 1, 3, 3]`
    static CONV1_KERNEL: [f32] = "conv1_kernel.bin";
}
embed! {
    /// conv1/bias: `[8]`
    static CONV1_BIAS: [f32] = "conv1_bias.bin";
}
embed! {
    /// conv2/kernel: `[16, 8, 3, 3]`
    static CONV2_KERNEL: [f32] = "conv2_kernel.bin";
}
embed! {
    /// conv2/bias: `[16]`
    static CONV2_BIAS: [f32] = "conv2_bias.bin";
}
embed! {
    /// logits/kernel: `[64, 10]`
    static LOGITS_KERNEL: [f32] = "logits_kernel.bin";
}
embed! {
    /// logits/bias: `[10]`
    static LOGITS_BIAS: [f32] = "logits_bias.bin";
}

/// Every weight, packed for its kernel. [`DigitsModel::new`](super::DigitsModel::new) uses those embedded in the binary.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'w> {
    /// conv1/kernel: `[8, 1, 3, 3]`
    pub conv1_kernel: &'w [f32],
    /// conv1/bias: `[8]`
    pub conv1_bias: &'w [f32],
    /// conv2/kernel: `[16, 8, 3, 3]`
    pub conv2_kernel: &'w [f32],
    /// conv2/bias: `[16]`
    pub conv2_bias: &'w [f32],
    /// logits/kernel: `[64, 10]`
    pub logits_kernel: &'w [f32],
    /// logits/bias: `[10]`
    pub logits_bias: &'w [f32],
}

impl Weights<'static> {
    /// The weights that are part of this binary.
    pub const EMBEDDED: Self = Self {
        conv1_kernel: &CONV1_KERNEL.0,
        conv1_bias: &CONV1_BIAS.0,
        conv2_kernel: &CONV2_KERNEL.0,
        conv2_bias: &CONV2_BIAS.0,
        logits_kernel: &LOGITS_KERNEL.0,
        logits_bias: &LOGITS_BIAS.0,
    };
}
