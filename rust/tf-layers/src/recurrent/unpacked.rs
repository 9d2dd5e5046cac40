//! Recurrent layers whose weights are inputs of the model: packed in every run, which allocates.

use super::{Directions, Gru, Lstm, Rnn};
use crate::activation::Activation;
use crate::cpu::Cpu;
use crate::error::Result;
use crate::pack::recurrent::{
    gate_bias, gate_vectors, input_gates, last_recurrent_bias, recurrent_gates,
};
use crate::slot::Slot;

/// W, R and B, packed.
struct Packed {
    kernel: Vec<f32>,
    recurrent: Vec<f32>,
    bias: Option<Vec<f32>>,
}

/// Sizes of the unpacked weights.
struct Shape {
    directions: usize,
    gates: usize,
    inputs: usize,
    hidden: usize,
}

impl Shape {
    fn pack(&self, split: usize, summed: usize, w: &[f32], r: &[f32], b: Option<&[f32]>) -> Packed {
        let Shape {
            directions,
            gates,
            inputs,
            hidden,
        } = *self;
        let rows = gates * hidden;
        Packed {
            kernel: input_gates(&[directions, rows, inputs], w, gates),
            recurrent: recurrent_gates(&[directions, rows, hidden], r, gates, split),
            bias: b.map(|b| gate_bias(&[directions, 2 * rows], b, gates, summed)),
        }
    }
}

/// [`Lstm`] with W, R, B and P as ONNX has them.
#[derive(Debug, Clone, Copy)]
pub struct LstmUnpacked {
    /// Last axis of x.
    pub inputs: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Which way the sequence is read.
    pub directions: Directions,
    /// As [`Lstm::activations`].
    pub activations: [Activation; 6],
    /// As [`Lstm::clip`].
    pub clip: Option<f32>,
    /// As [`Lstm::input_forget`].
    pub input_forget: bool,
}

impl LstmUnpacked {
    /// Checks the parameters; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.hidden > 0, "LstmUnpacked: hidden");
        self
    }

    /// Packs the weights and runs.
    ///
    /// # Errors
    /// As [`Lstm::run`].
    #[allow(
        clippy::too_many_arguments,
        reason = "the inputs and outputs that ONNX gives LSTM"
    )]
    pub fn run(
        &self,
        cpu: Cpu,
        steps: usize,
        batch: usize,
        x: &[f32],
        w: &[f32],
        r: &[f32],
        b: Option<&[f32]>,
        sequence_lens: Option<&[i32]>,
        initial_h: Option<&[f32]>,
        initial_c: Option<&[f32]>,
        p: Option<&[f32]>,
        y: Option<&mut [f32]>,
        y_h: Option<&mut [f32]>,
        y_c: Option<&mut [f32]>,
        scratch: &mut Slot<f32>,
    ) -> Result<()> {
        let Self {
            inputs,
            hidden,
            directions,
            activations,
            clip,
            input_forget,
        } = *self;
        let shape = Shape {
            directions: directions.count(),
            gates: 4,
            inputs,
            hidden,
        };
        let packed = shape.pack(4, 4, w, r, b);
        let peepholes = p.map(|p| gate_vectors(&[directions.count(), 3 * hidden], p, 3));
        let layer = Lstm {
            inputs,
            hidden,
            directions,
            kernel: &packed.kernel,
            recurrent_kernel: &packed.recurrent,
            bias: packed.bias.as_deref(),
            peepholes: peepholes.as_deref(),
            activations,
            clip,
            input_forget,
        };
        layer.run(
            cpu,
            steps,
            batch,
            x,
            sequence_lens,
            initial_h,
            initial_c,
            y,
            y_h,
            y_c,
            scratch,
        )
    }
}

/// [`Gru`] with W, R and B as ONNX has them.
#[derive(Debug, Clone, Copy)]
pub struct GruUnpacked {
    /// Last axis of x.
    pub inputs: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Which way the sequence is read.
    pub directions: Directions,
    /// As [`Gru::activations`].
    pub activations: [Activation; 4],
    /// As [`Gru::clip`].
    pub clip: Option<f32>,
    /// As [`Gru::linear_before_reset`].
    pub linear_before_reset: bool,
}

