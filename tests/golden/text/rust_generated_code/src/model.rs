//! How the model runs.

use super::layers::{self, Layers};
use super::weights::Weights;
use core::fmt;
use tf_layers::axis::AlongAxis;
use tf_layers::indexing::Gather;
use tf_layers::recurrent::{LstmInputs, LstmOutputs};
use tf_layers::signature::{Axis, Tensor};
use tf_layers::softmax::Softmax;
use tf_layers::{Cpu, Error, Slot, TensorView, check_input, check_lengths};

/// The sizes that the caller chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Size of `tokens` axis 0
    pub batch: usize,
    /// Size of `tokens` axis 1
    pub length: usize,
}

/// What the model reads: elements in row-major order, last axis fastest.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// `[batch, length]`
    pub tokens: &'a [i64],
}

/// What the model computes; borrowed from the workspace until the next call.
#[derive(Debug, Clone, Copy)]
pub struct Outputs<'a> {
    /// `[batch, 3]`
    pub probabilities: TensorView<'a, f32, 2>,
}

/// Every buffer that the model needs. Buffers grow to the largest sizes seen and are reused from call to call.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    /// `embedding`, `lstm`
    s0: Slot<f32>,
    /// `lstm_transpose`, `logits`, `softmax`
    s1: Slot<f32>,
    /// Working memory of the layers
    scratch: Slot<f32>,
}

impl Workspace {
    /// Bytes that the buffers hold now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.s0.bytes() + self.s1.bytes() + self.scratch.bytes()
    }
}

/// The model `Text`.
#[derive(Clone, Copy)]
pub struct TextModel<'w> {
    cpu: Cpu,
    layers: &'w Layers<'w>,
}

impl TextModel<'static> {
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
impl fmt::Debug for TextModel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextModel")
            .field("inputs", &Self::INPUTS)
            .field("outputs", &Self::OUTPUTS)
            .field("weight_bytes", &Weights::BYTES)
            .field("cpu", &self.cpu)
            .finish_non_exhaustive()
    }
}

impl Default for TextModel<'static> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'w> TextModel<'w> {
    /// The inputs: their names in the model file, types and shapes.
    pub const INPUTS: &'static [Tensor] = &[Tensor {
        name: "tokens",
        field: "tokens",
        dtype: tf_layers::signature::Dtype::I64,
        shape: &[Axis::Symbol("batch"), Axis::Symbol("length")],
    }];
    /// The outputs: their names in the model file, types and shapes.
    pub const OUTPUTS: &'static [Tensor] = &[Tensor {
        name: "probabilities",
        field: "probabilities",
        dtype: tf_layers::signature::Dtype::F32,
        shape: &[Axis::Symbol("batch"), Axis::Size(3)],
    }];
    /// Elements of `probabilities` for each of `batch`.
    pub const PROBABILITIES_LEN: usize = 3;
    /// Names of the sizes that the caller chooses.
    pub const SYMBOLS: &'static [&'static str] = &["batch", "length"];

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
        let Sizes { batch, length } = sizes;
        check_input("tokens", inputs.tokens.len(), &[batch, length])?;
        check_lengths(&[&[batch, length, 8]])?;
        let cpu = self.cpu;
        let l = self.layers;
        // embedding/Gather: [batch, length, 8]
        Gather
            .run(
                cpu,
                AlongAxis {
                    outer: 1,
                    axis: 40,
                    inner: 8,
                },
                l.embedding_table,
                inputs.tokens,
                ws.s0.fit(batch * length * 8)?,
            )
            .map_err(|e| e.at("embedding"))?;
        // lstm/LSTM: [length, batch, 8]
        l.lstm_transpose.run(
            cpu,
            [batch, length, 8],
            ws.s0.get(batch * length * 8),
            ws.s1.fit(length * batch * 8)?,
        );
        // lstm/LSTM: [1, batch, 6]
        l.lstm
            .run(
                cpu,
                LstmInputs {
                    steps: length,
                    batch,
                    x: ws.s1.get(length * batch * 8),
                    ..Default::default()
                },
                LstmOutputs {
                    y_h: Some(ws.s0.fit(batch * 6)?),
                    ..Default::default()
                },
                &mut ws.scratch,
            )
            .map_err(|e| e.at("lstm"))?;
        // logits/MatMul (Gemm): [batch, 3]
        l.logits
            .run(cpu, batch, ws.s0.get(batch * 6), ws.s1.fit(batch * 3)?);
        // softmax/Softmax: [batch, 3]
        Softmax.run_in_place(cpu, AlongAxis::last([batch, 3]), ws.s1.fit(batch * 3)?);
        Ok(Outputs {
            probabilities: TensorView {
                data: ws.s1.get(batch * 3),
                shape: [batch, 3],
            },
        })
    }
}
