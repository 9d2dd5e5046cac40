//! Activation functions: as layers of their own, and as the last step (epilogue) of a product.

mod exact;
mod layer;

pub use layer::Activate;

use crate::cpu::{Cpu, Simd, at_level, dispatch, prelude::*};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::math::{at_least, at_most, map_vectors, whole_vectors};

/// An elementwise function of floats, with its parameters.
///
/// Products ([`Dense`](crate::dense::Dense), convolutions) take one and apply it while the tile is still in
/// the first-level cache; [`Activate`] applies one by itself. NaN stays NaN everywhere. Formulas and defaults are those
/// of the ONNX operators of the same names. Functions that stand on an exponential, a logarithm, erf or an angle (hyperbolic ones too) lie behind the cargo
/// features `exp`, `log`, `erf` and `trig`, all others but Relu and Clip behind `plain`: each is compiled at every vector level, inside
/// of all products.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// x
    Linear,
    /// max(x, 0)
    Relu,
    /// min(max(x, min), max); Keras' and TensorFlow's `relu6` is `Clip { min: 0.0, max: 6.0 }`.
    Clip {
        /// Lower bound.
        min: f32,
        /// Upper bound; wins where it is below `min`.
        max: f32,
    },
    /// x for x ≥ 0, alpha·x below
    #[cfg(feature = "plain")]
    LeakyRelu {
        /// Slope below zero.
        alpha: f32,
    },
    /// x for x > theta, otherwise 0
    #[cfg(feature = "plain")]
    ThresholdedRelu {
        /// The threshold.
        theta: f32,
    },
    /// x + bias for x < −lambda, x − bias for x > lambda, otherwise 0
    #[cfg(feature = "plain")]
    Shrink {
        /// Half of what becomes 0.
        lambda: f32,
        /// How far the rest moves towards 0.
        bias: f32,
    },
    /// x for x ≥ 0, alpha·(eˣ − 1) below
    #[cfg(feature = "exp")]
    Elu {
        /// Limit far below zero, negated.
        alpha: f32,
    },
    /// x for x ≥ 0, alpha·(e^(x/alpha) − 1) below
    #[cfg(feature = "exp")]
    Celu {
        /// Limit far below zero, negated; also the scale of x.
        alpha: f32,
    },
    /// gamma·x for x > 0, gamma·alpha·(eˣ − 1) otherwise
    #[cfg(feature = "exp")]
    Selu {
        /// Factor of the exponential.
        alpha: f32,
        /// Factor of everything.
        gamma: f32,
    },
    /// x/2·(1 + erf(x/√2))
    #[cfg(feature = "erf")]
    Gelu,
    /// x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
    #[cfg(feature = "exp")]
    GeluTanh,
    /// 1 / (1 + e⁻ˣ)
    #[cfg(feature = "exp")]
    Sigmoid,
    /// max(0, min(1, alpha·x + beta))
    #[cfg(feature = "plain")]
    HardSigmoid {
        /// Slope.
        alpha: f32,
        /// Value at zero.
        beta: f32,
    },
    /// alpha·x + beta
    #[cfg(feature = "plain")]
    Affine {
        /// Slope.
        alpha: f32,
        /// Value at zero.
        beta: f32,
    },
    /// alpha·tanh(beta·x)
    #[cfg(feature = "exp")]
    ScaledTanh {
        /// The limits are −alpha and alpha.
        alpha: f32,
        /// Scale of x.
        beta: f32,
    },
    /// x·max(0, min(1, x/6 + 1/2))
    #[cfg(feature = "plain")]
    HardSwish,
    /// ln(1 + eˣ)
    #[cfg(feature = "exp")]
    Softplus,
    /// x / (1 + |x|)
    #[cfg(feature = "plain")]
    Softsign,
    /// x / (1 + e^(−alpha·x)); alpha 1 is also called SiLU
    #[cfg(feature = "exp")]
    Swish {
        /// Scale of x inside the sigmoid.
        alpha: f32,
    },
    /// x·tanh(ln(1 + eˣ))
    #[cfg(feature = "exp")]
    Mish,
    /// (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)
    #[cfg(feature = "exp")]
    Tanh,
    /// eˣ
    #[cfg(feature = "exp")]
    Exp,
    /// 2/√π · ∫₀ˣ exp(−t²) dt
    #[cfg(feature = "erf")]
    Erf,
    /// ln(x): −∞ at 0, NaN below
    #[cfg(feature = "log")]
    Log,
    /// sin(x)
    #[cfg(feature = "trig")]
    Sin,
    /// cos(x)
    #[cfg(feature = "trig")]
    Cos,
    /// tan(x)
    #[cfg(feature = "trig")]
    Tan,
    /// The angle in −π/2..π/2 with that sine; NaN outside −1..1.
    #[cfg(feature = "trig")]
    Asin,
    /// The angle in 0..π with that cosine; NaN outside −1..1.
    #[cfg(feature = "trig")]
    Acos,
    /// The angle in −π/2..π/2 with that tangent.
    #[cfg(feature = "trig")]
    Atan,
    /// (eˣ − e⁻ˣ) / 2
    #[cfg(feature = "trig")]
    Sinh,
    /// (eˣ + e⁻ˣ) / 2
    #[cfg(feature = "trig")]
    Cosh,
    /// ln(x + √(x² + 1))
    #[cfg(feature = "trig")]
    Asinh,
    /// ln(x + √(x² − 1)); NaN below 1
    #[cfg(feature = "trig")]
    Acosh,
    /// ln((1 + x) / (1 − x)) / 2; NaN outside −1..1
    #[cfg(feature = "trig")]
    Atanh,
    /// √x; NaN below zero
    #[cfg(feature = "plain")]
    Sqrt,
    /// 1 / x
    #[cfg(feature = "plain")]
    Reciprocal,
    /// |x|
    #[cfg(feature = "plain")]
    Abs,
    /// −x
    #[cfg(feature = "plain")]
    Neg,
    /// −1, 0 or 1
    #[cfg(feature = "plain")]
    Sign,
    /// The greatest integer not above x.
    #[cfg(feature = "plain")]
    Floor,
    /// The least integer not below x.
    #[cfg(feature = "plain")]
    Ceil,
    /// The nearest integer, ties to even.
    #[cfg(feature = "plain")]
    Round,
}

