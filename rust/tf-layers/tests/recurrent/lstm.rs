//! LSTM against the oracle.

use crate::case::{Case, check, shapes};
use crate::common::Rng;
use tf_layers::pack::Packing;
use tf_layers::recurrent::{Lstm, LstmInputs, LstmOutputs};
use tf_layers::{Cpu, Slot};

#[test]
fn lstm() {
    let mut rng = Rng::new(1);
    let mut scratch = Slot::new();
    for (round, shape) in shapes(&mut rng).into_iter().enumerate() {
        let odd = round % 3 == 2;
        let c = Case::random(&mut rng, 4, shape, odd);
        let (n, d) = (c.hidden, c.directions.count());
        let input_forget = odd && c.flag;
        let expected = c.oracle(|direction, x, h, old| {
            let peep = |g: usize, unit: usize, c_: f64| {
                c.p.as_ref()
                    .map_or(0.0, |p| f64::from(p[direction * 3 * n + g * n + unit]) * c_)
            };
            (0..n)
                .map(|u| {
                    let gate = |g: usize| {
                        let (a, b) = c.gate(direction, g, u, x, h);
                        a + b
                    };
                    let i = c.activate(direction, 0, 3, true, gate(0) + peep(0, u, old[u]));
                    let f = match input_forget {
                        true => 1.0 - i,
                        false => c.activate(direction, 0, 3, true, gate(2) + peep(2, u, old[u])),
                    };
                    let new = f * old[u] + i * c.activate(direction, 1, 3, true, gate(3));
                    let o = c.activate(direction, 0, 3, true, gate(1) + peep(1, u, new));
                    (o * c.activate(direction, 2, 3, false, new), new)
                })
                .unzip()
        });
        let kernel = c.pack(Packing::InputGates { gates: 4 }, &c.w, &[4 * n, c.inputs]);
        let recurrent = c.pack(
            Packing::RecurrentGates { gates: 4, split: 4 },
            &c.r,
            &[4 * n, n],
        );
        let bias = c.b.as_ref().map(|b| {
            c.pack(
                Packing::GateBias {
                    gates: 4,
                    summed: 4,
                },
                b,
                &[8 * n],
            )
        });
        let peepholes =
            c.p.as_ref()
                .map(|p| c.pack(Packing::GateVectors { gates: 3 }, p, &[3 * n]));
        let layer = Lstm {
            inputs: c.inputs,
            hidden: n,
            directions: c.directions,
            kernel: &kernel,
            recurrent_kernel: &recurrent,
            bias: bias.as_deref(),
            peepholes: peepholes.as_deref(),
            activations: c.activations.clone().try_into().unwrap(),
            clip: c.clip,
            input_forget,
        }
        .checked();
        let mut y = vec![f32::NAN; c.steps * d * c.batch * n];
        let (mut y_h, mut y_c) = (
            vec![f32::NAN; d * c.batch * n],
            vec![f32::NAN; d * c.batch * n],
        );
        for cpu in Cpu::all() {
            let (lens, h0, c0) = (
                c.lengths.as_deref(),
                c.initial_h.as_deref(),
                c.initial_c.as_deref(),
            );
            layer
                .run(
                    cpu,
                    LstmInputs {
                        steps: c.steps,
                        batch: c.batch,
                        x: &c.x,
                        sequence_lens: lens,
                        initial_h: h0,
                        initial_c: c0,
                    },
                    LstmOutputs {
                        y: Some(&mut y),
                        y_h: Some(&mut y_h),
                        y_c: Some(&mut y_c),
                    },
                    &mut scratch,
                )
                .unwrap();
            let what = format!("lstm {} {shape:?} {:?} odd {odd}", cpu.name(), c.directions);
            check(
                &what,
                [&y, &y_h, &y_c],
                [&expected.0, &expected.1, &expected.2],
            );
            y_h.fill(f32::NAN);
            layer
                .run(
                    cpu,
                    LstmInputs {
                        steps: c.steps,
                        batch: c.batch,
                        x: &c.x,
                        sequence_lens: lens,
                        initial_h: h0,
                        initial_c: c0,
                    },
                    LstmOutputs {
                        y_h: Some(&mut y_h),
                        ..Default::default()
                    },
                    &mut scratch,
                )
                .unwrap();
            check(
                &what,
                [&[], &y_h, &[]],
                [&expected.0, &expected.1, &expected.2],
            );
        }
    }
}
