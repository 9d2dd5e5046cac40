//! What the tests of all kinds of layers run, and the oracle.

use crate::common::{Rng, error};
use tf_layers::activation::Activation;
use tf_layers::pack::Packing;
use tf_layers::recurrent::Directions;

/// After some dozen steps, relative to max(1, |y|): every step adds a few roundings of numbers below 1.
const STATE_ERROR: f64 = 4e-6;

/// What one test runs.
pub struct Case {
    pub steps: usize,
    pub batch: usize,
    pub inputs: usize,
    pub hidden: usize,
    pub gates: usize,
    pub directions: Directions,
    pub x: Vec<f32>,
    pub w: Vec<f32>,
    pub r: Vec<f32>,
    pub b: Option<Vec<f32>>,
    pub p: Option<Vec<f32>>,
    pub lengths: Option<Vec<i32>>,
    pub initial_h: Option<Vec<f32>>,
    pub initial_c: Option<Vec<f32>>,
    pub activations: Vec<Activation>,
    pub clip: Option<f32>,
    pub flag: bool,
}

pub const COMMON: [Activation; 3] = [Activation::Sigmoid, Activation::Tanh, Activation::Tanh];
pub const ODD: [Activation; 6] = [
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

pub const SCALED: [Activation; 2] = [
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
    pub fn random(rng: &mut Rng, gates: usize, shape: [usize; 4], odd: bool) -> Self {
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

    pub fn pack(&self, packing: Packing, w: &[f32], last: &[usize]) -> Vec<f32> {
        packing.pack(&[&[self.directions.count()], last].concat(), w)
    }

    pub fn length(&self, b: usize) -> usize {
        self.lengths.as_ref().map_or(self.steps, |l| l[b] as usize)
    }

    /// (y, final h, final c); `cell(direction, row of x, h, c)` gives the new h and c.
    pub fn oracle(
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
    pub fn gate(
        &self,
        direction: usize,
        g: usize,
        unit: usize,
        x: &[f32],
        h: &[f64],
    ) -> (f64, f64) {
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
    pub fn activate(&self, direction: usize, number: usize, per: usize, gate: bool, x: f64) -> f64 {
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

pub fn shapes(rng: &mut Rng) -> Vec<[usize; 4]> {
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
pub fn check(what: &str, got: [&[f32]; 3], expected: [&[f64]; 3]) {
    for ((name, got), expected) in ["y", "y_h", "y_c"].into_iter().zip(got).zip(expected) {
        if !got.is_empty() || expected.is_empty() {
            let e = error(got, expected);
            assert!(e < STATE_ERROR, "{what} {name}: {e}");
        }
    }
}
