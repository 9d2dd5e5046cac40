//! GRU against the oracle.

use crate::case::{COMMON, Case, check, shapes};
use crate::common::Rng;
use tf_layers::pack::Packing;
use tf_layers::recurrent::{Gru, RecurrentInputs, RecurrentOutputs};
use tf_layers::{Cpu, Slot};

#[test]
fn gru() {
    let mut rng = Rng::new(2);
    let mut scratch = Slot::new();
    for (round, shape) in shapes(&mut rng).into_iter().enumerate() {
        let odd = round % 3 == 2;
        let mut c = Case::random(&mut rng, 3, shape, odd);
        if odd {
            c.activations.truncate(4);
        } else {
            c.activations = [&COMMON[..2], &COMMON[..2]].concat();
        }
        let (n, d, after) = (c.hidden, c.directions.count(), c.flag);
        let expected = c.oracle(|direction, x, h, _| {
            let sum = |g: usize, u: usize, h: &[f64]| {
                let (a, b) = c.gate(direction, g, u, x, h);
                a + b
            };
            let z: Vec<f64> = (0..n)
                .map(|u| c.activate(direction, 0, 2, true, sum(0, u, h)))
                .collect();
            let r: Vec<f64> = (0..n)
                .map(|u| c.activate(direction, 0, 2, true, sum(1, u, h)))
                .collect();
            let reset: Vec<f64> = r.iter().zip(h).map(|(r, h)| r * h).collect();
            let new = (0..n).map(|u| {
                let inner = if after {
                    let (a, b) = c.gate(direction, 2, u, x, h);
                    a + r[u] * b
                } else {
                    sum(2, u, &reset)
                };
                (1.0 - z[u]) * c.activate(direction, 1, 2, true, inner) + z[u] * h[u]
            });
            (new.collect(), vec![0.0; n])
        });
        let (split, summed) = if after { (3, 2) } else { (2, 3) };
        let kernel = c.pack(Packing::InputGates { gates: 3 }, &c.w, &[3 * n, c.inputs]);
        let recurrent = c.pack(
            Packing::RecurrentGates { gates: 3, split },
            &c.r,
            &[3 * n, n],
        );
        let bias =
            c.b.as_ref()
                .map(|b| c.pack(Packing::GateBias { gates: 3, summed }, b, &[6 * n]));
        let reset_bias =
            c.b.as_ref()
                .filter(|_| after)
                .map(|b| c.pack(Packing::LastRecurrentBias { gates: 3 }, b, &[6 * n]));
        let layer = Gru {
            inputs: c.inputs,
            hidden: n,
            directions: c.directions,
            kernel: &kernel,
            recurrent_kernel: &recurrent,
            bias: bias.as_deref(),
            reset_bias: reset_bias.as_deref(),
            activations: c.activations.clone().try_into().unwrap(),
            clip: c.clip,
            linear_before_reset: after,
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
            let what = format!(
                "gru {} {shape:?} {:?} odd {odd} after {after}",
                cpu.name(),
                c.directions
            );
            check(
                &what,
                [&y, &y_h, &[]],
                [&expected.0, &expected.1, &expected.2],
            );
        }
    }
}
