//! LSTM, GRU and RNN against step-by-step oracles in f64.

mod common;

use common::{Rng, error};
use tf_layers::activation::Activation;
use tf_layers::pack::Packing;
use tf_layers::recurrent::{Directions, Gru, Lstm, Rnn};
use tf_layers::{Cpu, Error, Slot};

/// After some dozen steps, relative to max(1, |y|): every step adds a few roundings of numbers below 1.
const STATE_ERROR: f64 = 4e-6;

/// What one test runs.
struct Case {
    steps: usize,
    batch: usize,
    inputs: usize,
    hidden: usize,
    gates: usize,
    directions: Directions,
    x: Vec<f32>,
    w: Vec<f32>,
    r: Vec<f32>,
    b: Option<Vec<f32>>,
    p: Option<Vec<f32>>,
    lengths: Option<Vec<i32>>,
    initial_h: Option<Vec<f32>>,
    initial_c: Option<Vec<f32>>,
    activations: Vec<Activation>,
    clip: Option<f32>,
    flag: bool,
}

const COMMON: [Activation; 3] = [Activation::Sigmoid, Activation::Tanh, Activation::Tanh];
const ODD: [Activation; 6] = [
    Activation::HardSigmoid {
        alpha: 0.2,
        beta: 0.5,
    },
    Activation::Softsign,
    Activation::Elu { alpha: 1.5 },
    Activation::Sigmoid,
    Activation::LeakyRelu { alpha: 0.1 },
    Activation::Tanh,
];

const SCALED: [Activation; 2] = [
    Activation::Affine {
        alpha: 0.5,
        beta: -0.25,
    },
    Activation::ScaledTanh {
        alpha: 1.5,
        beta: 0.75,
    },
];

impl Case {
    fn random(rng: &mut Rng, gates: usize, shape: [usize; 4], odd: bool) -> Self {
        let [steps, batch, inputs, hidden] = shape;
        let directions = [
            Directions::Forward,
            Directions::Reverse,
            Directions::Bidirectional,
        ][rng.size(0, 3)];
        let d = directions.count();
        let some = |rng: &mut Rng, n: usize| (rng.size(0, 2) == 0).then(|| rng.f32s(n));
        let scaled = |rng: &mut Rng, n: usize, k: usize| -> Vec<f32> {
            rng.f32s(n)
                .into_iter()
                .map(|v| v * 2.0 / (k as f32).sqrt())
                .collect()
        };
        Self {
            steps,
            batch,
            inputs,
            hidden,
            gates,
            directions,
            x: rng.f32s(steps * batch * inputs),
            w: scaled(rng, d * gates * hidden * inputs, inputs),
            r: scaled(rng, d * gates * hidden * hidden, hidden),
            b: some(rng, d * 2 * gates * hidden),
            p: some(rng, d * 3 * hidden).filter(|_| odd),
            lengths: (rng.size(0, 3) == 0)
                .then(|| (0..batch).map(|_| rng.size(0, steps + 1) as i32).collect()),
            initial_h: some(rng, d * batch * hidden),
            initial_c: some(rng, d * batch * hidden),
            activations: if odd {
                ODD.to_vec()
            } else {
                [COMMON, COMMON].concat()
            },
            clip: odd.then_some(0.7),
            flag: rng.size(0, 2) == 0,
        }
    }

    fn pack(&self, packing: Packing, w: &[f32], last: &[usize]) -> Vec<f32> {
        packing.pack(&[&[self.directions.count()], last].concat(), w)
    }

    fn length(&self, b: usize) -> usize {
        self.lengths.as_ref().map_or(self.steps, |l| l[b] as usize)
    }

