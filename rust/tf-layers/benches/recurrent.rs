//! Microseconds per call of the recurrent layers.
//!
//!     cargo bench --bench recurrent [-- PART_OF_NAME]
//!
//! `benches/movement.py` runs it side by side with onnxruntime.

mod common;

use common::{Bench, numbers};
use tf_layers::activation::Activation::{Sigmoid, Tanh};
use tf_layers::pack::Packing;
use tf_layers::recurrent::{
    Directions, Gru, Lstm, LstmInputs, LstmOutputs, RecurrentInputs, RecurrentOutputs, Rnn,
};
use tf_layers::{Cpu, Slot};

/// Packed W, R and B of random content.
struct Weights {
    kernel: Vec<f32>,
    recurrent: Vec<f32>,
    bias: Vec<f32>,
}

impl Weights {
    fn new(gates: usize, split: usize, summed: usize, inputs: usize, hidden: usize) -> Self {
        let rows = gates * hidden;
        let small =
            |n: usize, seed| -> Vec<f32> { numbers(n, seed).iter().map(|v| v * 0.1).collect() };
        Self {
            kernel: Packing::InputGates { gates }
                .pack(&[1, rows, inputs], &small(rows * inputs, 1)),
            recurrent: Packing::RecurrentGates { gates, split }
                .pack(&[1, rows, hidden], &small(rows * hidden, 2)),
            bias: Packing::GateBias { gates, summed }.pack(&[1, 2 * rows], &small(2 * rows, 3)),
        }
    }
}

fn main() {
    let cpu = Cpu::new();
    let bench = Bench::new(cpu);
    let directions = Directions::Forward;
    for (steps, batch, inputs, hidden) in [
        (100, 1, 64, 64),
        (100, 1, 128, 128),
        (100, 1, 32, 32),
        (100, 32, 64, 64),
        (20, 1, 256, 256),
    ] {
        let x = numbers(steps * batch * inputs, 4);
        let (mut y, mut h) = (vec![0.0; steps * batch * hidden], vec![0.0; batch * hidden]);
        let mut scratch = Slot::new();
        for kind in ["LSTM", "GRU", "GRU-before", "RNN"] {
            let name = format!("{kind} {steps}x{batch}x{inputs}x{hidden}");
            let (gates, split, summed) = match kind {
                "LSTM" => (4, 4, 4),
                "GRU" => (3, 3, 2),
                "GRU-before" => (3, 2, 3),
                _ => (1, 1, 1),
            };
            let w = Weights::new(gates, split, summed, inputs, hidden);
            let (kernel, recurrent_kernel, bias) =
                (&w.kernel, &w.recurrent, Some(w.bias.as_slice()));
            let (y, h) = (&mut y, &mut h);
            match kind {
                "LSTM" => {
                    let activations = [Sigmoid, Tanh, Tanh, Sigmoid, Tanh, Tanh];
                    let (peepholes, clip, input_forget) = (None, None, false);
                    let layer = Lstm {
                        inputs,
                        hidden,
                        directions,
                        kernel,
                        recurrent_kernel,
                        bias,
                        peepholes,
                        activations,
                        clip,
                        input_forget,
                    };
                    bench.time(&name, || {
                        layer
                            .run(
                                cpu,
                                LstmInputs {
                                    steps,
                                    batch,
                                    x: &x,
                                    ..Default::default()
                                },
                                LstmOutputs {
                                    y: Some(y),
                                    y_h: Some(h),
                                    ..Default::default()
                                },
                                &mut scratch,
                            )
                            .expect("no sequence lengths")
                    })
                }
                "RNN" => {
                    let (activations, clip) = ([Tanh; 2], None);
                    let layer = Rnn {
                        inputs,
                        hidden,
                        directions,
                        kernel,
                        recurrent_kernel,
                        bias,
                        activations,
                        clip,
                    };
                    bench.time(&name, || {
                        layer
                            .run(
                                cpu,
                                RecurrentInputs {
                                    steps,
                                    batch,
                                    x: &x,
                                    ..Default::default()
                                },
                                RecurrentOutputs {
                                    y: Some(y),
                                    y_h: Some(h),
                                },
                                &mut scratch,
                            )
                            .expect("no sequence lengths")
                    })
                }
                _ => {
                    let activations = [Sigmoid, Tanh, Sigmoid, Tanh];
                    let (reset_bias, clip, linear_before_reset) = (None, None, kind == "GRU");
                    let layer = Gru {
                        inputs,
                        hidden,
                        directions,
                        kernel,
                        recurrent_kernel,
                        bias,
                        reset_bias,
                        activations,
                        clip,
                        linear_before_reset,
                    };
                    bench.time(&name, || {
                        layer
                            .run(
                                cpu,
                                RecurrentInputs {
                                    steps,
                                    batch,
                                    x: &x,
                                    ..Default::default()
                                },
                                RecurrentOutputs {
                                    y: Some(y),
                                    y_h: Some(h),
                                },
                                &mut scratch,
                            )
                            .expect("no sequence lengths")
                    })
                }
            }
        }
    }
}
