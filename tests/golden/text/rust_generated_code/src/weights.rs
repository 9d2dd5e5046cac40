//! The model's weights: read-only data of the binary, laid out by the build script.

tf_layers::weights! {
    /// Every weight, packed for its kernel. [`TextModel::new`](super::TextModel::new) uses those embedded in the binary.
    pub struct Weights<'w> {
        /// `embedding/table: [40, 8]`
        pub embedding_table: &'w [f32] = bytes "embedding_table.bin",
        /// `lstm/kernel: [1, 24, 8]`
        pub lstm_kernel: &'w [f32] = bytes "lstm_kernel.bin",
        /// `lstm/recurrent: [1, 24, 6]`
        pub lstm_recurrent_kernel: &'w [f32] = bytes "lstm_recurrent_kernel.bin",
        /// `lstm/bias: [1, 48]`
        pub lstm_bias: &'w [f32] = bytes "lstm_bias.bin",
        /// `logits/kernel: [6, 3]`
        pub logits_kernel: &'w [f32] = bytes "logits_kernel.bin",
        /// `logits/bias: [3]`
        pub logits_bias: &'w [f32] = bytes "logits_bias.bin",
    }

    /// Weights of the same model from an `.npz` file that is read while the program runs (feature `npz`).
    ///
    /// ```no_run
    /// use text::{Layers, TextModel, OwnedWeights};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let file = OwnedWeights::from_npz("model/model_weights.npz")?;
    /// let layers = Layers::new(&file.weights());
    /// let model = TextModel::with_layers(&layers);
    /// # drop(model);
    /// # Ok(())
    /// # }
    /// ```
    pub struct OwnedWeights from super::tensors::TENSORS;
}
