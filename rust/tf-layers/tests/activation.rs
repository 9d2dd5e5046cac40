//! Every activation against its formula in f64, at every level, with tails.

mod draws;

use draws::{Rng, erf, levels};
use tf_layers::activation::{Activate, Activation};

/// Error allowed, relative to max(1, |x|): the ULP budgets proper are in `tests/math.rs`.
const BUDGET: f64 = 4.0 * f32::EPSILON as f64;

type Exact = fn(f64) -> f64;

fn table() -> Vec<(Activation, Exact)> {
    vec![
        (Activation::Linear, |x| x),
        (Activation::Relu, |x| x.max(0.0)),
        (
            Activation::Clip {
                min: -0.5,
                max: 6.0,
            },
            |x| x.clamp(-0.5, 6.0),
        ),
        (Activation::LeakyRelu { alpha: 0.25 }, |x| {
            if x < 0.0 { 0.25 * x } else { x }
        }),
        (Activation::ThresholdedRelu { theta: 1.5 }, |x| {
            if x > 1.5 { x } else { 0.0 }
        }),
        (
            Activation::Shrink {
                lambda: 1.5,
                bias: 0.5,
            },
            |x| {
                if x < -1.5 {
                    x + 0.5
                } else if x > 1.5 {
                    x - 0.5
                } else {
                    x * 0.0
                }
            },
        ),
        (Activation::Elu { alpha: 1.5 }, |x| {
            if x < 0.0 { 1.5 * x.exp_m1() } else { x }
        }),
        (Activation::Celu { alpha: 2.0 }, |x| {
            if x < 0.0 { 2.0 * (x / 2.0).exp_m1() } else { x }
        }),
        (
            Activation::Selu {
                alpha: 1.5,
                gamma: 2.0,
            },
            |x| if x < 0.0 { 3.0 * x.exp_m1() } else { 2.0 * x },
        ),
        (Activation::Gelu, |x| {
            x / 2.0 * (1.0 + erf(x * 0.5f64.sqrt()))
        }),
        (Activation::GeluTanh, |x| {
            x / 2.0
                * (1.0 + (core::f64::consts::FRAC_2_PI.sqrt() * (x + 0.044715 * x.powi(3))).tanh())
        }),
        (Activation::Sigmoid, sigmoid),
        (
            Activation::HardSigmoid {
                alpha: 0.25,
                beta: 0.5,
            },
            |x| (0.25 * x + 0.5).clamp(0.0, 1.0),
        ),
        (
            Activation::Affine {
                alpha: -0.25,
                beta: 0.5,
            },
            |x| -0.25 * x + 0.5,
        ),
        (
            Activation::ScaledTanh {
                alpha: 1.5,
                beta: 0.5,
            },
            |x| 1.5 * (0.5 * x).tanh(),
        ),
        (Activation::HardSwish, |x| {
            x * (x / 6.0 + 0.5).clamp(0.0, 1.0)
        }),
        (Activation::Softplus, softplus),
        (Activation::Softsign, |x| x / (1.0 + x.abs())),
        (Activation::Swish { alpha: 0.5 }, |x| x * sigmoid(x / 2.0)),
        (Activation::Mish, |x| x * softplus(x).tanh()),
        (Activation::Tanh, f64::tanh),
        (Activation::Exp, f64::exp),
        (Activation::Erf, erf),
        (Activation::Log, f64::ln),
        (Activation::Sin, f64::sin),
        (Activation::Cos, f64::cos),
        (Activation::Tan, f64::tan),
        (Activation::Asin, f64::asin),
        (Activation::Acos, f64::acos),
        (Activation::Atan, f64::atan),
        (Activation::Sinh, f64::sinh),
        (Activation::Cosh, f64::cosh),
        (Activation::Asinh, f64::asinh),
        (Activation::Acosh, f64::acosh),
        (Activation::Atanh, f64::atanh),
        (Activation::Sqrt, f64::sqrt),
        (Activation::Reciprocal, f64::recip),
        (Activation::Abs, f64::abs),
        (Activation::Neg, |x| -x),
        (Activation::Sign, |x| if x == 0.0 { x } else { x.signum() }),
        (Activation::Floor, f64::floor),
        (Activation::Ceil, f64::ceil),
        (Activation::Round, f64::round_ties_even),
    ]
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn assert_close(got: f32, exact: f64, scale: f64, what: &str) {
    let fine = (f64::from(got) - exact).abs() <= BUDGET * exact.abs().max(scale)
        || got.is_nan() && exact.is_nan()
        || f64::from(got) == exact;
    assert!(fine, "{what}: {got:e}, not {exact:e}");
}

#[test]
fn formulas_and_tails() {
    let mut rng = Rng::new(1);
    for cpu in levels() {
        for (activation, exact) in table() {
            for len in [
                0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 255, 256, 257, 600,
            ] {
                let x = rng.floats(len, -20.0, 20.0);
                let layer = Activate { activation }.checked();
                let mut y = vec![9.0; len];
                layer.run(cpu, &x, &mut y);
                for (&x, &y) in x.iter().zip(&y) {
                    let x64 = f64::from(x);
                    assert_close(
                        y,
                        exact(x64),
                        x64.abs().max(1.0),
                        &format!("{activation:?}({x}) at {}", cpu.name()),
                    );
                }
                let mut in_place = x.clone();
                layer.run_in_place(cpu, &mut in_place);
                assert_eq!(bits(&in_place), bits(&y), "{activation:?} in place");
                // A value's result does not depend on its place.
                for (&x, &y) in x.iter().zip(&y) {
                    let mut one = [x];
                    activation.apply(cpu, &mut one);
                    assert_eq!(one[0].to_bits(), y.to_bits(), "{activation:?}({x}) alone");
                }
            }
        }
    }
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// The f64 path of the layers: independent formulas, written twice.
#[test]
fn exact() {
    let mut rng = Rng::new(2);
    for (activation, exact) in table() {
        for _ in 0..500 {
            let x = f64::from(rng.float(-20.0, 20.0));
            let (got, want) = (activation.exact(x), exact(x));
            let fine = got == want
                || got.is_nan() && want.is_nan()
                || (got - want).abs() <= 1e-13 * (x.abs() + want.abs());
            assert!(fine, "{activation:?}({x}): {got:e}, not {want:e}");
        }
        assert!(activation.exact(f64::NAN).is_nan());
    }
}

#[test]
fn not_a_number_and_infinities() {
    for cpu in levels() {
        for (activation, exact) in table() {
            let x = [
                f32::NAN,
                f32::INFINITY,
                f32::NEG_INFINITY,
                0.0,
                -0.0,
                f32::MAX,
                f32::MIN,
            ];
            let mut y = x;
            activation.apply(cpu, &mut y);
            assert!(
                y[0].is_nan(),
                "{activation:?}(NaN) = {} at {}",
                y[0],
                cpu.name()
            );
            for (&x, &y) in x.iter().zip(&y).skip(1) {
                let what = format!("{activation:?}({x}) at {}", cpu.name());
                match (activation, exact(f64::from(x))) {
                    // The limit: the formula's 0·∞ loses it, ours keeps it.
                    (Activation::Gelu, exact) if exact.is_nan() => {
                        assert!(y.abs() < 1e-30, "{what}: {y}")
                    }
                    // As the formula does in f32: −∞·0, or ∞ once x³ has overflowed.
                    (
                        Activation::GeluTanh
                        | Activation::Swish { .. }
                        | Activation::Mish
                        | Activation::HardSwish,
                        exact,
                    ) => {
                        assert!(
                            y.is_nan() || f64::from(y) == exact || y == exact as f32,
                            "{what}: {y}"
                        );
                    }
                    (_, exact) => assert_close(y, f64::from(exact as f32), 1e-25, &what),
                }
            }
        }
    }
}
