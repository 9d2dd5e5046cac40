//! Recurrent layers: LSTM, GRU and RNN as ONNX has them (layout 0: `[steps, batch, inputs]`).
//!
//! The input half of all gates is one product over many steps at once; what is left for each step is the recurrent
//! half, in which the gates of 16 hidden units (a *block*) stay in registers until they are the new state.

mod gru;
mod lstm;
mod product;
mod rnn;
mod unpacked;
mod unroll;

pub use gru::Gru;
pub use lstm::Lstm;
pub use rnn::Rnn;
pub use unpacked::{GruUnpacked, LstmUnpacked, RnnUnpacked};
pub use unroll::Directions;
