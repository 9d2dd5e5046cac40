//! How the model runs.

use super::layers::{self, Layers};
use super::weights::Weights;
use core::fmt;
use tf_layers::attention::AttentionInputs;
use tf_layers::axis::AlongAxis;
use tf_layers::indexing::Gather;
use tf_layers::signature::{Axis, Tensor};
use tf_layers::softmax::Softmax;
use tf_layers::{Cpu, Error, Slot, TensorView, check_input, check_lengths, open_size};

/// The sizes that the caller chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Size of `input_layer` axis 0
    pub batch: usize,
}

/// What the model reads: elements in row-major order, last axis fastest.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// `[batch, 8]`
    pub input_layer: &'a [i32],
}

impl Inputs<'_> {
    /// The sizes that follow from the lengths: `batch` is the length of `input_layer` / 8.
    ///
    /// # Errors
    /// If a length is not a whole number of them.
    pub fn sizes(&self) -> Result<Sizes, Error> {
        let batch = open_size("input_layer", self.input_layer.len(), &[8])?;
        Ok(Sizes { batch })
    }
}

/// What the model computes; borrowed from the workspace until the next call.
#[derive(Debug, Clone, Copy)]
pub struct Outputs<'a> {
    /// `[batch, 2]`
    pub dense_4: TensorView<'a, f32, 2>,
}

/// Every buffer that the model needs. Buffers grow to the largest sizes seen and are reused from call to call.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    /// `embedding`, `multi_head_attention_attention_output`, `layer_normalization`, `dense`, `layer_normalization_1`, `multi_head_attention_1_attention_output` and 5 more
    s0: Slot<f32>,
    /// `multi_head_attention_query`, `dense_1`, `multi_head_attention_1_attention`, `dense_3`
    s1: Slot<f32>,
    /// `multi_head_attention_key`, `multi_head_attention_1_query`, `global_average_pooling1d`
    s2: Slot<f32>,
    /// `multi_head_attention_value`, `multi_head_attention_1_key`
    s3: Slot<f32>,
    /// `multi_head_attention_attention`, `multi_head_attention_1_value`
    s4: Slot<f32>,
    /// Working memory of the layers
    scratch: Slot<f32>,
}

impl Workspace {
    /// Bytes that the buffers hold now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.s0.bytes()
            + self.s1.bytes()
            + self.s2.bytes()
            + self.s3.bytes()
            + self.s4.bytes()
            + self.scratch.bytes()
    }
}

/// The model `TransformerEnc`.
#[derive(Clone, Copy)]
pub struct TransformerEncModel<'w> {
    cpu: Cpu,
    layers: &'w Layers<'w>,
}

impl TransformerEncModel<'static> {
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
impl fmt::Debug for TransformerEncModel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransformerEncModel")
            .field("inputs", &Self::INPUTS)
            .field("outputs", &Self::OUTPUTS)
            .field("weight_bytes", &Weights::BYTES)
            .field("cpu", &self.cpu)
            .finish_non_exhaustive()
    }
}

