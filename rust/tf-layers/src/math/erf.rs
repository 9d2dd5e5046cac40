//! The error function and the activation made of it.
//!
//! Both are long: a polynomial, then an exponential. As one loop the dependent steps of two or three vectors fill the
//! processor's window; as two loops over [`BLOCK`] values they run a third faster at AVX2.

use super::exp::{exp_floor, exp_m1};
use super::{at_least, at_most, map_vectors, map2_vectors, polynomial};
use crate::cpu::{Simd, prelude::*};

/// ln(erfc(t)) / t + 1.125 on 0 ≤ t ≤ 4; error of erf(t) = 1 − eˡⁿ relative to erf(t) (error 4.0e-9 = 2^-27.9).
const ERF: [f32; 9] = [
    -3.3791715e-3,
    -6.366194e-1,
    -1.0277777e-1,
    1.915287e-2,
    1.6071484e-4,
    -1.6673146e-3,
    6.3297985e-4,
    -1.1767815e-4,
    9.260112e-6,
];

/// Values between the two loops: few enough to stay next to the processor.
const BLOCK: usize = 256;

/// y = erf(x), or erf(y) where x is `None`, of whole vectors: 1 − erfc(|x|) with x's sign, erfc(t) = e^(t·q(t)).
#[inline(always)]
pub(crate) fn erf<S: Simd>(s: S, x: Option<&[f32]>, y: &mut [f32]) {
    for (i, y) in y.chunks_mut(BLOCK).enumerate() {
        let x = x.map(|x| &x[i * BLOCK..][..y.len()]);
        // ln(erfc(|x|)), with x's sign kept in it.
        map_vectors(
            s,
            x,
            y,
            #[inline(always)]
            |x| {
                // erf(4) rounds to 1.
                let t = at_most(s, x.abs(), 4.0);
                t.mul_add(-1.125, t * polynomial(s, t, &ERF)).copysign(x)
            },
        );
        // Through eˣ − 1, so that no digits are lost near 0.
        map_vectors(
            s,
            None,
            y,
            #[inline(always)]
            |log| exp_m1(s, -log.abs()).copysign(log),
        );
    }
}

/// ln(erfc(u/√2)) / u on 0 ≤ u ≤ 5.8, falling beyond; absolute error of gelu(u) (error 1.7e-10 = 2^-32.5).
const GELU: [f32; 10] = [
    -7.9788464e-1,
    -3.183091e-1,
    -3.6338076e-2,
    4.7846413e-3,
    3.960934e-5,
    -2.2201022e-4,
    6.452524e-5,
    -1.0307106e-5,
    9.3295256e-7,
    -3.735508e-8,
];

/// Beyond this erfc is 0 to any accuracy; an infinity must not meet it.
const FAR: f32 = 14.0;

/// y = gelu(x), or gelu(y) where x is `None`, of whole vectors: x/2·(1 + erf(x/√2)) = max(x, 0) − |x|/2·erfc(|x|/√2), which neither
/// cancels nor branches.
#[inline(always)]
pub(crate) fn gelu<S: Simd>(s: S, x: Option<&[f32]>, y: &mut [f32]) {
    let mut logs = [0.0; BLOCK];
    for (i, y) in y.chunks_mut(BLOCK).enumerate() {
        if let Some(x) = x {
            y.copy_from_slice(&x[i * BLOCK..][..y.len()]);
        }
        let logs = &mut logs[..y.len()];
        map_vectors(
            s,
            Some(y),
            logs,
            #[inline(always)]
            |x| {
                let u = at_most(s, x.abs(), FAR);
                u * polynomial(s, u, &GELU)
            },
        );
        map2_vectors(
            s,
            y,
            logs,
            #[inline(always)]
            |x, log| {
                let u = at_most(s, x.abs(), FAR);
                (u * exp_floor(s, log)).mul_add(-0.5, at_least(s, x, 0.0))
            },
        );
    }
}
