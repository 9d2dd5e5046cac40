//! How the model runs.

use super::layers::{self, Layers};
use super::weights::Weights;
use core::fmt;
use tf_layers::axis::AlongAxis;
use tf_layers::conv::ImageStack;
use tf_layers::pool::Images;
use tf_layers::signature::{Axis, Tensor};
use tf_layers::softmax::Softmax;
use tf_layers::{Cpu, Error, Slot, TensorView, check_input, check_lengths, open_size};

/// The sizes that the caller chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Size of `image` axis 0
    pub batch: usize,
}

/// What the model reads: elements in row-major order, last axis fastest.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// `[batch, 1, 8, 8]`
    pub image: &'a [f32],
}

impl Inputs<'_> {
    /// The sizes that follow from the lengths: `batch` is the length of `image` / 64.
    ///
    /// # Errors
    /// If a length is not a whole number of them.
    pub fn sizes(&self) -> Result<Sizes, Error> {
        let batch = open_size("image", self.image.len(), &[1, 8, 8])?;
        Ok(Sizes { batch })
    }
}

/// What the model computes; borrowed from the workspace until the next call.
#[derive(Debug, Clone, Copy)]
pub struct Outputs<'a> {
    /// `[batch, 10]`
    pub probabilities: TensorView<'a, f32, 2>,
}

/// Every buffer that the model needs. Buffers grow to the largest sizes seen and are reused from call to call.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    /// `conv1`, `conv2`, `flatten`
    s0: Slot<f32>,
    /// `pool1`, `pool2`, `logits`, `softmax`
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

/// The model `Digits`.
#[derive(Clone, Copy)]
pub struct DigitsModel<'w> {
    cpu: Cpu,
    layers: &'w Layers<'w>,
}

impl DigitsModel<'static> {
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
impl fmt::Debug for DigitsModel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigitsModel")
            .field("inputs", &Self::INPUTS)
            .field("outputs", &Self::OUTPUTS)
            .field("weight_bytes", &Weights::BYTES)
            .field("cpu", &self.cpu)
            .finish_non_exhaustive()
    }
}

impl Default for DigitsModel<'static> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'w> DigitsModel<'w> {
    /// The inputs: their names in the model file, types and shapes.
    pub const INPUTS: &'static [Tensor] = &[Tensor {
        name: "image",
        field: "image",
        dtype: tf_layers::signature::Dtype::F32,
        shape: &[
            Axis::Symbol("batch"),
            Axis::Size(1),
            Axis::Size(8),
            Axis::Size(8),
        ],
    }];
    /// The outputs: their names in the model file, types and shapes.
    pub const OUTPUTS: &'static [Tensor] = &[Tensor {
        name: "probabilities",
        field: "probabilities",
        dtype: tf_layers::signature::Dtype::F32,
        shape: &[Axis::Symbol("batch"), Axis::Size(10)],
    }];
    /// Elements of `image` for each of `batch`.
    pub const IMAGE_LEN: usize = 64;
    /// Elements of `probabilities` for each of `batch`.
    pub const PROBABILITIES_LEN: usize = 10;
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
        check_input("image", inputs.image.len(), &[batch, 1, 8, 8])?;
        check_lengths(&[&[batch, 8, 8, 8]])?;
        let cpu = self.cpu;
        let l = self.layers;
        // conv1/Conv: [batch, 8, 8, 8]
        l.conv1.run(
            cpu,
            ImageStack {
                batch,
                size: [8, 8],
            },
            inputs.image,
            ws.s0.fit(batch * 512)?,
            &mut ws.scratch,
        )?;
        // pool1/MaxPool: [batch, 4, 4, 8]
        l.pool1.run(
            cpu,
            Images {
                batch,
                size: [8, 8],
                channels: 8,
            },
            ws.s0.get(batch * 512),
            ws.s1.fit(batch * 128)?,
        );
        // conv2/Conv: [batch, 4, 4, 16]
        l.conv2.run(
            cpu,
            ImageStack {
                batch,
                size: [4, 4],
            },
            ws.s1.get(batch * 128),
            ws.s0.fit(batch * 256)?,
            &mut ws.scratch,
        )?;
        // pool2/MaxPool: [batch, 2, 2, 16]
        l.pool2.run(
            cpu,
            Images {
                batch,
                size: [4, 4],
                channels: 16,
            },
            ws.s0.get(batch * 256),
            ws.s1.fit(batch * 64)?,
        );
        // flatten/Flatten: [batch, 16, 2, 2]
        l.flatten.run(
            cpu,
            [batch, 2, 2, 16],
            ws.s1.get(batch * 64),
            ws.s0.fit(batch * 64)?,
        );
        // logits/MatMul (Gemm): [batch, 10]
        l.logits
            .run(cpu, batch, ws.s0.get(batch * 64), ws.s1.fit(batch * 10)?);
        // softmax/Softmax: [batch, 10]
        Softmax.run_in_place(cpu, AlongAxis::last([batch, 10]), ws.s1.fit(batch * 10)?);
        Ok(Outputs {
            probabilities: TensorView {
                data: ws.s1.get(batch * 10),
                shape: [batch, 10],
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