/// Limits that nothing exceeds.
pub(crate) const UNLIMITED: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

impl Activation {
    /// The activation as a least and a greatest value, which a kernel applies on its way, and what remains to be applied.
    pub(crate) const fn limits(self) -> ((f32, f32), Self) {
        match self {
            Self::Relu => ((0.0, f32::INFINITY), Self::Linear),
            Self::Clip { min, max } => ((min, max), Self::Linear),
            other => (UNLIMITED, other),
        }
    }

    /// Applies the function to every element of `y`.
    pub fn apply(self, cpu: Cpu, y: &mut [f32]) {
        dispatch!(cpu.level, s => self.apply_at(s, y));
    }

    /// y = f(x); `x` and `y` have the same length.
    pub fn apply_to(self, cpu: Cpu, x: &[f32], y: &mut [f32]) {
        dispatch!(cpu.level, s => self.map(s, Some(x), y));
    }

    /// [`apply`](Self::apply) inside code that already runs at a level.
    #[inline(always)]
    pub(crate) fn apply_at<S: Simd>(self, s: S, y: &mut [f32]) {
        self.map(s, None, y);
    }

    /// y = f(x), or y = f(y) where x is `None`.
    #[inline(always)]
    fn map<S: Simd>(self, s: S, x: Option<&[f32]>, y: &mut [f32]) {
        whole_vectors::<S>(x, y, |x, y| {
            if !y.is_empty() {
                self.map_vectors(s, x, y);
            }
        });
    }

