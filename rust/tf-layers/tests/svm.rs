//! Support vector machines against f64.
#![cfg(feature = "svm")]

mod common;

use common::{Rng, error};
use tf_layers::svm::{Kernel, PairwiseCoupling, SupportVectors};
use tf_layers::{Cpu, Slot};

/// Sums of up to 33 terms, and a function of them.
const BUDGET: f64 = 2e-6;

#[test]
fn kernels_are_what_they_say() {
    let mut rng = Rng::new(1);
    for columns in [1, 7, 8, 9, 33] {
        for (rows, count) in [(0, 3), (1, 1), (4, 5)] {
            let (x, vectors) = (rng.f32s(rows * columns), rng.f32s(count * columns));
            for kernel in [
                Kernel::Linear,
                Kernel::Poly {
                    gamma: 0.25,
                    coef0: 1.5,
                    degree: 3.0,
                },
                Kernel::Rbf { gamma: 0.5 },
                Kernel::Sigmoid {
                    gamma: 0.25,
                    coef0: -0.5,
                },
            ] {
                let mut want = Vec::new();
                for x in x.chunks(columns) {
                    for v in vectors.chunks(columns) {
                        let pairs = || x.iter().zip(v).map(|(&x, &v)| (f64::from(x), f64::from(v)));
                        let dot: f64 = pairs().map(|(x, v)| x * v).sum();
                        want.push(match kernel {
                            Kernel::Linear => dot,
                            Kernel::Poly {
                                gamma,
                                coef0,
                                degree,
                            } => {
                                (f64::from(gamma) * dot + f64::from(coef0)).powf(f64::from(degree))
                            }
                            Kernel::Rbf { gamma } => {
                                let far: f64 = pairs().map(|(x, v)| (x - v).powi(2)).sum();
                                (-f64::from(gamma) * far).exp()
                            }
                            Kernel::Sigmoid { gamma, coef0 } => {
                                (f64::from(gamma) * dot + f64::from(coef0)).tanh()
                            }
                        });
                    }
                }
                let mut y = vec![9.0; rows * count];
                let layer = SupportVectors {
                    columns,
                    kernel,
                    vectors: &vectors,
                }
                .checked();
                layer.run(Cpu::new(), rows, &x, &mut y);
                let error = error(&y, &want);
                assert!(
                    error < 10.0 * BUDGET,
                    "{kernel:?}, {columns} columns: {error:e}"
                );
            }
        }
    }
}

/// Probabilities that the pairs agree on come out again, and add up to 1.
#[test]
fn pairs_that_agree_are_coupled_to_what_they_say() {
    let mut scratch = Slot::default();
    for p in [
        &[0.3_f64, 0.7][..],
        &[0.2, 0.5, 0.3],
        &[0.1, 0.2, 0.3, 0.15, 0.25],
    ] {
        let n = p.len();
        // score · −1 + 0 is the logarithm of the odds
        let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
        let scores: Vec<f32> = pairs.map(|(i, j)| (p[i] / p[j]).ln() as f32).collect();
        let (a, b) = (vec![-1.0; scores.len()], vec![0.0; scores.len()]);
        let layer = PairwiseCoupling {
            classes: n,
            prob_a: &a,
            prob_b: &b,
        }
        .checked();
        let mut y = vec![9.0; 2 * n];
        let twice = [&scores[..], &scores[..]].concat();
        layer
            .run(Cpu::new(), 2, &twice, &mut y, &mut scratch)
            .unwrap();
        assert_eq!(y[..n], y[n..]);
        assert!((y[..n].iter().sum::<f32>() - 1.0).abs() < 1e-6);
        for (y, p) in y.iter().zip(p) {
            assert!((f64::from(*y) - p).abs() < 5e-3, "{y}, not {p}");
        }
    }
}

/// Certain pairs, and pairs of which nothing is known.
#[test]
fn scores_of_any_size_give_probabilities() {
    let mut scratch = Slot::default();
    let layer = PairwiseCoupling {
        classes: 3,
        prob_a: &[-1.0; 3],
        prob_b: &[0.0; 3],
    }
    .checked();
    for scores in [
        [1e30, 1e30, 1e30],
        [-1e30, -1e30, 1e30],
        [0.0; 3],
        [1e30, -1e30, 1e30],
    ] {
        let mut y = [9.0; 3];
        layer
            .run(Cpu::new(), 1, &scores, &mut y, &mut scratch)
            .unwrap();
        assert!(
            y.iter().all(|y| (0.0..=1.0).contains(y)),
            "{scores:?}: {y:?}"
        );
        assert!((y.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}
