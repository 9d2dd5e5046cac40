//! Accuracy of the vector functions against f64, in ULP, at every level.

mod draws;

use draws::{erf, levels};
use tf_layers::Cpu;
use tf_layers::activation::Activation;

/// Distance of `got` from `exact` in units of the spacing of f32 at `exact` (of the smallest normal one, below that).
fn ulps(got: f32, exact: f64) -> f64 {
    if got.is_nan() && exact.is_nan() || f64::from(got) == exact {
        return 0.0;
    }
    let rounded = exact as f32;
    if rounded.is_infinite() || got.is_infinite() {
        // Rounding to ∞ instead of the largest float (or back) is an error of one spacing.
        let edge = |v: f32| v.is_infinite() || v.abs() >= f32::MAX * (1.0 - f32::EPSILON);
        return if edge(rounded) && edge(got) && rounded.signum() == got.signum() {
            1.0
        } else {
            f64::MAX
        };
    }
    if got.is_nan() || exact.is_nan() {
        return f64::MAX;
    }
    let exponent = exact.abs().max(f64::from(f32::MIN_POSITIVE)).log2().floor();
    (f64::from(got) - exact).abs() / (exponent - 23.0).exp2()
}

/// Every `step`th float of both signs from 0 to ∞, plus NaN and the infinities.
fn all_floats(step: usize) -> Vec<f32> {
    let positive = (0..=f32::INFINITY.to_bits())
        .step_by(step)
        .map(f32::from_bits);
    let mut x: Vec<f32> = positive.flat_map(|x| [x, -x]).collect();
    x.extend([
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        f32::MAX,
        f32::MIN,
        f32::MIN_POSITIVE,
    ]);
    x
}

/// The worst error of `activation` over `x`, and where.
fn worst(cpu: Cpu, activation: Activation, x: &[f32], exact: impl Fn(f64) -> f64) -> (f64, f32) {
    let mut y = x.to_vec();
    activation.apply(cpu, &mut y);
    x.iter()
        .zip(&y)
        .map(|(&x, &y)| (ulps(y, exact(f64::from(x))), x))
        .fold((0.0, 0.0), |a, b| if b.0 > a.0 { b } else { a })
}

/// Budgets in ULP over all floats (a prime step through them; `ONNX2RUST_ULP_STEP=1` tests every one).
#[test]
fn accuracy() {
    let step = std::env::var("ONNX2RUST_ULP_STEP").map_or(7919, |s| s.parse().expect("a step"));
    let x = all_floats(step);
    type Exact = fn(f64) -> f64;
    let table: [(Activation, f64, Exact); 9] = [
        (Activation::Exp, 1.5, f64::exp),
        (Activation::Log, 2.0, f64::ln),
        (Activation::Tanh, 3.0, f64::tanh),
        (Activation::Sigmoid, 3.0, |x| 1.0 / (1.0 + (-x).exp())),
        (Activation::Erf, 3.0, erf),
        (Activation::Softplus, 3.0, |x| {
            x.max(0.0) + (-x.abs()).exp().ln_1p()
        }),
        (Activation::Sin, 2.0, f64::sin),
        (Activation::Cos, 2.0, f64::cos),
        (Activation::Elu { alpha: 1.0 }, 3.0, |x| {
            if x < 0.0 { x.exp_m1() } else { x }
        }),
    ];
    for cpu in levels() {
        for (activation, budget, exact) in table {
            let (error, at) = worst(cpu, activation, &x, exact);
            println!("{:9} {activation:?}: {error:.2} ULP at {at:e}", cpu.name());
            assert!(
                error <= budget,
                "{activation:?} at {}: {error:.2} ULP at {at:e}",
                cpu.name()
            );
        }
    }
}
