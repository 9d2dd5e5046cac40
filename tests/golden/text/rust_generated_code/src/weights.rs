//! The model's weights: read-only data of the binary, laid out by the build script.

use tf_layers::embed;
embed! {
    /// embedding/table: `[40, 8]`
    static EMBEDDING_TABLE: [f32] = "embedding_table.bin";
}
embed! {
    /// lstm/kernel: `[1, 24, 8]`
    static LSTM_KERNEL: [f32] = "lstm_kernel.bin";
}
embed! {
    /// lstm/recurrent: `[1, 24, 6]`
    static LSTM_RECURRENT: [f32] = "lstm_recurrent.bin";
}
embed! {
    /// lstm/bias: `[1, 48]`
    static LSTM_BIAS: [f32] = "lstm_bias.bin";
}
embed! {
    /// logits/kernel: `[6, 3]`
    static LOGITS_KERNEL: [f32] = "logits_kernel.bin";
}
embed! {
    /// logits/bias: `[3]`
    static LOGITS_BIAS: [f32] = "logits_bias.bin";
}

/// Every weight, packed for its kernel. [`TextModel::new`](super::TextModel::new) uses those embedded in the binary.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'w> {
    /// embedding/table: `[40, 8]`
    pub embedding_table: &'w [f32],
    /// lstm/kernel: `[1, 24, 8]`
    pub lstm_kernel: &'w [f32],
    /// lstm/recurrent: `[1, 24, 6]`
    pub lstm_recurrent: &'w [f32],
    /// lstm/bias: `[1, 48]`
    pub lstm_bias: &'w [f32],
    /// logits/kernel: `[6, 3]`
    pub logits_kernel: &'w [f32],
    /// logits/bias: `[3]`
    pub logits_bias: &'w [f32],
}

impl Weights<'static> {
    /// The weights that are part of this binary.
    pub const EMBEDDED: Self = Self {
        embedding_table: &EMBEDDING_TABLE.0,
        lstm_kernel: &LSTM_KERNEL.0,
        lstm_recurrent: &LSTM_RECURRENT.0,
        lstm_bias: &LSTM_BIAS.0,
        logits_kernel: &LOGITS_KERNEL.0,
        logits_bias: &LOGITS_BIAS.0,
    };
}
