//! The model's weights: read-only data of the binary, laid out by the build script.

tf_layers::weights! {
    /// Every weight, packed for its kernel. [`ScoreModel::new`](super::ScoreModel::new) uses those embedded in the binary.
    pub struct Weights<'w> {
        /// `hidden/kernel: [10, 16]`
        pub hidden_kernel: &'w [f32] = bytes "hidden_kernel.bin",
        /// `hidden/bias: [16]`
        pub hidden_bias: &'w [f32] = bytes "hidden_bias.bin",
        /// `score/kernel: [16, 1]`
        pub score_kernel: &'w [f32] = bytes "score_kernel.bin",
        /// `score/bias: [1]`
        pub score_bias: &'w [f32] = bytes "score_bias.bin",
    }

    /// Weights of the same model from an `.npz` file that is read while the program runs (feature `npz`).
    ///
    /// ```no_run
    /// use score::{Layers, ScoreModel, OwnedWeights};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let file = OwnedWeights::from_npz("model/model_weights.npz")?;
    /// let layers = Layers::new(&file.weights());
    /// let model = ScoreModel::with_layers(&layers);
    /// # drop(model);
    /// # Ok(())
    /// # }
    /// ```
    pub struct OwnedWeights from super::tensors::TENSORS;
}
