//! Recurrent layers: LSTM, GRU and RNN as ONNX has them (layout 0: `[steps, batch, inputs]`).
//!
//! The input half of all gates is one product over many steps at once; what is left for each step is the recurrent
//! half, in which the gates of 16 hidden units (a *block*) stay in registers until they are the new state.

mod given;
#[cfg(feature = "gru")]
mod gru;
#[cfg(any(feature = "gru", feature = "lstm", feature = "rnn"))]
mod layer;
#[cfg(feature = "lstm")]
mod lstm;
#[cfg(any(feature = "gru", feature = "lstm", feature = "rnn"))]
mod product;
#[cfg(feature = "rnn")]
mod rnn;
mod unpacked;
mod unroll;

pub use given::RecurrentWeights;
#[cfg(feature = "lstm")]
pub use given::{LstmInputs, LstmOutputs, LstmWeights};
#[cfg(any(feature = "gru", feature = "rnn"))]
pub use given::{RecurrentInputs, RecurrentOutputs};
#[cfg(feature = "gru")]
pub use gru::{Gru, GruUnpacked};
#[cfg(feature = "lstm")]
pub use lstm::{Lstm, LstmUnpacked};
#[cfg(feature = "rnn")]
pub use rnn::{Rnn, RnnUnpacked};
pub use unroll::Directions;
