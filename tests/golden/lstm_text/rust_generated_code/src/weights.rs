//! The model's weights: read-only data of the binary, laid out by the build script.

tf_layers::weights! {
    /// Every weight, packed for its kernel. [`LstmTextModel::new`](super::LstmTextModel::new) uses those embedded in the binary.
    pub struct Weights<'w> {
        /// `embedding/embeddings: [30, 8]`
        pub embedding_embeddings: &'w [f32] = bytes "embedding_embeddings.bin",
        /// `lstm/kernel: [1, 24, 8]`
        pub lstm_kernel: &'w [f32] = bytes "lstm_kernel.bin",
        /// `lstm/recurrent_kernel: [1, 24, 6]`
        pub lstm_recurrent_kernel: &'w [f32] = bytes "lstm_recurrent_kernel.bin",
        /// `lstm/bias: [1, 48]`
        pub lstm_bias: &'w [f32] = bytes "lstm_bias.bin",
        /// `dense/kernel: [6, 1]`
        pub dense_kernel: &'w [f32] = bytes "dense_kernel.bin",
    }

    /// Weights of the same model from an `.npz` file that is read while the program runs (feature `npz`).
    ///
    /// ```no_run
    /// use lstm_text::{Layers, LstmTextModel, OwnedWeights};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let file = OwnedWeights::from_npz("model/model_weights.npz")?;
    /// let layers = Layers::new(&file.weights());
    /// let model = LstmTextModel::with_layers(&layers);
    /// # drop(model);
    /// # Ok(())
    /// # }
    /// ```
    pub struct OwnedWeights from super::tensors::TENSORS;
}