impl Default for TransformerEncModel<'static> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'w> TransformerEncModel<'w> {
    /// The inputs: their names in the model file, types and shapes.
    pub const INPUTS: &'static [Tensor] = &[Tensor {
        name: "input_layer",
        field: "input_layer",
        dtype: tf_layers::signature::Dtype::I32,
        shape: &[Axis::Symbol("batch"), Axis::Size(8)],
    }];
    /// The outputs: their names in the model file, types and shapes.
    pub const OUTPUTS: &'static [Tensor] = &[Tensor {
        name: "dense_4",
        field: "dense_4",
        dtype: tf_layers::signature::Dtype::F32,
        shape: &[Axis::Symbol("batch"), Axis::Size(2)],
    }];
    /// Elements of `input_layer` for each of `batch`.
    pub const INPUT_LAYER_LEN: usize = 8;
    /// Elements of `dense_4` for each of `batch`.
    pub const DENSE_4_LEN: usize = 2;
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
        check_input("input_layer", inputs.input_layer.len(), &[batch, 8])?;
        check_lengths(&[&[batch, 8, 16]])?;
        let cpu = self.cpu;
        let l = self.layers;
        // embedding/GatherV2 (Gather): [batch, 8, 8]
        Gather
            .run(
                cpu,
                AlongAxis {
                    outer: 1,
                    axis: 30,
                    inner: 8,
                },
                l.embedding_embeddings,
                inputs.input_layer,
                ws.s0.fit(batch * 64)?,
            )
            .map_err(|e| e.at("embedding"))?;
        // multi_head_attention/query/MatMul: [batch, 8, 8]
        l.multi_head_attention_query.run(
            cpu,
            batch * 8,
            ws.s0.get(batch * 64),
            ws.s1.fit(batch * 64)?,
        );
        // multi_head_attention/key/MatMul: [batch, 8, 8]
        l.multi_head_attention_key.run(
            cpu,
            batch * 8,
            ws.s0.get(batch * 64),
            ws.s2.fit(batch * 64)?,
        );
        // multi_head_attention/value/MatMul: [batch, 8, 8]
        l.multi_head_attention_value.run(
            cpu,
            batch * 8,
            ws.s0.get(batch * 64),
            ws.s3.fit(batch * 64)?,
        );
        // multi_head_attention/Attention: [batch, 8, 2, 4]
        l.multi_head_attention_attention.run(
            cpu,
            AttentionInputs {
                batch,
                queries: 8,
                keys: 8,
                query: ws.s1.get(batch * 64),
                key: ws.s2.get(batch * 64),
                value: ws.s3.get(batch * 64),
                ..Default::default()
            },
            ws.s4.fit(batch * 64)?,
            &mut ws.scratch,
        )?;
        // multi_head_attention/attention_output/MatMul_1 (MatMul): [batch, 8, 8]
        l.multi_head_attention_attention_output.run_adding_in_place(
            cpu,
            batch * 8,
            ws.s4.get(batch * 64),
            ws.s0.fit(batch * 64)?,
        );
        // layer_normalization/LayerNormalization: [batch, 8, 8]
        l.layer_normalization
            .run_in_place(cpu, [batch * 8, 8], ws.s0.fit(batch * 64)?);
        // dense_1/Tensordot/MatMul: [batch, 8, 16]
        l.dense_1.run(
            cpu,
            batch * 8,
            ws.s0.get(batch * 64),
            ws.s1.fit(batch * 128)?,
        );
        // dense/Tensordot/MatMul: [batch, 8, 8]
        l.dense.run_adding_in_place(
            cpu,
            batch * 8,
            ws.s1.get(batch * 128),
            ws.s0.fit(batch * 64)?,
        );
        // layer_normalization_1/LayerNormalization: [batch, 8, 8]
        l.layer_normalization_1
            .run_in_place(cpu, [batch * 8, 8], ws.s0.fit(batch * 64)?);
        // multi_head_attention_1/query/MatMul: [batch, 8, 8]
        l.multi_head_attention_1_query.run(
            cpu,
            batch * 8,
            ws.s0.get(batch * 64),
            ws.s2.fit(batch * 64)?,
        );
        // multi_head_attention_1/key/MatMul: [batch, 8, 8]
        l.multi_head_attention_1_key.run(
            cpu,
            batch * 8,
            ws.s0.get(batch * 64),
            ws.s3.fit(batch * 64)?,
        );
        // multi_head_attention_1/value/MatMul: [batch, 8, 8]
        l.multi_head_attention_1_value.run(
            cpu,
            batch * 8,
            ws.s0.get(batch * 64),
            ws.s4.fit(batch * 64)?,
        );
        // multi_head_attention_1/Attention: [batch, 8, 2, 4]
        l.multi_head_attention_1_attention.run(
            cpu,
            AttentionInputs {
                batch,
                queries: 8,
                keys: 8,
                query: ws.s2.get(batch * 64),
                key: ws.s3.get(batch * 64),
                value: ws.s4.get(batch * 64),
                ..Default::default()
            },
            ws.s1.fit(batch * 64)?,
            &mut ws.scratch,
        )?;
        // multi_head_attention_1/attention_output/MatMul_1 (MatMul): [batch, 8, 8]
        l.multi_head_attention_1_attention_output
            .run_adding_in_place(
                cpu,
                batch * 8,
                ws.s1.get(batch * 64),
                ws.s0.fit(batch * 64)?,
            );
        // layer_normalization_2/LayerNormalization: [batch, 8, 8]
        l.layer_normalization_2
            .run_in_place(cpu, [batch * 8, 8], ws.s0.fit(batch * 64)?);
        // dense_3/Tensordot/MatMul: [batch, 8, 16]
        l.dense_3.run(
            cpu,
            batch * 8,
            ws.s0.get(batch * 64),
            ws.s1.fit(batch * 128)?,
        );
        // dense_2/Tensordot/MatMul: [batch, 8, 8]
        l.dense_2.run_adding_in_place(
            cpu,
            batch * 8,
            ws.s1.get(batch * 128),
            ws.s0.fit(batch * 64)?,
        );
        // layer_normalization_3/LayerNormalization: [batch, 8, 8]
        l.layer_normalization_3
            .run_in_place(cpu, [batch * 8, 8], ws.s0.fit(batch * 64)?);
        // global_average_pooling1d/Mean (ReduceMean): [batch, 1, 8]
        l.global_average_pooling1d.run(
            cpu,
            [batch, 8, 8],
            ws.s0.get(batch * 64),
            ws.s2.fit(batch * 8)?,
        );
        // dense_4/MatMul: [batch, 2]
        l.dense_4
            .run(cpu, batch, ws.s2.get(batch * 8), ws.s0.fit(batch * 2)?);
        // dense_4/Softmax: [batch, 2]
        Softmax.run_in_place(cpu, AlongAxis::last([batch, 2]), ws.s0.fit(batch * 2)?);
        Ok(Outputs {
            dense_4: TensorView {
                data: ws.s0.get(batch * 2),
                shape: [batch, 2],
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
