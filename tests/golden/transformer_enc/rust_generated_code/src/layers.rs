//! Every layer of the model that has parameters, with its parameters.

use tf_layers::activation::Activation;
use tf_layers::attention::{Attention, Axes, EmptyRows};
use tf_layers::dense::Dense;
use tf_layers::norm::LayerNormalization;
use tf_layers::reduce::{Reduce, Reduction};

use super::weights::Weights;
use core::fmt;

/// The layers of the model, in the order they run, and the constants they read.
#[derive(Clone, Copy)]
pub struct Layers<'w> {
    /// `multi_head_attention/query/MatMul: [batch, 8, 8]`
    pub multi_head_attention_query: Dense<'w>,
    /// `multi_head_attention/key/MatMul: [batch, 8, 8]`
    pub multi_head_attention_key: Dense<'w>,
    /// `multi_head_attention/value/MatMul: [batch, 8, 8]`
    pub multi_head_attention_value: Dense<'w>,
    /// `multi_head_attention/Attention: [batch, 8, 2, 4]`
    pub multi_head_attention_attention: Attention,
    /// `multi_head_attention/attention_output/MatMul_1 (MatMul): [batch, 8, 8]`
    pub multi_head_attention_attention_output: Dense<'w>,
    /// `layer_normalization/LayerNormalization: [batch, 8, 8]`
    pub layer_normalization: LayerNormalization<'w>,
    /// `dense_1/Tensordot/MatMul: [batch, 8, 16]`
    pub dense_1: Dense<'w>,
    /// `dense/Tensordot/MatMul: [batch, 8, 8]`
    pub dense: Dense<'w>,
    /// `layer_normalization_1/LayerNormalization: [batch, 8, 8]`
    pub layer_normalization_1: LayerNormalization<'w>,
    /// `multi_head_attention_1/query/MatMul: [batch, 8, 8]`
    pub multi_head_attention_1_query: Dense<'w>,
    /// `multi_head_attention_1/key/MatMul: [batch, 8, 8]`
    pub multi_head_attention_1_key: Dense<'w>,
    /// `multi_head_attention_1/value/MatMul: [batch, 8, 8]`
    pub multi_head_attention_1_value: Dense<'w>,
    /// `multi_head_attention_1/Attention: [batch, 8, 2, 4]`
    pub multi_head_attention_1_attention: Attention,
    /// `multi_head_attention_1/attention_output/MatMul_1 (MatMul): [batch, 8, 8]`
    pub multi_head_attention_1_attention_output: Dense<'w>,
    /// `layer_normalization_2/LayerNormalization: [batch, 8, 8]`
    pub layer_normalization_2: LayerNormalization<'w>,
    /// `dense_3/Tensordot/MatMul: [batch, 8, 16]`
    pub dense_3: Dense<'w>,
    /// `dense_2/Tensordot/MatMul: [batch, 8, 8]`
    pub dense_2: Dense<'w>,
    /// `layer_normalization_3/LayerNormalization: [batch, 8, 8]`
    pub layer_normalization_3: LayerNormalization<'w>,
    /// `global_average_pooling1d/Mean (ReduceMean): [batch, 1, 8]`
    pub global_average_pooling1d: Reduce<3>,
    /// `dense_4/MatMul: [batch, 2]`
    pub dense_4: Dense<'w>,
    /// `embedding/embeddings`
    pub embedding_embeddings: &'w [f32],
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
            multi_head_attention_query: Dense {
                inputs: 8,
                units: 8,
                kernel: w.multi_head_attention_query_kernel,
                bias: None,
                activation: Activation::Linear,
            }
            .checked(),
            multi_head_attention_key: Dense {
                inputs: 8,
                units: 8,
                kernel: w.multi_head_attention_key_kernel,
                bias: None,
                activation: Activation::Linear,
            }
            .checked(),
            multi_head_attention_value: Dense {
                inputs: 8,
                units: 8,
                kernel: w.multi_head_attention_value_kernel,
                bias: None,
                activation: Activation::Linear,
            }
            .checked(),
            multi_head_attention_attention: Attention {
                heads: 2,
                key_heads: 2,
                head_size: 4,
                value_size: 4,
                scale: 0.5,
                causal: false,
                query: Axes::TokensHeads,
                key: Axes::TokensHeads,
                value: Axes::TokensHeads,
                output: Axes::TokensHeads,
                keep: None,
                fill: 0.0,
                mask: None,
                empty_rows: EmptyRows::Nan,
            }
            .checked(),
            multi_head_attention_attention_output: Dense {
                inputs: 8,
                units: 8,
                kernel: w.multi_head_attention_attention_output_kernel,
                bias: None,
                activation: Activation::Linear,
            }
            .checked(),
            layer_normalization: LayerNormalization {
                epsilon: 0.000001,
                scale: Some(w.layer_normalization_scale),
                bias: Some(w.layer_normalization_bias_1),
            }
            .checked(),
            dense_1: Dense {
                inputs: 8,
                units: 16,
                kernel: w.dense_1_kernel,
                bias: None,
                activation: Activation::Gelu,
            }
            .checked(),
            dense: Dense {
                inputs: 16,
                units: 8,
                kernel: w.dense_kernel,
                bias: None,
                activation: Activation::Linear,
            }
            .checked(),
            layer_normalization_1: LayerNormalization {
                epsilon: 0.000001,
                scale: Some(w.layer_normalization_scale),
                bias: Some(w.layer_normalization_bias_1),
            }
            .checked(),
            multi_head_attention_1_query: Dense {
                inputs: 8,
                units: 8,
                kernel: w.multi_head_attention_1_query_kernel,
                bias: None,
                activation: Activation::Linear,
            }
            .checked(),
            multi_head_attention_1_key: Dense {
                inputs: 8,
                units: 8,
                kernel: w.multi_head_attention_1_key_kernel,
                bias: None,
                activation: Activation::Linear,
            }
            .checked(),
            multi_head_attention_1_value: Dense {
                inputs: 8,
                units: 8,
                kernel: w.multi_head_attention_1_value_kernel,
                bias: None,
                activation: Activation::Linear,
            }
            .checked(),
            multi_head_attention_1_attention: Attention {
                heads: 2,
                key_heads: 2,
                head_size: 4,
                value_size: 4,
                scale: 0.5,
                causal: false,
                query: Axes::TokensHeads,
                key: Axes::TokensHeads,
                value: Axes::TokensHeads,
                output: Axes::TokensHeads,
                keep: None,
                fill: 0.0,
                mask: None,
                empty_rows: EmptyRows::Nan,
            }
            .checked(),
            multi_head_attention_1_attention_output: Dense {
                inputs: 8,
                units: 8,
                kernel: w.multi_head_attention_1_attention_output_kernel,
                bias: None,
                activation: Activation::Linear,
            }
            .checked(),
            layer_normalization_2: LayerNormalization {
                epsilon: 0.000001,
                scale: Some(w.layer_normalization_scale),
                bias: Some(w.layer_normalization_bias_1),
            }
            .checked(),
            dense_3: Dense {
                inputs: 8,
                units: 16,
                kernel: w.dense_3_kernel,
                bias: None,
                activation: Activation::Gelu,
            }
            .checked(),
            dense_2: Dense {
                inputs: 16,
                units: 8,
                kernel: w.dense_2_kernel,
                bias: None,
                activation: Activation::Linear,
            }
            .checked(),
            layer_normalization_3: LayerNormalization {
                epsilon: 0.000001,
                scale: Some(w.layer_normalization_scale),
                bias: Some(w.layer_normalization_bias_1),
            }
            .checked(),
            global_average_pooling1d: Reduce {
                reduction: Reduction::Mean,
                axes: [false, true, false],
            }
            .checked(),
            dense_4: Dense {
                inputs: 8,
                units: 2,
                kernel: w.dense_4_kernel,
                bias: None,
                activation: Activation::Linear,
            }
            .checked(),
            embedding_embeddings: w.embedding_embeddings,
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