impl GruUnpacked {
    /// Checks the parameters; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.hidden > 0, "GruUnpacked: hidden");
        self
    }

    /// Packs the weights and runs.
    ///
    /// # Errors
    /// As [`Gru::run`].
    #[allow(
        clippy::too_many_arguments,
        reason = "the inputs and outputs that ONNX gives GRU"
    )]
    pub fn run(
        &self,
        cpu: Cpu,
        steps: usize,
        batch: usize,
        x: &[f32],
        w: &[f32],
        r: &[f32],
        b: Option<&[f32]>,
        sequence_lens: Option<&[i32]>,
        initial_h: Option<&[f32]>,
        y: Option<&mut [f32]>,
        y_h: Option<&mut [f32]>,
        scratch: &mut Slot<f32>,
    ) -> Result<()> {
        let Self {
            inputs,
            hidden,
            directions,
            activations,
            clip,
            linear_before_reset,
        } = *self;
        let shape = Shape {
            directions: directions.count(),
            gates: 3,
            inputs,
            hidden,
        };
        let (split, summed) = if linear_before_reset { (3, 2) } else { (2, 3) };
        let packed = shape.pack(split, summed, w, r, b);
        let reset_bias = b
            .filter(|_| linear_before_reset)
            .map(|b| last_recurrent_bias(&[directions.count(), 6 * hidden], b, 3));
        let layer = Gru {
            inputs,
            hidden,
            directions,
            kernel: &packed.kernel,
            recurrent_kernel: &packed.recurrent,
            bias: packed.bias.as_deref(),
            reset_bias: reset_bias.as_deref(),
            activations,
            clip,
            linear_before_reset,
        };
        layer.run(
            cpu,
            steps,
            batch,
            x,
            sequence_lens,
            initial_h,
            y,
            y_h,
            scratch,
        )
    }
}

/// [`Rnn`] with W, R and B as ONNX has them.
#[derive(Debug, Clone, Copy)]
pub struct RnnUnpacked {
    /// Last axis of x.
    pub inputs: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Which way the sequence is read.
    pub directions: Directions,
    /// As [`Rnn::activations`].
    pub activations: [Activation; 2],
    /// As [`Rnn::clip`].
    pub clip: Option<f32>,
}

impl RnnUnpacked {
    /// Checks the parameters; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(self.hidden > 0, "RnnUnpacked: hidden");
        self
    }

    /// Packs the weights and runs.
    ///
    /// # Errors
    /// As [`Rnn::run`].
    #[allow(
        clippy::too_many_arguments,
        reason = "the inputs and outputs that ONNX gives RNN"
    )]
    pub fn run(
        &self,
        cpu: Cpu,
        steps: usize,
        batch: usize,
        x: &[f32],
        w: &[f32],
        r: &[f32],
        b: Option<&[f32]>,
        sequence_lens: Option<&[i32]>,
        initial_h: Option<&[f32]>,
        y: Option<&mut [f32]>,
        y_h: Option<&mut [f32]>,
        scratch: &mut Slot<f32>,
    ) -> Result<()> {
        let Self {
            inputs,
            hidden,
            directions,
            activations,
            clip,
        } = *self;
        let shape = Shape {
            directions: directions.count(),
            gates: 1,
            inputs,
            hidden,
        };
        let packed = shape.pack(1, 1, w, r, b);
        let layer = Rnn {
            inputs,
            hidden,
            directions,
            kernel: &packed.kernel,
            recurrent_kernel: &packed.recurrent,
            bias: packed.bias.as_deref(),
            activations,
            clip,
        };
        layer.run(
            cpu,
            steps,
            batch,
            x,
            sequence_lens,
            initial_h,
            y,
            y_h,
            scratch,
        )
    }
}
