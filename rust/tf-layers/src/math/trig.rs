//! Sine and cosine.

use super::polynomial;
use crate::cpu::{Simd, prelude::*};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;

/// (sin(r)/r − 1) / r² in r² for |r| ≤ π/4; error relative to sin(r) (error 3.7e-9 = 2^-28.0).
const SIN: [f32; 3] = [-1.6666655e-1, 8.33219e-3, -1.9518407e-4];

/// (cos(r) − 1 + r²/2) / r⁴ in r² for |r| ≤ π/4; error relative to cos(r) (error 1.5e-10 = 2^-32.6).
const COS: [f32; 3] = [4.1666646e-2, -1.3887301e-3, 2.4430668e-5];

/// π/2 in two parts (as in FreeBSD's msun); the first has 33 bits, so that its product with k < 2²⁰ is exact in f64.
const HALF_PI_HIGH: f64 = 1.570_796_326_734_125_6;
const HALF_PI_LOW: f64 = 6.077_100_506_506_192e-11;

/// Beyond this, k leaves the exact range: such vectors go through the standard library, one by one.
const LARGE: f32 = 1.0e6;

/// sin(x)
#[inline(always)]
pub(crate) fn sin<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    wave::<S, 0>(s, x, f32::sin)
}

/// cos(x) = sin(x + π/2)
#[inline(always)]
pub(crate) fn cos<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    wave::<S, 1>(s, x, f32::cos)
}

/// sin(x + QUARTERS·π/2): x = k·π/2 + r, |r| ≤ π/4, reduced in f64; then sin or cos of r by the parity of k.
#[inline(always)]
fn wave<S: Simd, const QUARTERS: i32>(s: S, x: S::f32s, exact: fn(f32) -> f32) -> S::f32s {
    let large = x.abs().simd_gt(LARGE);
    if large.any_true() {
        return S::f32s::from_fn(s, |i| exact(x[i]));
    }
    let (low, high) = x.widen();
    let (low_k, low) = reduce::<S>(low);
    let (high_k, high) = reduce::<S>(high);
    let r: S::f32s = low.narrow(high);
    let k = low_k.narrow(high_k).to_int::<S::i32s>() + QUARTERS;

    let z = r * r;
    let sine = (r * z).mul_add(polynomial(s, z, &SIN), r);
    let cosine = (z * z).mul_add(polynomial(s, z, &COS), z.mul_add(-0.5, 1.0));
    let odd = (k & 1).simd_eq(1);
    let size = odd.select(cosine, sine);
    // Bit 1 of k turns the sign.
    (size.bitcast::<S::i32s>() ^ ((k & 2) << 30)).bitcast()
}

/// (k, x − k·π/2)
#[inline(always)]
fn reduce<S: Simd>(x: S::f64s) -> (S::f64s, S::f64s) {
    let k = (x * core::f64::consts::FRAC_2_PI).round_ties_even();
    let r = k.mul_add(-HALF_PI_HIGH, x);
    (k, k.mul_add(-HALF_PI_LOW, r))
}
