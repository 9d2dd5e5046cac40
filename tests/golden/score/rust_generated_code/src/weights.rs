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
}
