//! Scores become weights: masks, and the softmax of rows.

use super::{Attention, AttentionInputs, EmptyRows};
use crate::cpu::{Simd, prelude::*};
use crate::math::exp::exp_lifted;

/// −∞ behind sixteen elements of something else: a window of it says which lanes lie beyond the keys.
const BEYOND: [f32; 32] = {
    let mut lanes = [0.0; 32];
    let mut i = 16;
    while i < 32 {
        lanes[i] = f32::NEG_INFINITY;
        i += 1;
    }
    lanes
};

impl Attention {
    /// Each row of `scores`, `step` apart, becomes its softmax; `at` is sample, head and first query.
    #[inline(always)]
    pub(super) fn weights_at<S: Simd>(
        &self,
        s: S,
        given: &AttentionInputs,
        at: [usize; 3],
        step: usize,
        scores: &mut [f32],
    ) {
        let [sample, head, first] = at;
        let sizes = [self.heads, given.queries, given.keys];
        for (i, row) in scores.chunks_exact_mut(step).enumerate() {
            let at = [sample, head, first + i];
            let seen = if self.causal {
                given.keys.min(at[2] + 1)
            } else {
                given.keys
            };
            if let (Some(axes), Some(keep)) = (self.keep, given.keep) {
                let keep = &axes.row(keep, sizes, at)[..seen];
                for (score, keep) in row.iter_mut().zip(keep) {
                    *score = if *keep { *score } else { self.fill };
                }
            }
            let mask = match (self.mask, given.mask) {
                (Some(axes), Some(mask)) => Some(&axes.row(mask, sizes, at)[..seen]),
                _ => None,
            };
            // Whole vectors, and no more of them than there are keys to see: the others count as 0.
            let (row, unseen) = row.split_at_mut(seen.next_multiple_of(S::f32s::LEN));
            if !seen.is_multiple_of(S::f32s::LEN) {
                // One blend: single elements written here would have to reach the cache before the vector could be read.
                let last = row.len() - S::f32s::LEN;
                let end = S::f32s::from_slice(s, &row[last..]);
                let beyond = S::f32s::from_slice(s, &BEYOND[16 - (seen - last)..][..S::f32s::LEN]);
                beyond
                    .simd_lt(0.0)
                    .select(beyond, end)
                    .store_slice(&mut row[last..]);
            }
            if !unseen.is_empty() {
                unseen.fill(0.0);
            }
            let max = masked_max(s, row, seen, mask);
            let sum = exp_sum(s, row, max);
            if self.is_zero(max, sum, mask) {
                row.fill(0.0);
            } else {
                let scale = S::f32s::splat(s, (1.0 / sum) as f32);
                for row in row.chunks_exact_mut(S::f32s::LEN) {
                    (S::f32s::from_slice(s, row) * scale).store_slice(row);
                }
            }
        }
    }

    /// Whether a row is 0 because its query sees no key.
    #[inline(always)]
    fn is_zero(&self, max: f32, sum: f64, mask: Option<&[f32]>) -> bool {
        match self.empty_rows {
            EmptyRows::Nan => false,
            // Sums of rows that hold something else than −∞ and NaN are numbers.
            EmptyRows::Zero => {
                (max == f32::NEG_INFINITY || sum.is_nan())
                    && mask.is_some_and(|mask| mask.iter().all(|&m| m == f32::NEG_INFINITY))
            }
            EmptyRows::ZeroForNan => sum.is_nan(),
        }
    }
}

/// row += mask over the first `seen` elements; the maximum (where there is a NaN it does not matter: the sum will be NaN).
#[inline(always)]
fn masked_max<S: Simd>(s: S, row: &mut [f32], seen: usize, mask: Option<&[f32]>) -> f32 {
    if let Some(mask) = mask {
        let (body, tail) = row[..seen].split_at_mut(seen - seen % S::f32s::LEN);
        let mut from = mask.chunks_exact(S::f32s::LEN);
        for row in body.chunks_exact_mut(S::f32s::LEN) {
            let Some(mask) = from.next() else { break };
            (S::f32s::from_slice(s, row) + S::f32s::from_slice(s, mask)).store_slice(row);
        }
        for (row, mask) in tail.iter_mut().zip(&mask[body.len()..]) {
            *row += mask;
        }
    }
    let mut max = S::f32s::splat(s, f32::NEG_INFINITY);
    for row in row.chunks_exact(S::f32s::LEN) {
        max = max.max(S::f32s::from_slice(s, row));
    }
    max.reduce_max()
}

/// row = e^(row − max)·2⁶⁴, and its sum: as in `softmax.rs`, of rows that are whole vectors.
#[inline(always)]
fn exp_sum<S: Simd>(s: S, row: &mut [f32], max: f32) -> f64 {
    const BLOCK: usize = 512;
    let mut total = 0.0;
    for row in row.chunks_mut(BLOCK) {
        let mut sum = S::f32s::splat(s, 0.0);
        for row in row.chunks_exact_mut(S::f32s::LEN) {
            let e = exp_lifted(s, S::f32s::from_slice(s, row) - max);
            e.store_slice(row);
            sum += e;
        }
        total += f64::from(sum.reduce_sum());
    }
    total
}
