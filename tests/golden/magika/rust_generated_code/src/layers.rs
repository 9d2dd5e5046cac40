//! Every layer of the model that has parameters, with its parameters.

use tf_layers::activation::{Activate, Activation};
use tf_layers::conv::Conv;
use tf_layers::dense::Dense;
use tf_layers::indexing::GatherOrZero;
use tf_layers::movement::Transpose;
use tf_layers::norm::LayerNormalization;

use super::weights::Weights;
use core::fmt;

/// The layers of the model, in the order they run, and the constants they read.
#[derive(Clone, Copy)]
pub struct Layers<'w> {
    /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Dense_0/einsum/Einsum (MatMul): [batch, 2048, 64]`
    pub dense_0_einsum: GatherOrZero,
    /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/ApplyActivation_0/GeluTanh: [batch, 2048, 64]`
    pub apply_activation_0: Activate,
    /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_0/LayerNormalization: [batch, 256, 512]`
    pub layer_norm_0_transpose: Transpose<3>,
    /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_0/LayerNormalization: [batch, 256, 512]`
    pub layer_norm_0: LayerNormalization<'w>,
    /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_0/LayerNormalization: [batch, 512, 256]`
    pub layer_norm_0_transpose_2: Transpose<3>,
    /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Conv_0/Conv2D (Conv): [batch, 508, 512]`
    pub conv_0: Conv<'w, 2>,
    /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_1/LayerNormalization: [batch, 512]`
    pub layer_norm_1: LayerNormalization<'w>,
    /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Dense_1/MatMul: [batch, 214]`
    pub dense_1: Dense<'w>,
    /// `jax2tf_get_logits_/Const_0`
    pub dense_0_einsum_table: &'w [f32],
    /// `jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Dense_0/Reshape_0`
    pub dense_0_addv2_constant: &'w [f32],
}

impl<'w> Layers<'w> {
    /// Builds and checks every layer; in a constant, parameters that do not fit are compile errors.
    #[allow(
        clippy::approx_constant,
        clippy::excessive_precision,
        reason = "parameters are what the model says"
    )]
    pub const fn new(w: &Weights<'w>) -> Self {
        Self {
            dense_0_einsum: GatherOrZero { negative: false }.checked(),
            apply_activation_0: Activate {
                activation: Activation::GeluTanh,
            }
            .checked(),
            layer_norm_0_transpose: Transpose { perm: [0, 2, 1] }.checked(),
            layer_norm_0: LayerNormalization {
                epsilon: 0.000001,
                scale: Some(w.layer_norm_0_scale),
                bias: Some(w.layer_norm_0_bias),
            }
            .checked(),
            layer_norm_0_transpose_2: Transpose { perm: [0, 2, 1] }.checked(),
            conv_0: Conv {
                input_channels: 256,
                output_channels: 512,
                group: 1,
                kernel_shape: [5, 1],
                strides: [1, 1],
                dilations: [1, 1],
                pads_begin: [0, 0],
                pads_end: [0, 0],
                kernel: w.conv_0_kernel,
                bias: Some(w.conv_0_bias),
                activation: Activation::GeluTanh,
            }
            .checked(),
            layer_norm_1: LayerNormalization {
                epsilon: 0.000001,
                scale: Some(w.layer_norm_1_scale),
                bias: Some(w.layer_norm_1_bias),
            }
            .checked(),
            dense_1: Dense {
                inputs: 512,
                units: 214,
                kernel: w.dense_1_kernel,
                bias: Some(w.dense_1_bias),
                activation: Activation::Linear,
            }
            .checked(),
            dense_0_einsum_table: w.dense_0_einsum_table,
            dense_0_addv2_constant: w.dense_0_addv2_constant,
        }
    }
}

/// Without the layers: there may be hundreds. Each implements `Debug` itself, without the numbers of its weights.
impl fmt::Debug for Layers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers").finish_non_exhaustive()
    }
}

/// The layers over the weights that are part of this binary.
pub(super) static EMBEDDED: Layers<'static> = Layers::new(&Weights::EMBEDDED);
