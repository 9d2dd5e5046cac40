//! The model's weights: read-only data of the binary, laid out by the build script.

tf_layers::weights! {
    /// Every weight, packed for its kernel. [`TransformerEncModel::new`](super::TransformerEncModel::new) uses those embedded in the binary.
    pub struct Weights<'w> {
        /// `embedding/embeddings: [30, 8]`
        pub embedding_embeddings: &'w [f32] = bytes "embedding_embeddings.bin",
        /// `multi_head_attention/query/kernel: [8, 8]`
        pub multi_head_attention_query_kernel: &'w [f32] = bytes "multi_head_attention_query_kernel.bin",
        /// `multi_head_attention/key/kernel: [8, 8]`
        pub multi_head_attention_key_kernel: &'w [f32] = bytes "multi_head_attention_key_kernel.bin",
        /// `multi_head_attention/value/kernel: [8, 8]`
        pub multi_head_attention_value_kernel: &'w [f32] = bytes "multi_head_attention_value_kernel.bin",
        /// `multi_head_attention/attention_output/kernel: [8, 8]`
        pub multi_head_attention_attention_output_kernel: &'w [f32] = bytes "multi_head_attention_attention_output_kernel.bin",
        /// `layer_normalization/scale: [8]`
        pub layer_normalization_scale: &'w [f32] = bytes "layer_normalization_scale.bin",
        /// `layer_normalization/bias_1: [8]`
        pub layer_normalization_bias_1: &'w [f32] = bytes "layer_normalization_bias_1.bin",
        /// `dense_1/Tensordot/kernel: [8, 16]`
        pub dense_1_kernel: &'w [f32] = bytes "dense_1_kernel.bin",
        /// `dense/Tensordot/kernel: [16, 8]`
        pub dense_kernel: &'w [f32] = bytes "dense_kernel.bin",
        /// `multi_head_attention_1/query/kernel: [8, 8]`
        pub multi_head_attention_1_query_kernel: &'w [f32] = bytes "multi_head_attention_1_query_kernel.bin",
        /// `multi_head_attention_1/key/kernel: [8, 8]`
        pub multi_head_attention_1_key_kernel: &'w [f32] = bytes "multi_head_attention_1_key_kernel.bin",
        /// `multi_head_attention_1/value/kernel: [8, 8]`
        pub multi_head_attention_1_value_kernel: &'w [f32] = bytes "multi_head_attention_1_value_kernel.bin",
        /// `multi_head_attention_1/attention_output/kernel: [8, 8]`
        pub multi_head_attention_1_attention_output_kernel: &'w [f32] = bytes "multi_head_attention_1_attention_output_kernel.bin",
        /// `dense_3/Tensordot/kernel: [8, 16]`
        pub dense_3_kernel: &'w [f32] = bytes "dense_3_kernel.bin",
        /// `dense_2/Tensordot/kernel: [16, 8]`
        pub dense_2_kernel: &'w [f32] = bytes "dense_2_kernel.bin",
        /// `dense_4/kernel: [8, 2]`
        pub dense_4_kernel: &'w [f32] = bytes "dense_4_kernel.bin",
    }

    /// Weights of the same model from an `.npz` file that is read while the program runs (feature `npz`).
    ///
    /// ```no_run
    /// use transformer_enc::{Layers, TransformerEncModel, OwnedWeights};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let file = OwnedWeights::from_npz("model/model_weights.npz")?;
    /// let layers = Layers::new(&file.weights());
    /// let model = TransformerEncModel::with_layers(&layers);
    /// # drop(model);
    /// # Ok(())
    /// # }
    /// ```
    pub struct OwnedWeights from super::tensors::TENSORS;
}
