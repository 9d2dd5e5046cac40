//! How the model runs.

use super::layers::{self, Layers};
use super::weights::Weights;
use core::fmt;
use tf_layers::axis::AlongAxis;
use tf_layers::binary::Add;
use tf_layers::conv::ImageStack;
use tf_layers::pool::{GlobalMaxPool, Images};
use tf_layers::signature::{Axis, Tensor};
use tf_layers::softmax::Softmax;
use tf_layers::{Cpu, Error, Slot, TensorView, check_input, check_lengths, open_size};

/// The sizes that the caller chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Size of `bytes` axis 0
    pub batch: usize,
}

/// What the model reads: elements in row-major order, last axis fastest.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// `[batch, 2048]`
    pub bytes: &'a [i32],
}

impl Inputs<'_> {
    /// The sizes that follow from the lengths: `batch` is the length of `bytes` / 2048.
    ///
    /// # Errors
    /// If a length is not a whole number of them.
    pub fn sizes(&self) -> Result<Sizes, Error> {
        let batch = open_size("bytes", self.bytes.len(), &[2048])?;
        Ok(Sizes { batch })
    }
}

/// What the model computes; borrowed from the workspace until the next call.
#[derive(Debug, Clone, Copy)]
pub struct Outputs<'a> {
    /// `[batch, 214]`
    pub target_label: TensorView<'a, f32, 2>,
}

/// Every buffer that the model needs. Buffers grow to the largest sizes seen and are reused from call to call.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    /// `max`, `layer_norm_1`
    s0: Slot<f32>,
    /// `dense_1`, `softmax`
    s1: Slot<f32>,
    /// What layers need that take a few samples at a time
    part: Part,
}

impl Workspace {
    /// Bytes that the buffers hold now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.s0.bytes()
            + self.s1.bytes()
            + self.part.s0.bytes()
            + self.part.s1.bytes()
            + self.part.scratch.bytes()
    }
}

/// Buffers for the samples that are computed together.
#[derive(Debug, Clone, Default)]
struct Part {
    /// `dense_0_einsum`, `dense_0_addv2`, `apply_activation_0`, `layer_norm_0_transpose_2`
    s0: Slot<f32>,
    /// `layer_norm_0_transpose`, `layer_norm_0`, `conv_0`
    s1: Slot<f32>,
    /// Working memory of the layers
    scratch: Slot<f32>,
}

/// The model `Magika`.
#[derive(Clone, Copy)]
pub struct MagikaModel<'w> {
    cpu: Cpu,
    layers: &'w Layers<'w>,
}

impl MagikaModel<'static> {
    /// The model with the weights that are part of this binary; costs nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            cpu: Cpu::new(),
            layers: &layers::EMBEDDED,
        }
    }
}

/// The inputs, the outputs and the size of the weights, without their numbers.
impl fmt::Debug for MagikaModel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MagikaModel")
            .field("inputs", &Self::INPUTS)
            .field("outputs", &Self::OUTPUTS)
            .field("weight_bytes", &Weights::BYTES)
            .field("cpu", &self.cpu)
            .finish_non_exhaustive()
    }
}

