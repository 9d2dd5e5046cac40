//! The model's weights: read-only data of the binary, laid out by the build script.

tf_layers::weights! {
    /// Every weight, packed for its kernel. [`MagikaModel::new`](super::MagikaModel::new) uses those embedded in the binary.
    pub struct Weights<'w> {
        /// `jax2tf_get_logits_/Const_0: [257, 64]`
        pub jax2tf_get_logits_const_0: &'w [f32] = bytes "jax2tf_get_logits_const_0.bin",
        /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Dense_0/Reshape_0: [1, 1, 64]`
        pub pjit_get_logits_magikav2_dense_0_reshape_0: &'w [f32] = bytes "pjit_get_logits_magikav2_dense_0_reshape_0.bin",
        /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_0/Reshape_2_0: [512]`
        pub get_logits_magikav2_layer_norm_0_reshape_2_0: &'w [f32] = bytes "get_logits_magikav2_layer_norm_0_reshape_2_0.bin",
        /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_0/Reshape_3_0: [512]`
        pub get_logits_magikav2_layer_norm_0_reshape_3_0: &'w [f32] = bytes "get_logits_magikav2_layer_norm_0_reshape_3_0.bin",
        /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Conv_0/transpose_3_0: [512, 256, 5, 1]`
        pub pjit_get_logits_magikav2_conv_0_transpose_3_0: &'w [f32] = bytes "pjit_get_logits_magikav2_conv_0_transpose_3_0.bin",
        /// `const_fold_opt__209: [512]`
        pub const_fold_opt_209: &'w [f32] = bytes "const_fold_opt_209.bin",
        /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_1/Reshape_2_0: [512]`
        pub get_logits_magikav2_layer_norm_1_reshape_2_0: &'w [f32] = bytes "get_logits_magikav2_layer_norm_1_reshape_2_0.bin",
        /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_1/Reshape_3_0: [512]`
        pub get_logits_magikav2_layer_norm_1_reshape_3_0: &'w [f32] = bytes "get_logits_magikav2_layer_norm_1_reshape_3_0.bin",
        /// `jax2tf_get_logits_/Const_24_0: [512, 214]`
        pub jax2tf_get_logits_const_24_0: &'w [f32] = bytes "jax2tf_get_logits_const_24_0.bin",
        /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Dense_1/Reshape_0: [214]`
        pub pjit_get_logits_magikav2_dense_1_reshape_0: &'w [f32] = bytes "pjit_get_logits_magikav2_dense_1_reshape_0.bin",
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
