//! What scores are turned into, against f64.
#![cfg(feature = "scores")]

use tf_layers::Cpu;
use tf_layers::scores::{Probit, SoftmaxZero};

#[test]
fn z_scores_of_probabilities() {
    // Winitzki's approximation is off by 2e-3 of the true quantiles at most
    let quantiles = [
        (0.5_f32, 0.0_f32),
        (0.841_344_7, 1.0),
        (0.158_655_25, -1.0),
        (0.977_249_87, 2.0),
        (0.75, 0.674_489_75),
        (0.999, 3.090_232_3),
    ];
    let mut x = quantiles.map(|(p, _)| p);
    Probit.checked().run_in_place(Cpu::new(), &mut x);
    for (x, (p, z)) in x.iter().zip(quantiles) {
        assert!(
            (x - z).abs() <= 5e-3 * z.abs().max(0.1),
            "{p}: {x}, not {z}"
        );
    }
    let mut y = [0.0; 5];
    Probit.run(Cpu::new(), &[0.0, 1.0, -0.5, 1.5, f32::NAN], &mut y);
    assert_eq!(y[..2], [f32::NEG_INFINITY, f32::INFINITY]);
    assert!(y[2..].iter().all(|y| y.is_nan()));
}

#[test]
fn zeros_stay_zeros() {
    let x = [1.0_f32, 0.0, -2.0, 5e-8, 700.0, 699.0, 0.0, -700.0];
    let mut y = [9.0; 8];
    SoftmaxZero.checked().run(Cpu::new(), [2, 4], &x, &mut y);
    let (a, b) = (1.0_f64, (-3.0_f64).exp());
    let share = |e: f64, sum: f64| (e / sum) as f32;
    assert!((y[0] - share(a, a + b)).abs() < 1e-7 && (y[2] - share(b, a + b)).abs() < 1e-7);
    assert_eq!(y[1], 0.0);
    assert!((y[3] - share(5e-8 * (-1.0_f64).exp(), a + b)).abs() < 1e-13);
    let e = (-1.0_f64).exp();
    assert!((y[4] - share(1.0, 1.0 + e)).abs() < 1e-7 && (y[5] - share(e, 1.0 + e)).abs() < 1e-7);
    assert_eq!(y[6..], [0.0, 0.0]);
    SoftmaxZero.run(Cpu::new(), [3, 0], &[], &mut []);
    let mut none = [0.0; 2];
    SoftmaxZero.run_in_place(Cpu::new(), [1, 2], &mut none);
    assert!(none.iter().all(|y| y.is_nan()));
}
