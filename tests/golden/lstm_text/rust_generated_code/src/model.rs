//! How the model runs.

use super::layers::{self, Layers};
use super::weights::Weights;
use core::fmt;
use tf_layers::axis::AlongAxis;
use tf_layers::indexing::Gather;
use tf_layers::recurrent::{LstmInputs, LstmOutputs};
use tf_layers::signature::{Axis, Tensor};
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
    /// `[batch, 12]`
    pub input_layer: &'a [i32],
}

impl Inputs<'_> {
    /// The sizes that follow from the lengths: `batch` is the length of `input_layer` / 12.
    ///
    /// # Errors
    /// If a length is not a whole number of them.
    pub fn sizes(&self) -> Result<Sizes, Error> {
        let batch = open_size("input_layer", self.input_layer.len(), &[12])?;
        Ok(Sizes { batch })
    }
}

/// What the model computes; borrowed from the workspace until the next call.
#[derive(Debug, Clone, Copy)]
pub struct Outputs<'a> {
    /// `[batch, 1]`
    pub dense: TensorView<'a, f32, 2>,
}

/// Every buffer that the model needs. Buffers grow to the largest sizes seen and are reused from call to call.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    /// `embedding`, `lstm`
    s0: Slot<f32>,
    /// `lstm_transpose`, `dense`
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

/// The model `LstmText`.
#[derive(Clone, Copy)]
pub struct LstmTextModel<'w> {
    cpu: Cpu,
    layers: &'w Layers<'w>,
}

impl LstmTextModel<'static> {
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
impl fmt::Debug for LstmTextModel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LstmTextModel")
            .field("inputs", &Self::INPUTS)
            .field("outputs", &Self::OUTPUTS)
            .field("weight_bytes", &Weights::BYTES)
            .field("cpu", &self.cpu)
            .finish_non_exhaustive()
    }
}

impl Default for LstmTextModel<'static> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'w> LstmTextModel<'w> {
    /// The inputs: their names in the model file, types and shapes.
    pub const INPUTS: &'static [Tensor] = &[Tensor {
        name: "input_layer",
        field: "input_layer",
        dtype: tf_layers::signature::Dtype::I32,
        shape: &[Axis::Symbol("batch"), Axis::Size(12)],
    }];
    /// The outputs: their names in the model file, types and shapes.
    pub const OUTPUTS: &'static [Tensor] = &[Tensor {
        name: "dense",
        field: "dense",
        dtype: tf_layers::signature::Dtype::F32,
        shape: &[Axis::Symbol("batch"), Axis::Size(1)],
    }];
    /// Elements of `input_layer` for each of `batch`.
    pub const INPUT_LAYER_LEN: usize = 12;
    /// Elements of `dense` for each of `batch`.
    pub const DENSE_LEN: usize = 1;
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
        check_input("input_layer", inputs.input_layer.len(), &[batch, 12])?;
        check_lengths(&[&[batch, 12, 8]])?;
        let cpu = self.cpu;
        let l = self.layers;
        // embedding/GatherV2 (Gather): [batch, 12, 8]
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
                ws.s0.fit(batch * 96)?,
            )
            .map_err(|e| e.at("embedding"))?;
        // lstm/LSTM: [12, batch, 8]
        l.lstm_transpose.run(
            cpu,
            [batch, 12, 8],
            ws.s0.get(batch * 96),
            ws.s1.fit(batch * 96)?,
        );
        // lstm/LSTM: [1, batch, 6]
        l.lstm
            .run(
                cpu,
                LstmInputs {
                    steps: 12,
                    batch,
                    x: ws.s1.get(batch * 96),
                    ..Default::default()
                },
                LstmOutputs {
                    y_h: Some(ws.s0.fit(batch * 6)?),
                    ..Default::default()
                },
                &mut ws.scratch,
            )
            .map_err(|e| e.at("lstm"))?;
        // dense/MatMul: [batch, 1]
        l.dense
            .run(cpu, batch, ws.s0.get(batch * 6), ws.s1.fit(batch)?);
        Ok(Outputs {
            dense: TensorView {
                data: ws.s1.get(batch),
                shape: [batch, 1],
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

    /// Scores one sample and says how sure the answer is.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn classify(
        &self,
        inputs: Inputs<'_>,
        ws: &mut Workspace,
    ) -> Result<Classification, Error> {
        let outputs = self.predict(Sizes { batch: 1 }, inputs, ws)?;
        let score = outputs.dense.data[0];
        Ok(Classification {
            score,
            confidence: Confidence::of(score),
        })
    }
}

/// `[bottom, low, medium, high]` from `model/thresholds.json`, checked by the build script.
const THRESHOLDS: [f32; 4] = include!(concat!(env!("OUT_DIR"), "/thresholds.rs"));

/// A binary classifier's answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Classification {
    /// The model's output.
    pub score: f32,
    /// Which threshold it reaches.
    pub confidence: Confidence,
}

/// How sure a positive answer is: the highest threshold that the score reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Below every threshold.
    None,
    /// At least `bottom`.
    Bottom,
    /// At least `low`.
    Low,
    /// At least `medium`.
    Medium,
    /// At least `high`.
    High,
}

impl Confidence {
    /// The confidence that a score stands for; NaN is [`Confidence::None`].
    #[must_use]
    pub fn of(score: f32) -> Self {
        let [bottom, low, medium, high] = THRESHOLDS;
        match score {
            s if s >= high => Confidence::High,
            s if s >= medium => Confidence::Medium,
            s if s >= low => Confidence::Low,
            s if s >= bottom => Confidence::Bottom,
            _ => Confidence::None,
        }
    }
}
