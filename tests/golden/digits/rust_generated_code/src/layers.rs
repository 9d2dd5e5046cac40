//! Every layer of the model that has parameters, with its parameters.

use tf_layers::activation::Activation;
use tf_layers::conv::Conv;
use tf_layers::dense::Dense;
use tf_layers::movement::Transpose;
use tf_layers::pool::MaxPool;

use super::weights::Weights;
use core::fmt;

/// The layers of the model, in the order they run, and the constants they read.
#[derive(Clone, Copy)]
pub struct Layers<'w> {
    /// `conv1/Conv: [batch, 8, 8, 8]`
    pub conv1: Conv<'w, 2>,
    /// `pool1/MaxPool: [batch, 4, 4, 8]`
    pub pool1: MaxPool<2>,
    /// `conv2/Conv: [batch, 4, 4, 16]`
    pub conv2: Conv<'w, 2>,
    /// `pool2/MaxPool: [batch, 2, 2, 16]`
    pub pool2: MaxPool<2>,
    /// `flatten/Flatten: [batch, 16, 2, 2]`
    pub flatten: Transpose<4>,
    /// `logits/MatMul (Gemm): [batch, 10]`
    pub logits: Dense<'w>,
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
            conv1: Conv {
                input_channels: 1,
                output_channels: 8,
                group: 1,
                kernel_shape: [3, 3],
                strides: [1, 1],
                dilations: [1, 1],
                pads_begin: [1, 1],
                pads_end: [1, 1],
                kernel: w.conv1_kernel,
                bias: Some(w.conv1_bias),
                activation: Activation::Relu,
            }
            .checked(),
            pool1: MaxPool {
                kernel_shape: [2, 2],
                strides: [2, 2],
                dilations: [1, 1],
                pads_begin: [0, 0],
                pads_end: [0, 0],
                ceil_mode: false,
            }
            .checked(),
            conv2: Conv {
                input_channels: 8,
                output_channels: 16,
                group: 1,
                kernel_shape: [3, 3],
                strides: [1, 1],
                dilations: [1, 1],
                pads_begin: [1, 1],
                pads_end: [1, 1],
                kernel: w.conv2_kernel,
                bias: Some(w.conv2_bias),
                activation: Activation::Relu,
            }
            .checked(),
            pool2: MaxPool {
                kernel_shape: [2, 2],
                strides: [2, 2],
                dilations: [1, 1],
                pads_begin: [0, 0],
                pads_end: [0, 0],
                ceil_mode: false,
            }
            .checked(),
            flatten: Transpose { perm: [0, 3, 1, 2] }.checked(),
            logits: Dense {
                inputs: 64,
                units: 10,
                kernel: w.logits_kernel,
                bias: Some(w.logits_bias),
                activation: Activation::Linear,
            }
            .checked(),
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
