//! The model's weights: read-only data of the binary, laid out by the build script.

tf_layers::weights! {
    /// Every weight, packed for its kernel. [`DigitsModel::new`](super::DigitsModel::new) uses those embedded in the binary.
    pub struct Weights<'w> {
        /// `conv1/kernel: [8, 1, 3, 3]`
        pub conv1_kernel: &'w [f32] = bytes "conv1_kernel.bin",
        /// `conv1/bias: [8]`
        pub conv1_bias: &'w [f32] = bytes "conv1_bias.bin",
        /// `conv2/kernel: [16, 8, 3, 3]`
        pub conv2_kernel: &'w [f32] = bytes "conv2_kernel.bin",
        /// `conv2/bias: [16]`
        pub conv2_bias: &'w [f32] = bytes "conv2_bias.bin",
        /// `logits/kernel: [64, 10]`
        pub logits_kernel: &'w [f32] = bytes "logits_kernel.bin",
        /// `logits/bias: [10]`
        pub logits_bias: &'w [f32] = bytes "logits_bias.bin",
    }

    /// Weights of the same model from an `.npz` file that is read while the program runs (feature `npz`).
    ///
    /// ```no_run
    /// use digits::{Layers, DigitsModel, OwnedWeights};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let file = OwnedWeights::from_npz("model/model_weights.npz")?;
    /// let layers = Layers::new(&file.weights());
    /// let model = DigitsModel::with_layers(&layers);
    /// # drop(model);
    /// # Ok(())
    /// # }
    /// ```
    pub struct OwnedWeights from super::tensors::TENSORS;
}
