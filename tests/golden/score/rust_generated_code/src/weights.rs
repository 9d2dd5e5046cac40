//! The model's weights: read-only data of the binary, laid out by the build script.

use tf_layers::embed;
embed! {
    /// hidden/kernel: `[10, 16]`
    static HIDDEN_KERNEL: [f32] = "hidden_kernel.bin";
}
embed! {
    /// hidden/bias: `[16]`
    static HIDDEN_BIAS: [f32] = "hidden_bias.bin";
}
embed! {
    /// score/kernel: `[16, 1]`
    static SCORE_KERNEL: [f32] = "score_kernel.bin";
}
embed! {
    /// score/bias: `[1]`
    static SCORE_BIAS: [f32] = "score_bias.bin";
}

/// Every weight, packed for its kernel. [`ScoreModel::new`](super::ScoreModel::new) uses those embedded in the binary.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'w> {
    /// hidden/kernel: `[10, 16]`
    pub hidden_kernel: &'w [f32],
    /// hidden/bias: `[16]`
    pub hidden_bias: &'w [f32],
    /// score/kernel: `[16, 1]`
    pub score_kernel: &'w [f32],
    /// score/bias: `[1]`
    pub score_bias: &'w [f32],
}

impl Weights<'static> {
    /// The weights that are part of this binary.
    pub const EMBEDDED: Self = Self {
        hidden_kernel: &HIDDEN_KERNEL.0,
        hidden_bias: &HIDDEN_BIAS.0,
        score_kernel: &SCORE_KERNEL.0,
        score_bias: &SCORE_BIAS.0,
    };
}
