//! What recurrent layers read and write, by ONNX's names.

/// What an LSTM reads: x `[steps, batch, inputs]`, states `[directions, batch, hidden]`. States that are not given are 0.
#[derive(Debug, Clone, Copy, Default)]
pub struct LstmInputs<'a> {
    /// First axis of x.
    pub steps: usize,
    /// Second axis of x.
    pub batch: usize,
    /// The sequences.
    pub x: &'a [f32],
    /// `[batch]`: steps that each of the sequences has; all have `steps` if it is not given.
    pub sequence_lens: Option<&'a [i32]>,
    /// h before the first step.
    pub initial_h: Option<&'a [f32]>,
    /// c before the first step.
    pub initial_c: Option<&'a [f32]>,
}

/// What an LSTM writes; an output that is not used is `None`.
#[derive(Debug, Default)]
pub struct LstmOutputs<'a> {
    /// h of all steps: `[steps, directions, batch, hidden]`.
    pub y: Option<&'a mut [f32]>,
    /// h after the last step: `[directions, batch, hidden]`.
    pub y_h: Option<&'a mut [f32]>,
    /// c after the last step: `[directions, batch, hidden]`.
    pub y_c: Option<&'a mut [f32]>,
}

/// What a GRU or an RNN reads: [`LstmInputs`] without c.
#[cfg(any(feature = "gru", feature = "rnn"))]
#[derive(Debug, Clone, Copy, Default)]
pub struct RecurrentInputs<'a> {
    /// First axis of x.
    pub steps: usize,
    /// Second axis of x.
    pub batch: usize,
    /// The sequences.
    pub x: &'a [f32],
    /// `[batch]`: steps that each of the sequences has; all have `steps` if it is not given.
    pub sequence_lens: Option<&'a [i32]>,
    /// h before the first step.
    pub initial_h: Option<&'a [f32]>,
}

/// What a GRU or an RNN writes: [`LstmOutputs`] without c.
#[cfg(any(feature = "gru", feature = "rnn"))]
#[derive(Debug, Default)]
pub struct RecurrentOutputs<'a> {
    /// h of all steps: `[steps, directions, batch, hidden]`.
    pub y: Option<&'a mut [f32]>,
    /// h after the last step: `[directions, batch, hidden]`.
    pub y_h: Option<&'a mut [f32]>,
}

/// Weights of an LSTM that are inputs of the model, as ONNX has them.
#[cfg(feature = "lstm")]
#[derive(Debug, Clone, Copy, Default)]
pub struct LstmWeights<'a> {
    /// W `[directions, 4 · hidden, inputs]`.
    pub w: &'a [f32],
    /// R `[directions, 4 · hidden, hidden]`.
    pub r: &'a [f32],
    /// B `[directions, 8 · hidden]`.
    pub b: Option<&'a [f32]>,
    /// P `[directions, 3 · hidden]`.
    pub p: Option<&'a [f32]>,
}

/// Weights of a GRU or an RNN that are inputs of the model, as ONNX has them.
#[derive(Debug, Clone, Copy, Default)]
pub struct RecurrentWeights<'a> {
    /// W `[directions, gates · hidden, inputs]`.
    pub w: &'a [f32],
    /// R `[directions, gates · hidden, hidden]`.
    pub r: &'a [f32],
    /// B `[directions, 2 · gates · hidden]`.
    pub b: Option<&'a [f32]>,
}

#[cfg(any(feature = "gru", feature = "rnn"))]
impl<'a> From<RecurrentInputs<'a>> for LstmInputs<'a> {
    fn from(given: RecurrentInputs<'a>) -> Self {
        Self {
            steps: given.steps,
            batch: given.batch,
            x: given.x,
            sequence_lens: given.sequence_lens,
            initial_h: given.initial_h,
            initial_c: None,
        }
    }
}

#[cfg(any(feature = "gru", feature = "rnn"))]
impl<'a> From<RecurrentOutputs<'a>> for LstmOutputs<'a> {
    fn from(out: RecurrentOutputs<'a>) -> Self {
        Self {
            y: out.y,
            y_h: out.y_h,
            y_c: None,
        }
    }
}

#[cfg(feature = "lstm")]
impl<'a> From<LstmWeights<'a>> for RecurrentWeights<'a> {
    fn from(LstmWeights { w, r, b, .. }: LstmWeights<'a>) -> Self {
        Self { w, r, b }
    }
}