    /// [`map`](Self::map) of whole vectors: one call away from wherever it is used, and compiled once per level.
    ///
    /// A loop around it (over the vectors and the tail) must not be inlined with it: LLVM would move the constants of all functions out of
    /// that loop, find no registers for them, and load each one again for every vector (at AVX2 a fifth slower).
    #[inline(never)]
    fn map_vectors<S: Simd>(self, s: S, x: Option<&[f32]>, y: &mut [f32]) {
        at_level(
            s,
            #[inline(always)]
            || self.map_vectors_at(s, x, y),
        );
    }

    #[inline(always)]
    fn map_vectors_at<S: Simd>(self, s: S, x: Option<&[f32]>, y: &mut [f32]) {
        /// `map_vectors` with a closure that is inlined into its loop.
        macro_rules! each {
            (|$x:ident| $f:expr) => {
                map_vectors(
                    s,
                    x,
                    y,
                    #[inline(always)]
                    |$x| $f,
                )
            };
        }
        #[cfg(feature = "plain")]
        let zero = S::f32s::splat(s, 0.0);
        match self {
            Activation::Linear => {
                if let Some(x) = x {
                    y.copy_from_slice(x);
                }
            }
            Activation::Relu => each!(|x| at_least(s, x, 0.0)),
            Activation::Clip { min, max } => each!(|x| at_most(s, at_least(s, x, min), max)),
            #[cfg(feature = "plain")]
            Activation::LeakyRelu { alpha } => each!(|x| x.simd_lt(0.0).select(x * alpha, x)),
            #[cfg(feature = "plain")]
            Activation::ThresholdedRelu { theta } => each!(|x| x.simd_le(theta).select(zero, x)),
            #[cfg(feature = "plain")]
            Activation::Shrink { lambda, bias } => each!(|x| {
                let moved = x - S::f32s::splat(s, bias).copysign(x);
                x.abs().simd_le(lambda).select(zero, moved)
            }),
            #[cfg(feature = "exp")]
            Activation::Elu { alpha } => {
                each!(|x| x
                    .simd_lt(0.0)
                    .select(crate::math::exp::exp_m1(s, x) * alpha, x));
            }
            #[cfg(feature = "exp")]
            Activation::Celu { alpha } => {
                each!(|x| x
                    .simd_lt(0.0)
                    .select(crate::math::exp::exp_m1(s, x / alpha) * alpha, x));
            }
            #[cfg(feature = "exp")]
            Activation::Selu { alpha, gamma } => {
                each!(|x| x
                    .simd_lt(0.0)
                    .select(crate::math::exp::exp_m1(s, x) * alpha, x)
                    * gamma);
            }
            #[cfg(feature = "erf")]
            Activation::Gelu => crate::math::erf::gelu(s, x, y),
            #[cfg(feature = "exp")]
            Activation::GeluTanh => each!(|x| {
                // (1 + tanh(z/2)) / 2 is sigmoid(z).
                let root =
                    2.0 * core::f32::consts::FRAC_2_SQRT_PI * core::f32::consts::FRAC_1_SQRT_2;
                let z = (x * x).mul_add(root * 0.044_715, root) * x;
                x * crate::math::exp::sigmoid(s, z)
            }),
            #[cfg(feature = "exp")]
            Activation::Sigmoid => each!(|x| crate::math::exp::sigmoid(s, x)),
            #[cfg(feature = "plain")]
            Activation::HardSigmoid { alpha, beta } => {
                each!(|x| at_least(s, at_most(s, x.mul_add(alpha, beta), 1.0), 0.0));
            }
            #[cfg(feature = "plain")]
            Activation::Affine { alpha, beta } => each!(|x| x.mul_add(alpha, beta)),
            #[cfg(feature = "exp")]
            Activation::ScaledTanh { alpha, beta } => {
                each!(|x| crate::math::exp::tanh(s, x * beta) * alpha);
            }
            #[cfg(feature = "plain")]
            Activation::HardSwish => {
                each!(|x| x * at_least(s, at_most(s, x.mul_add(1.0 / 6.0, 0.5), 1.0), 0.0));
            }
            #[cfg(feature = "exp")]
            Activation::Softplus => each!(|x| crate::math::exp::softplus(s, x)),
            #[cfg(feature = "plain")]
            Activation::Softsign => each!(|x| x / (x.abs() + 1.0)),
            #[cfg(feature = "exp")]
            Activation::Swish { alpha } => each!(|x| x * crate::math::exp::sigmoid(s, x * alpha)),
            #[cfg(feature = "exp")]
            Activation::Mish => each!(|x| crate::math::exp::mish(s, x)),
            #[cfg(feature = "exp")]
            Activation::Tanh => each!(|x| crate::math::exp::tanh(s, x)),
            #[cfg(feature = "exp")]
            Activation::Exp => each!(|x| crate::math::exp::exp(s, x)),
            #[cfg(feature = "erf")]
            Activation::Erf => crate::math::erf::erf(s, x, y),
            #[cfg(feature = "log")]
            Activation::Log => each!(|x| crate::math::log::log(s, x)),
            #[cfg(feature = "trig")]
            Activation::Sin => each!(|x| crate::math::trig::sin(s, x)),
            #[cfg(feature = "trig")]
            Activation::Cos => each!(|x| crate::math::trig::cos(s, x)),
            #[cfg(feature = "plain")]
            Activation::Sqrt => each!(|x| x.sqrt()),
            #[cfg(feature = "plain")]
            Activation::Reciprocal => each!(|x| S::f32s::splat(s, 1.0) / x),
            #[cfg(feature = "plain")]
            Activation::Abs => each!(|x| x.abs()),
            #[cfg(feature = "plain")]
            Activation::Neg => each!(|x| -x),
            #[cfg(feature = "plain")]
            Activation::Sign => each!(|x| {
                let size = x.simd_eq(0.0).select(zero, S::f32s::splat(s, 1.0));
                x.simd_eq(x).select(size.copysign(x), x)
            }),
            #[cfg(feature = "plain")]
            Activation::Floor => each!(|x| x.floor()),
            #[cfg(feature = "plain")]
            Activation::Ceil => each!(|x| x.ceil()),
            #[cfg(feature = "plain")]
            Activation::Round => each!(|x| x.round_ties_even()),
            // Rare: the standard library's, one by one.
            #[cfg(feature = "trig")]
            Activation::Tan => each_alone(x, y, f32::tan),
            #[cfg(feature = "trig")]
            Activation::Asin => each_alone(x, y, f32::asin),
            #[cfg(feature = "trig")]
            Activation::Acos => each_alone(x, y, f32::acos),
            #[cfg(feature = "trig")]
            Activation::Atan => each_alone(x, y, f32::atan),
            #[cfg(feature = "trig")]
            Activation::Sinh => each_alone(x, y, f32::sinh),
            #[cfg(feature = "trig")]
            Activation::Cosh => each_alone(x, y, f32::cosh),
            // Through f64, where the library's formulas for these keep f32's accuracy near 0 and 1.
            #[cfg(feature = "trig")]
            Activation::Asinh => each_alone(x, y, |x| f64::from(x).asinh() as f32),
            #[cfg(feature = "trig")]
            Activation::Acosh => each_alone(x, y, |x| f64::from(x).acosh() as f32),
            #[cfg(feature = "trig")]
            Activation::Atanh => each_alone(x, y, |x| f64::from(x).atanh() as f32),
        }
    }
}

/// y = f(x), or y = f(y) where x is `None`, one value at a time.
#[cfg(feature = "trig")]
fn each_alone(x: Option<&[f32]>, y: &mut [f32], f: fn(f32) -> f32) {
    if let Some(x) = x {
        y.copy_from_slice(x);
    }
    for y in y {
        *y = f(*y);
    }
}
