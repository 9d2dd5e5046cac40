//! How the model runs.

use super::layers::{self, Layers};
use super::weights::Weights;
use core::fmt;
use tf_layers::signature::{Axis, Tensor};
use tf_layers::{Cpu, Error, Slot, TensorView, check_input, check_lengths, open_size};

/// The sizes that the caller chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Size of `features` axis 0
    pub batch: usize,
}

/// What the model reads: elements in row-major order, last axis fastest.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// `[batch, 10]`
    pub features: &'a [f32],
}

impl Inputs<'_> {
    /// The sizes that follow from the lengths: `batch` is the length of `features` / 10.
    ///
    /// # Errors
    /// If a length is not a whole number of them.
    pub fn sizes(&self) -> Result<Sizes, Error> {
        let batch = open_size("features", self.features.len(), &[10])?;
        Ok(Sizes { batch })
    }
}

/// What the model computes; borrowed from the workspace until the next call.
#[derive(Debug, Clone, Copy)]
pub struct Outputs<'a> {
    /// `[batch, 1]`
    pub probability: TensorView<'a, f32, 2>,
}

/// Every buffer that the model needs. Buffers grow to the largest sizes seen and are reused from call to call.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    /// `hidden`
    s0: Slot<f32>,
    /// `score`
    s1: Slot<f32>,
}

impl Workspace {
    /// Bytes that the buffers hold now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.s0.bytes() + self.s1.bytes()
    }
}

/// The model `Score`.
#[derive(Clone, Copy)]
pub struct ScoreModel<'w> {
    cpu: Cpu,
    layers: &'w Layers<'w>,
}

impl ScoreModel<'static> {
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
impl fmt::Debug for ScoreModel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScoreModel")
            .field("inputs", &Self::INPUTS)
            .field("outputs", &Self::OUTPUTS)
            .field("weight_bytes", &Weights::BYTES)
            .field("cpu", &self.cpu)
            .finish_non_exhaustive()
    }
}

impl Default for ScoreModel<'static> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'w> ScoreModel<'w> {
    /// The inputs: their names in the model file, types and shapes.
    pub const INPUTS: &'static [Tensor] = &[Tensor {
        name: "features",
        field: "features",
        dtype: tf_layers::signature::Dtype::F32,
        shape: &[Axis::Symbol("batch"), Axis::Size(10)],
    }];
    /// The outputs: their names in the model file, types and shapes.
    pub const OUTPUTS: &'static [Tensor] = &[Tensor {
        name: "probability",
        field: "probability",
        dtype: tf_layers::signature::Dtype::F32,
        shape: &[Axis::Symbol("batch"), Axis::Size(1)],
    }];
    /// Elements of `features` for each of `batch`.
    pub const FEATURES_LEN: usize = 10;
    /// Elements of `probability` for each of `batch`.
    pub const PROBABILITY_LEN: usize = 1;
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
        check_input("features", inputs.features.len(), &[batch, 10])?;
        check_lengths(&[&[batch, 16]])?;
        let cpu = self.cpu;
        let l = self.layers;
        // hidden/MatMul (Gemm): [batch, 16]
        l.hidden
            .run(cpu, batch, inputs.features, ws.s0.fit(batch * 16)?);
        // score/MatMul (Gemm): [batch, 1]
        l.score
            .run(cpu, batch, ws.s0.get(batch * 16), ws.s1.fit(batch)?);
        Ok(Outputs {
            probability: TensorView {
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
        let score = outputs.probability.data[0];
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
