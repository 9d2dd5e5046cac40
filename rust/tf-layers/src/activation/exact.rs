//! The formulas in f64, one value at a time: models in f64 run them, and the f32 kernels are tested against them.

#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use core::f64::consts;

use super::Activation;

impl Activation {
    /// The function in f64 (its parameters stay f32).
    #[must_use]
    #[inline]
    pub fn exact(self, x: f64) -> f64 {
        // max and min of the standard library drop NaN; these keep it.
        let at_least = |x: f64, bound: f64| if x < bound { bound } else { x };
        let at_most = |x: f64, bound: f64| if x > bound { bound } else { x };
        match self {
            Activation::Linear => x,
            Activation::Relu => at_least(x, 0.0),
            Activation::Clip { min, max } => at_most(at_least(x, min.into()), max.into()),
            #[cfg(feature = "plain")]
            Activation::LeakyRelu { alpha } => {
                if x < 0.0 {
                    f64::from(alpha) * x
                } else {
                    x
                }
            }
            #[cfg(feature = "plain")]
            Activation::ThresholdedRelu { theta } => {
                if x <= theta.into() {
                    0.0
                } else {
                    x
                }
            }
            #[cfg(feature = "plain")]
            Activation::Shrink { lambda, bias } => {
                if x.abs() <= lambda.into() {
                    0.0
                } else {
                    x - f64::from(bias).copysign(x)
                }
            }
            #[cfg(feature = "exp")]
            Activation::Elu { alpha } => elu(x, alpha.into()),
            #[cfg(feature = "exp")]
            Activation::Celu { alpha } => {
                let alpha = f64::from(alpha);
                if x < 0.0 {
                    alpha * (x / alpha).exp_m1()
                } else {
                    x
                }
            }
            #[cfg(feature = "exp")]
            Activation::Selu { alpha, gamma } => f64::from(gamma) * elu(x, alpha.into()),
            #[cfg(feature = "erf")]
            Activation::Gelu => x / 2.0 * (1.0 + erf(x * consts::FRAC_1_SQRT_2)),
            #[cfg(feature = "exp")]
            Activation::GeluTanh => {
                x / 2.0 * (1.0 + (consts::FRAC_2_PI.sqrt() * (x + 0.044_715 * x * x * x)).tanh())
            }
            #[cfg(feature = "exp")]
            Activation::Sigmoid => sigmoid(x),
            #[cfg(feature = "plain")]
            Activation::HardSigmoid { alpha, beta } => {
                at_least(at_most(f64::from(alpha) * x + f64::from(beta), 1.0), 0.0)
            }
            #[cfg(feature = "plain")]
            Activation::Affine { alpha, beta } => f64::from(alpha) * x + f64::from(beta),
            #[cfg(feature = "exp")]
            Activation::ScaledTanh { alpha, beta } => {
                f64::from(alpha) * (f64::from(beta) * x).tanh()
            }
            #[cfg(feature = "plain")]
            Activation::HardSwish => x * at_least(at_most(x / 6.0 + 0.5, 1.0), 0.0),
            #[cfg(feature = "exp")]
            Activation::Softplus => softplus(x),
            #[cfg(feature = "plain")]
            Activation::Softsign => x / (1.0 + x.abs()),
            #[cfg(feature = "exp")]
            Activation::Swish { alpha } => x * sigmoid(x * f64::from(alpha)),
            #[cfg(feature = "exp")]
            Activation::Mish => x * softplus(x).tanh(),
            #[cfg(feature = "exp")]
            Activation::Tanh => x.tanh(),
            #[cfg(feature = "exp")]
            Activation::Exp => x.exp(),
            #[cfg(feature = "erf")]
            Activation::Erf => erf(x),
            #[cfg(feature = "log")]
            Activation::Log => x.ln(),
            #[cfg(feature = "trig")]
            Activation::Sin => x.sin(),
            #[cfg(feature = "trig")]
            Activation::Cos => x.cos(),
            #[cfg(feature = "trig")]
            Activation::Tan => x.tan(),
            #[cfg(feature = "trig")]
            Activation::Asin => x.asin(),
            #[cfg(feature = "trig")]
            Activation::Acos => x.acos(),
            #[cfg(feature = "trig")]
            Activation::Atan => x.atan(),
            #[cfg(feature = "trig")]
            Activation::Sinh => x.sinh(),
            #[cfg(feature = "trig")]
            Activation::Cosh => x.cosh(),
            #[cfg(feature = "trig")]
            Activation::Asinh => x.asinh(),
            #[cfg(feature = "trig")]
            Activation::Acosh => x.acosh(),
            #[cfg(feature = "trig")]
            Activation::Atanh => x.atanh(),
            #[cfg(feature = "plain")]
            Activation::Sqrt => x.sqrt(),
            #[cfg(feature = "plain")]
            Activation::Reciprocal => 1.0 / x,
            #[cfg(feature = "plain")]
            Activation::Abs => x.abs(),
            #[cfg(feature = "plain")]
            Activation::Neg => -x,
            #[cfg(feature = "plain")]
            Activation::Sign => {
                if x == 0.0 || x.is_nan() {
                    x
                } else {
                    x.signum()
                }
            }
            #[cfg(feature = "plain")]
            Activation::Floor => x.floor(),
            #[cfg(feature = "plain")]
            Activation::Ceil => x.ceil(),
            #[cfg(feature = "plain")]
            Activation::Round => x.round_ties_even(),
        }
    }
}

#[inline]
fn elu(x: f64, alpha: f64) -> f64 {
    if x < 0.0 { alpha * x.exp_m1() } else { x }
}

#[inline]
fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[inline]
fn softplus(x: f64) -> f64 {
    // f64::max would drop NaN.
    (if x < 0.0 { 0.0 } else { x }) + (-x.abs()).exp().ln_1p()
}

/// erf by its series of positive terms, 2/√π·exp(−x²)·Σ 2ⁿx²ⁿ⁺¹/(2n+1)!! (Abramowitz & Stegun 7.1.6): no cancellation.
#[inline]
fn erf(x: f64) -> f64 {
    if x.is_nan() || x.abs() > 6.0 {
        return x.clamp(-1.0, 1.0);
    }
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > sum.abs() * 1e-17 {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}
