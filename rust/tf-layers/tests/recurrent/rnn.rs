//! RNN against the oracle; the check of sequence lengths, which all kinds share.

use crate::case::{Case, ODD, SCALED, check, shapes};
use crate::common::Rng;
use tf_layers::activation::Activation;
use tf_layers::pack::Packing;
use tf_layers::recurrent::{Directions, RecurrentInputs, RecurrentOutputs, Rnn};
use tf_layers::{Cpu, Error, Slot};

#[test]
fn rnn() {
    let mut rng = Rng::new(3);
    let mut scratch = Slot::new();
    for (round, shape) in shapes(&mut rng).into_iter().enumerate() {
        let odd = round % 3 == 2;
        let mut c = Case::random(&mut rng, 1, shape, odd);
        c.activations = if odd {
            [&ODD[4..], &SCALED][round / 3 % 2].to_vec()
        } else {
            vec![Activation::Tanh; 2]
        };
        let (n, d) = (c.hidden, c.directions.count());
        let expected = c.oracle(|direction, x, h, _| {
            let new = (0..n).map(|u| {
                let (a, b) = c.gate(direction, 0, u, x, h);
                c.activate(direction, 0, 1, true, a + b)
            });
            (new.collect(), vec![0.0; n])
        });
        let kernel = c.pack(Packing::InputGates { gates: 1 }, &c.w, &[n, c.inputs]);
        let recurrent = c.pack(
            Packing::RecurrentGates { gates: 1, split: 1 },
            &c.r,
            &[n, n],
        );
        let bias = c.b.as_ref().map(|b| {
            c.pack(
                Packing::GateBias {
                    gates: 1,
                    summed: 1,
                },
                b,
                &[2 * n],
            )
        });
        let layer = Rnn {
            inputs: c.inputs,
            hidden: n,
            directions: c.directions,
            kernel: &kernel,
            recurrent_kernel: &recurrent,
            bias: bias.as_deref(),
            activations: c.activations.clone().try_into().unwrap(),
            clip: c.clip,
        }
        .checked();
        let mut y = vec![f32::NAN; c.steps * d * c.batch * n];
        let mut y_h = vec![f32::NAN; d * c.batch * n];
        for cpu in Cpu::all() {
            let (lens, h0) = (c.lengths.as_deref(), c.initial_h.as_deref());
            layer
                .run(
                    cpu,
                    RecurrentInputs {
                        steps: c.steps,
                        batch: c.batch,
                        x: &c.x,
                        sequence_lens: lens,
                        initial_h: h0,
                    },
                    RecurrentOutputs {
                        y: Some(&mut y),
                        y_h: Some(&mut y_h),
                    },
                    &mut scratch,
                )
                .unwrap();
            let what = format!("rnn {} {shape:?} {:?} odd {odd}", cpu.name(), c.directions);
            check(
                &what,
                [&y, &y_h, &[]],
                [&expected.0, &expected.1, &expected.2],
            );
        }
    }
}

#[test]
fn lengths_are_checked() {
    let layer = Rnn {
        inputs: 1,
        hidden: 1,
        directions: Directions::Forward,
        kernel: &[1.0; 16],
        recurrent_kernel: &[0.0; 64],
        bias: None,
        activations: [Activation::Linear; 2],
        clip: None,
    }
    .checked();
    let mut scratch = Slot::new();
    let mut run = |lengths: &[i32]| {
        let mut y = [7.0; 4];
        let result = layer.run(
            Cpu::new(),
            RecurrentInputs {
                steps: 2,
                batch: 2,
                x: &[1.0, 2.0, 3.0, 4.0],
                sequence_lens: Some(lengths),
                ..Default::default()
            },
            RecurrentOutputs {
                y: Some(&mut y),
                ..Default::default()
            },
            &mut scratch,
        );
        result.map(|()| y)
    };
    assert_eq!(run(&[2, 1]), Ok([1.0, 2.0, 3.0, 0.0]));
    assert_eq!(
        run(&[3, 1]),
        Err(Error::Size {
            what: "length of a sequence",
            value: 3
        })
    );
    assert_eq!(
        run(&[0, -1]),
        Err(Error::Size {
            what: "length of a sequence",
            value: -1
        })
    );
    assert_eq!(
        run(&[1]),
        Err(Error::InputLength {
            name: "sequence_lens",
            expected: 2,
            actual: 1
        })
    );
}
