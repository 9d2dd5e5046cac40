//! `Dense` against a product in f64.

mod common;

use common::Rng;
use tf_layers::Cpu;
use tf_layers::activation::Activation;
use tf_layers::dense::Dense;
use tf_layers::pack;

/// |error| ≤ budget · Σ |x·w| (+ |bias| + |residual|): the usual bound for a sum in f32, a few roundings of it.
const MAX_ERROR: f64 = 1e-6;

struct Case {
    rows: usize,
    k: usize,
    n: usize,
    x: Vec<f32>,
    w: Vec<f32>,
    bias: Option<Vec<f32>>,
    residual: Option<Vec<f32>>,
}

impl Case {
    fn new(rng: &mut Rng, rows: usize, k: usize, n: usize) -> Self {
        Self {
            rows,
            k,
            n,
            x: rng.f32s(rows * k),
            w: rng.f32s(k * n),
            bias: (rng.size(0, 2) == 1).then(|| rng.f32s(n)),
            residual: (rng.size(0, 2) == 1).then(|| rng.f32s(rows * n)),
        }
    }

    /// The exact value and the scale of its error.
    fn oracle(&self, r: usize, j: usize) -> (f64, f64) {
        let mut terms: Vec<f64> = (0..self.k)
            .map(|i| f64::from(self.x[r * self.k + i]) * f64::from(self.w[i * self.n + j]))
            .collect();
        terms.extend(self.bias.iter().map(|b| f64::from(b[j])));
        terms.extend(self.residual.iter().map(|b| f64::from(b[r * self.n + j])));
        (terms.iter().sum(), terms.iter().map(|t| t.abs()).sum())
    }

    fn check(&self, cpu: Cpu, activation: Activation) {
        let kernel = pack::panels(&self.w, self.k, self.n, false);
        let layer = Dense {
            inputs: self.k,
            units: self.n,
            kernel: &kernel,
            bias: self.bias.as_deref(),
            activation,
        }
        .checked();
        let mut y = vec![f32::NAN; self.rows * self.n];
        match &self.residual {
            Some(residual) => {
                layer.run_adding(cpu, self.rows, &self.x, residual, &mut y);
                let mut in_place = residual.clone();
                layer.run_adding_in_place(cpu, self.rows, &self.x, &mut in_place);
                assert_eq!(y, in_place);
            }
            None => layer.run(cpu, self.rows, &self.x, &mut y),
        }
        for (i, actual) in y.iter().enumerate() {
            let (expected, scale) = self.oracle(i / self.n, i % self.n);
            let expected = if activation == Activation::Relu {
                expected.max(0.0)
            } else {
                expected
            };
            let error = (f64::from(*actual) - expected).abs();
            let Self { rows, k, n, .. } = self;
            assert!(
                error <= MAX_ERROR * scale,
                "{}: {rows}×{k}×{n} [{i}]: {actual} for {expected}",
                cpu.name()
            );
        }
    }
}

#[test]
fn every_shape_near_the_edges() {
    let mut rng = Rng::new(1);
    for cpu in Cpu::all() {
        for rows in [0, 1, 2, 3, 5, 6, 7, 11, 12, 13, 25] {
            for k in [0, 1, 3, 4, 5, 9, 64] {
                for n in [1, 15, 16, 17, 31, 32, 33, 48] {
                    Case::new(&mut rng, rows, k, n).check(cpu, Activation::Relu);
                }
            }
        }
    }
}

#[test]
fn long_sums_and_many_panels() {
    let mut rng = Rng::new(2);
    for cpu in Cpu::all() {
        for (rows, k, n) in [
            (1, 2381, 70),
            (3, 769, 100),
            (14, 1537, 40),
            (64, 768, 130),
            (200, 30, 300),
        ] {
            Case::new(&mut rng, rows, k, n).check(cpu, Activation::Linear);
        }
    }
}

/// Enough rows of few columns are scalar products: of rows that fill vectors of any level or of none, the last group being short.
#[test]
fn few_columns() {
    let mut rng = Rng::new(3);
    for cpu in Cpu::all() {
        for n in [1, 2, 3, 4] {
            for (rows, k) in [
                (512, 8),
                (16, 256),
                (259, 16),
                (173, 24),
                (345, 12),
                (31, 1024),
                (700, 7),
                (40, 4096),
                (64, 5000),
            ] {
                for activation in [Activation::Linear, Activation::Relu] {
                    Case::new(&mut rng, rows, k, n).check(cpu, activation);
                }
            }
        }
    }
}

/// A bias that is much larger than the products costs one rounding, not one a product: half a spacing of y.
#[test]
fn a_large_bias_is_rounded_once() {
    let mut rng = Rng::new(4);
    for cpu in Cpu::all() {
        for (rows, k, n) in [(13, 24, 144), (9, 64, 33), (5, 2000, 20), (512, 8, 1)] {
            let mut case = Case::new(&mut rng, rows, k, n);
            case.residual = None;
            case.bias = Some(vec![4097.0; n]);
            let kernel = pack::panels(&case.w, k, n, false);
            let layer = Dense {
                inputs: k,
                units: n,
                kernel: &kernel,
                bias: case.bias.as_deref(),
                activation: Activation::Linear,
            }
            .checked();
            let mut y = vec![f32::NAN; rows * n];
            layer.run(cpu, rows, &case.x, &mut y);
            for (i, actual) in y.iter().enumerate() {
                let (expected, scale) = case.oracle(i / n, i % n);
                let half = f64::from(actual.next_up() - actual) / 2.0;
                let error = (f64::from(*actual) - expected).abs();
                let products = scale - 4097.0;
                assert!(
                    error <= half + MAX_ERROR * products,
                    "{}: {rows}×{k}×{n} [{i}]: {actual} for {expected}",
                    cpu.name()
                );
            }
        }
    }
}

#[test]
fn nan_and_infinity_go_through() {
    for cpu in Cpu::all() {
        let kernel = pack::panels(&[1.0; 34], 2, 17, false);
        let layer = Dense {
            inputs: 2,
            units: 17,
            kernel: &kernel,
            bias: None,
            activation: Activation::Relu,
        }
        .checked();
        let mut y = [0.0; 3 * 17];
        layer.run(
            cpu,
            3,
            &[f32::NAN, 1.0, f32::INFINITY, 1.0, f32::NEG_INFINITY, 1.0],
            &mut y,
        );
        assert!(y[..17].iter().all(|v| v.is_nan()), "{}", cpu.name());
        assert!(y[17..34].iter().all(|v| *v == f32::INFINITY));
        assert!(y[34..].iter().all(|v| *v == 0.0));

        let kernel = pack::panels(&[1.0; 256], 256, 1, false);
        let layer = Dense {
            inputs: 256,
            units: 1,
            kernel: &kernel,
            ..layer
        }
        .checked();
        let mut x = vec![1.0; 16 * 256];
        for (row, value) in [(1, f32::NAN), (2, f32::INFINITY), (3, f32::NEG_INFINITY)] {
            x[row * 256 + 77] = value;
        }
        let mut y = [f32::NAN; 16];
        layer.run(cpu, 16, &x, &mut y);
        assert!(y[1].is_nan(), "{}", cpu.name());
        assert_eq!(
            [y[0], y[2], y[3], y[15]],
            [256.0, f32::INFINITY, 0.0, 256.0]
        );
    }
}
