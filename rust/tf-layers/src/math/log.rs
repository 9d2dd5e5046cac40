//! The natural logarithm.

use super::{LN_2_HIGH, LN_2_LOW, polynomial};
use crate::cpu::{Simd, prelude::*};

/// (ln(1 + f) − f + f²/2) / f³ on √½ ≤ 1 + f ≤ √2; error relative to ln(1 + f) (error 5.8e-9 = 2^-27.4).
const LOG: [f32; 8] = [
    3.333333e-1,
    -2.500082e-1,
    2.000124e-1,
    -1.6623408e-1,
    1.4201625e-1,
    -1.3159677e-1,
    1.2761897e-1,
    -7.635832e-2,
];

/// ln(x): −∞ at 0, NaN below. x = 2ⁿ·(1 + f) with √½ ≤ 1 + f < √2.
#[inline(always)]
pub(crate) fn log<S: Simd>(s: S, x: S::f32s) -> S::f32s {
    let zero = S::f32s::splat(s, 0.0);
    // Subnormals have no exponent field: lift them by 2²³.
    let subnormal = x.simd_lt(f32::MIN_POSITIVE);
    let lifted = subnormal.select(x * 8_388_608.0, x);
    let lift = subnormal.select(S::f32s::splat(s, -23.0), zero);

    let root_half = core::f32::consts::FRAC_1_SQRT_2.to_bits() as i32;
    let bits = lifted.bitcast::<S::i32s>() - root_half;
    let n = (bits >> 23).to_float::<S::f32s>() + lift;
    let f = ((bits & 0x007f_ffff) + root_half).bitcast::<S::f32s>() - 1.0;

    let square = f * f;
    let small = (f * square) * polynomial(s, f, &LOG);
    let small = n.mul_add(LN_2_LOW, square.mul_add(-0.5, small));
    let y = n.mul_add(LN_2_HIGH, small + f);

    // What has no logarithm: 0 → −∞, below 0 → NaN, ∞ and NaN themselves.
    let below = x.simd_lt(0.0).select(S::f32s::splat(s, f32::NAN), x);
    let special = x
        .simd_eq(0.0)
        .select(S::f32s::splat(s, f32::NEG_INFINITY), below);
    let regular = x.simd_gt(0.0) & x.simd_lt(f32::INFINITY);
    regular.select(y, special)
}
