//! LSTM, GRU and RNN against step-by-step oracles in f64.

mod case;
#[path = "../common/mod.rs"]
mod common;
mod gru;
mod lstm;
mod rnn;
