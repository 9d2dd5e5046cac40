//! Sums of many terms, as accurate as f64 where it matters and as fast as f32.

use super::part_vector;
use crate::cpu::{Simd, prelude::*};

/// Elements of one lane, or rows, that are added up in f32 before their sum goes to f64.
pub(crate) const DEPTH: usize = 16;

/// Σ g(x), in blocks of [`DEPTH`] per lane; g(pad) must be 0.
#[inline(always)]
pub(crate) fn row_sum<S: Simd>(s: S, x: &[f32], g: impl Fn(S::f32s) -> S::f32s, pad: f32) -> f64 {
    let mut total = 0.0;
    for x in x.chunks(DEPTH * 4 * S::f32s::LEN) {
        let mut sums = [S::f32s::splat(s, 0.0); 4];
        let mut fours = x.chunks_exact(4 * S::f32s::LEN);
        for x in &mut fours {
            let mut x = x.chunks_exact(S::f32s::LEN);
            for sum in &mut sums {
                let Some(x) = x.next() else { break };
                *sum += g(S::f32s::from_slice(s, x));
            }
        }
        // What is left: up to three vectors, and a part of one.
        let mut rest = fours.remainder().chunks_exact(S::f32s::LEN);
        let part = rest.remainder();
        for sum in &mut sums {
            let Some(x) = rest.next() else { break };
            *sum += g(S::f32s::from_slice(s, x));
        }
        if !part.is_empty() {
            sums[3] += g(part_vector(s, part, pad));
        }
        total += f64::from(((sums[0] + sums[1]) + (sums[2] + sums[3])).reduce_sum());
    }
    total
}