impl Default for MagikaModel<'static> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'w> MagikaModel<'w> {
    /// The inputs: their names in the model file, types and shapes.
    pub const INPUTS: &'static [Tensor] = &[Tensor {
        name: "bytes",
        field: "bytes",
        dtype: tf_layers::signature::Dtype::I32,
        shape: &[Axis::Symbol("batch"), Axis::Size(2048)],
    }];
    /// The outputs: their names in the model file, types and shapes.
    pub const OUTPUTS: &'static [Tensor] = &[Tensor {
        name: "target_label",
        field: "target_label",
        dtype: tf_layers::signature::Dtype::F32,
        shape: &[Axis::Symbol("batch"), Axis::Size(214)],
    }];
    /// Elements of `bytes` for each of `batch`.
    pub const BYTES_LEN: usize = 2048;
    /// Elements of `target_label` for each of `batch`.
    pub const TARGET_LABEL_LEN: usize = 214;
    /// Names of the sizes that the caller chooses.
    pub const SYMBOLS: &'static [&'static str] = &["batch"];

    /// The model with other weights than those in this binary: `Layers::new(&weights)`, packed as the build script does it.
    #[must_use]
    pub fn with_layers(layers: &'w Layers<'w>) -> Self {
        Self {
            cpu: Cpu::new(),
            layers,
        }
    }

    /// The same model at another vector level: for tests and measurements.
    #[must_use]
    pub fn at(self, cpu: Cpu) -> Self {
        Self { cpu, ..self }
    }

    /// An empty workspace; it grows at the first call.
    #[must_use]
    pub fn workspace(&self) -> Workspace {
        Workspace::default()
    }

    /// Runs the model.
    ///
    /// # Errors
    /// If an input's length does not fit its shape, its data are not what a layer can work with, or there is no memory for its values.
    pub fn predict<'a>(
        &self,
        sizes: Sizes,
        inputs: Inputs<'_>,
        ws: &'a mut Workspace,
    ) -> Result<Outputs<'a>, Error> {
        let Sizes { batch } = sizes;
        check_input("bytes", inputs.bytes.len(), &[batch, 2048])?;
        check_lengths(&[&[batch, 508, 512]])?;
        let cpu = self.cpu;
        let l = self.layers;
        // Samples do not depend on each other. One at a time: a layer reads and writes up to 1.5 MiB for each, and finds in the
        // cache what the one before it wrote.
        for first in 0..batch {
            let max = &mut ws.s0.fit(batch * 512)?[first * 512..][..512];
            // jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Dense_0/einsum/Einsum (MatMul): [batch, 2048, 64]
            l.dense_0_einsum.run(
                cpu,
                [257, 64],
                l.dense_0_einsum_table,
                &inputs.bytes[first * 2048..][..2048],
                ws.part.s0.fit(131_072)?,
            );
            // jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Dense_0/AddV2 (Add): [batch, 2048, 64]
            Add.run_known_in_place(
                cpu,
                [2048, 64],
                ws.part.s0.fit(131_072)?,
                [1, 64],
                l.dense_0_addv2_constant,
            );
            // jax2tf_get_logits_/pjit_get_logits_/MagikaV2/ApplyActivation_0/GeluTanh: [batch, 2048, 64]
            l.apply_activation_0
                .run_in_place(cpu, ws.part.s0.fit(131_072)?);
            // jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_0/LayerNormalization: [batch, 256, 512]
            l.layer_norm_0_transpose.run(
                cpu,
                [1, 512, 256],
                ws.part.s0.get(131_072),
                ws.part.s1.fit(131_072)?,
            );
            // jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_0/LayerNormalization: [batch, 256, 512]
            l.layer_norm_0
                .run_in_place(cpu, [256, 512], ws.part.s1.fit(131_072)?);
            // jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_0/LayerNormalization: [batch, 512, 256]
            l.layer_norm_0_transpose_2.run(
                cpu,
                [1, 256, 512],
                ws.part.s1.get(131_072),
                ws.part.s0.fit(131_072)?,
            );
            // jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Conv_0/Conv2D (Conv): [batch, 508, 512]
            l.conv_0.run(
                cpu,
                ImageStack {
                    batch: 1,
                    size: [512, 1],
                },
                ws.part.s0.get(131_072),
                ws.part.s1.fit(260_096)?,
                &mut ws.part.scratch,
            )?;
            // jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Max (GlobalMaxPool): [batch, 1, 512]
            GlobalMaxPool.run(
                cpu,
                Images {
                    batch: 1,
                    size: [508],
                    channels: 512,
                },
                ws.part.s1.get(260_096),
                max,
            );
            // jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_1/LayerNormalization: [batch, 512]
            l.layer_norm_1.run_in_place(cpu, [1, 512], max);
        }
        // jax2tf_get_logits_/pjit_get_logits_/MagikaV2/Dense_1/MatMul: [batch, 214]
        l.dense_1
            .run(cpu, batch, ws.s0.get(batch * 512), ws.s1.fit(batch * 214)?);
        // jax2tf_get_logits_/pjit_get_logits_/Softmax: [batch, 214]
        Softmax.run_in_place(cpu, AlongAxis::last([batch, 214]), ws.s1.fit(batch * 214)?);
        Ok(Outputs {
            target_label: TensorView {
                data: ws.s1.get(batch * 214),
                shape: [batch, 214],
            },
        })
    }

    /// [`predict`](Self::predict) with the sizes that follow from the lengths of the inputs.
    ///
    /// # Errors
    /// As [`Inputs::sizes`] and [`predict`](Self::predict).
    pub fn predict_from<'a>(
        &self,
        inputs: Inputs<'_>,
        ws: &'a mut Workspace,
    ) -> Result<Outputs<'a>, Error> {
        self.predict(inputs.sizes()?, inputs, ws)
    }
}