    /// (y, final h, final c); `cell(direction, row of x, h, c)` gives the new h and c.
    fn oracle(
        &self,
        cell: impl Fn(usize, &[f32], &[f64], &[f64]) -> (Vec<f64>, Vec<f64>),
    ) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let (d, n) = (self.directions.count(), self.hidden);
        let mut y = vec![0.0; self.steps * d * self.batch * n];
        let (mut y_h, mut y_c) = (Vec::new(), Vec::new());
        for direction in 0..d {
            let reverse = self.directions == Directions::Reverse || direction == 1;
            for b in 0..self.batch {
                let initial = |state: &Option<Vec<f32>>| -> Vec<f64> {
                    let at = (direction * self.batch + b) * n;
                    state.as_ref().map_or(vec![0.0; n], |s| {
                        s[at..at + n].iter().map(|&v| v.into()).collect()
                    })
                };
                let (mut h, mut c) = (initial(&self.initial_h), initial(&self.initial_c));
                let steps = self.length(b);
                for i in 0..steps {
                    let t = if reverse { steps - 1 - i } else { i };
                    let x = &self.x[(t * self.batch + b) * self.inputs..][..self.inputs];
                    (h, c) = cell(direction, x, &h, &c);
                    y[((t * d + direction) * self.batch + b) * n..][..n].copy_from_slice(&h);
                }
                y_h.extend(h);
                y_c.extend(c);
            }
        }
        (y, y_h, y_c)
    }

    /// Gate `g` of the input half and of the recurrent half, biases included, for state `h`.
    fn gate(&self, direction: usize, g: usize, unit: usize, x: &[f32], h: &[f64]) -> (f64, f64) {
        let n = self.hidden;
        let row = direction * self.gates * n + g * n + unit;
        let dot = |w: &[f32], v: &mut dyn Iterator<Item = f64>| -> f64 {
            w.iter().zip(v).map(|(&w, v)| f64::from(w) * v).sum()
        };
        let input = dot(
            &self.w[row * self.inputs..][..self.inputs],
            &mut x.iter().map(|&v| v.into()),
        );
        let recurrent = dot(&self.r[row * n..][..n], &mut h.iter().copied());
        let bias = |half: usize| {
            let at = direction * 2 * self.gates * n + (half * self.gates + g) * n + unit;
            self.b.as_ref().map_or(0.0, |b| f64::from(b[at]))
        };
        (input + bias(0), recurrent + bias(1))
    }

    /// Activation `number` (of `per` in a direction), clipped first if it is a gate's.
    fn activate(&self, direction: usize, number: usize, per: usize, gate: bool, x: f64) -> f64 {
        let x = match self.clip {
            Some(limit) if gate => x.clamp(-f64::from(limit), f64::from(limit)),
            _ => x,
        };
        match self.activations[direction * per + number] {
            Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Activation::Tanh => x.tanh(),
            Activation::HardSigmoid { alpha, beta } => {
                (f64::from(alpha) * x + f64::from(beta)).clamp(0.0, 1.0)
            }
            Activation::Affine { alpha, beta } => f64::from(alpha) * x + f64::from(beta),
            Activation::ScaledTanh { alpha, beta } => {
                f64::from(alpha) * (f64::from(beta) * x).tanh()
            }
            Activation::Softsign => x / (1.0 + x.abs()),
            Activation::Elu { alpha } => {
                if x < 0.0 {
                    f64::from(alpha) * x.exp_m1()
                } else {
                    x
                }
            }
            Activation::LeakyRelu { alpha } => {
                if x < 0.0 {
                    f64::from(alpha) * x
                } else {
                    x
                }
            }
            other => panic!("no oracle for {other:?}"),
        }
    }
}

fn shapes(rng: &mut Rng) -> Vec<[usize; 4]> {
    let mut shapes = vec![
        [1, 1, 1, 1],
        [3, 1, 4, 16],
        [5, 2, 3, 15],
        [4, 3, 5, 17],
        [6, 4, 8, 32],
        [3, 5, 2, 33],
        [2, 9, 7, 48],
        [20, 1, 16, 64],
        [0, 2, 3, 4],
        [3, 0, 3, 4],
        [70, 30, 3, 20],
    ];
    shapes.extend((0..30).map(|_| {
        [
            rng.size(1, 8),
            rng.size(1, 8),
            rng.size(1, 20),
            rng.size(1, 40),
        ]
    }));
    shapes
}

/// Fails if one of the outputs is off.
fn check(what: &str, got: [&[f32]; 3], expected: [&[f64]; 3]) {
    for ((name, got), expected) in ["y", "y_h", "y_c"].into_iter().zip(got).zip(expected) {
        if !got.is_empty() || expected.is_empty() {
            let e = error(got, expected);
            assert!(e < STATE_ERROR, "{what} {name}: {e}");
        }
    }
}

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
                    c.steps,
                    c.batch,
                    &c.x,
                    lens,
                    h0,
                    c0,
                    Some(&mut y),
                    Some(&mut y_h),
                    Some(&mut y_c),
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
                    c.steps,
                    c.batch,
                    &c.x,
                    lens,
                    h0,
                    c0,
                    None,
                    Some(&mut y_h),
                    None,
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
                    c.steps,
                    c.batch,
                    &c.x,
                    lens,
                    h0,
                    Some(&mut y),
                    Some(&mut y_h),
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
                    c.steps,
                    c.batch,
                    &c.x,
                    lens,
                    h0,
                    Some(&mut y),
                    Some(&mut y_h),
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
            2,
            2,
            &[1.0, 2.0, 3.0, 4.0],
            Some(lengths),
            None,
            Some(&mut y),
            None,
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
