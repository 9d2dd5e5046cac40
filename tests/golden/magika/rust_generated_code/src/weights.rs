//! The model's weights: read-only data of the binary, laid out by the build script.

tf_layers::weights! {
    /// Every weight, packed for its kernel. [`MagikaModel::new`](super::MagikaModel::new) uses those embedded in the binary.
    pub struct Weights<'w> {
        /// `jax2tf_get_logits_/Const_0: [257, 64]`
        pub dense_0_einsum_table: &'w [f32] = bytes "dense_0_einsum_table.bin",
        /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Dense_0/Reshape_0: [1, 1, 64]`
        pub dense_0_addv2_constant: &'w [f32] = bytes "dense_0_addv2_constant.bin",
        /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_0/Reshape_2_0: [512]`
        pub layer_norm_0_scale: &'w [f32] = bytes "layer_norm_0_scale.bin",
        /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_0/Reshape_3_0: [512]`
        pub layer_norm_0_bias: &'w [f32] = bytes "layer_norm_0_bias.bin",
        /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Conv_0/transpose_3_0: [512, 256, 5, 1]`
        pub conv_0_kernel: &'w [f32] = bytes "conv_0_kernel.bin",
        /// `const_fold_opt__209: [512]`
        pub conv_0_bias: &'w [f32] = bytes "conv_0_bias.bin",
        /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_1/Reshape_2_0: [512]`
        pub layer_norm_1_scale: &'w [f32] = bytes "layer_norm_1_scale.bin",
        /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_1/Reshape_3_0: [512]`
        pub layer_norm_1_bias: &'w [f32] = bytes "layer_norm_1_bias.bin",
        /// `jax2tf_get_logits_/Const_24_0: [512, 214]`
        pub dense_1_kernel: &'w [f32] = bytes "dense_1_kernel.bin",
        /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Dense_1/Reshape_0: [214]`
        pub dense_1_bias: &'w [f32] = bytes "dense_1_bias.bin",
    }

    /// Weights of the same model from an `.npz` file that is read while the program runs (feature `npz`).
    ///
    /// ```no_run
    /// use magika::{Layers, MagikaModel, OwnedWeights};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let file = OwnedWeights::from_npz("model/model_weights.npz")?;
    /// let layers = Layers::new(&file.weights());
    /// let model = MagikaModel::with_layers(&layers);
    /// # drop(model);
    /// # Ok(())
    /// # }
    /// ```
    pub struct OwnedWeights from super::tensors::TENSORS;
}
