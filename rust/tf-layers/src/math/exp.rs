//! The exponential function and what is made of it.
//!
//! All split x = n·ln 2 + r with |r| ≤ ln 2 / 2, so that eˣ = 2ⁿ·eʳ, and eʳ − 1 is a polynomial.

use super::{LN_2_HIGH, LN_2_LOW, at_least, at_most, polynomial};
use crate::cpu::{Simd, prelude::*};

/// (eʳ − 1 − r) / r² on |r| ≤ ln 2 / 2; error relative to eʳ − 1 (error 1.4e-8 = 2^-26.1).
const EXP: [f32; 5] = [
    4.9999997e-1,
    1.6666546e-1,
    4.1667443e-2,
    8.366253e-3,
    1.386995e-3,
];

/// 1.5·2²³: adding it rounds to an integer (ties to even) and leaves that integer in the low bits of the sum.
const ROUND: f32 = 12_582_912.0;

/// (bits of 1.5·2²³ + n, eʳ − 1). For finite x with |x| below 2¹⁴; NaN gives NaN in the second.
#[inline(always)]
fn split<S: Simd>(s: S, x: S::f32s) -> (S::i32s, S::f32s) {
    let rounded = x.mul_add(core::f32::consts::LOG2_E, ROUND);
    let n = rounded - ROUND;
    let r = n.mul_add(-LN_2_HIGH, x);
    let r = n.mul_add(-LN_2_LOW, r);
    let rest = polynomial(s, r, &EXP);
    (rounded.bitcast(), (r * r).mul_add(rest, r))
}

/// 2ⁿ⁺ᵇⁱᵃˢ from the bits that [`split`] returns: the shift drops all of them but n's own.
#[inline(always)]
fn power_of_two<S: Simd>(bits: S::i32s, bias: i32) -> S::f32s {
    ((bits << 23) + ((127 + bias) << 23)).bitcast()
}

/// eˣ, with gradual underflow and overflow to ∞.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    // One exponent holds 2ⁿ for |x| ≤ 87, as nearly always; further out (and for NaN) it takes two factors.
    if x.abs().simd_le(87.0).all_true() {
        let (bits, rest) = split(s, x);
        let scale = power_of_two::<S>(bits, 0);
        return scale.mul_add(rest, scale);
    }
    let (bits, rest) = split(s, at_most(s, at_least(s, x, -105.0), 90.0));
    let n = bits - ROUND.to_bits() as i32;
    let half = n >> 1;
    let scale = power_of_two::<S>(half, 0);
    scale.mul_add(rest, scale) * power_of_two::<S>(n - half, 0)
}

/// eˣ for x ≤ 0 (anything for x > 16), with gradual underflow.
#[inline(always)]
pub(crate) fn exp_negative<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    exp_lifted(s, x) * f32::from_bits((127 - LIFT as u32) << 23)
}

/// What [`exp_lifted`] is multiplied by: 2 to this power.
pub(crate) const LIFT: i32 = 64;

/// Nearest to −(127 + 64)·ln 2 on the side that rounds to it.
const LEAST: f32 = -132.3;

/// eˣ·2⁶⁴ for x ≤ 0 (anything for x > 16): never subnormal, so that quotients of two of them are exact to the end; 0 for x below
/// [`LEAST`], where the exponent's field is 0. What is masked out must be 0 before the last product: where that underflows, Intel's
/// processors take some 150 cycles.
#[inline(always)]
pub(crate) fn exp_lifted<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let (bits, rest) = split(s, at_least(s, x, LEAST));
    let scale = power_of_two::<S>(bits, LIFT);
    scale.mul_add(rest, scale)
}

/// eˣ for x ≤ 0, never below e⁻⁸⁷ (1.6e-38): for sums in which so little does not count.
#[inline(always)]
pub(crate) fn exp_floor<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let (bits, rest) = split(s, at_least(s, x, -87.0));
    let scale = power_of_two::<S>(bits, 0);
    scale.mul_add(rest, scale)
}

/// eˣ − 1 for x ≤ 80, accurate near 0.
#[inline(always)]
pub(crate) fn exp_m1<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let (bits, rest) = split(s, at_least(s, x, -80.0));
    let scale = power_of_two::<S>(bits, 0);
    scale.mul_add(rest, scale - 1.0)
}

/// 1 / (1 + e⁻ˣ), as e⁻ˡˣˡ's fraction so that the small side keeps its digits.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let e = exp_negative(s, -x.abs());
    x.simd_lt(0.0).select(e, S::f32s::splat(s, 1.0)) / (e + 1.0)
}

/// tanh(x) = t / (t + 2) with t = e²ˡˣˡ − 1, x's sign. No second branch: t is accurate near 0.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let size = x.abs();
    let t = exp_m1(s, at_most(s, size + size, 20.0));
    (t / (t + 2.0)).copysign(x)
}

/// (ln(1 + e)/w − 1) / w² in w², w = e / (1 + e/2), 0 ≤ e ≤ 1; error relative to ln(1 + e) (error 4.6e-9 = 2^-27.7).
const LOG1P: [f32; 4] = [8.3333015e-2, 1.2506792e-2, 2.1873955e-3, 5.473904e-4];

/// ln(1 + eˣ) = max(x, 0) + ln(1 + e⁻ˡˣˡ), the logarithm as 2·artanh(w/2) with w = e / (1 + e/2).
#[inline(always)]
pub(crate) fn softplus<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let e = exp_negative(s, -x.abs());
    let w = e / e.mul_add(0.5, 1.0);
    let z = w * w;
    let log = (w * z).mul_add(polynomial(s, z, &LOG1P), w);
    log + at_least(s, x, 0.0)
}

/// x·tanh(ln(1 + eˣ)) = x·n / (n + 2m), n = e² + 2e and m = 1 for x < 0; n = 1 + 2e and m = e² for x ≥ 0, e = e⁻ˡˣˡ.
#[inline(always)]
pub(crate) fn mish<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let e = exp_negative(s, -x.abs());
    let square = e * e;
    let one = S::f32s::splat(s, 1.0);
    let negative = x.simd_lt(0.0);
    let n = e.mul_add(2.0, negative.select(square, one));
    let m = negative.select(one, square);
    x * (n / m.mul_add(2.0, n))
}
