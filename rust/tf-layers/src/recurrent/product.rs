//! The recurrent half of a step: gates of one block = start + h · R.

use crate::cpu::{Simd, prelude::*};
use crate::pack::{PANEL, recurrent::STEP};

/// acc\[r\]\[g\]\[v\] = start\[r\] + Σ over k of h\[r\]\[k\] · w\[k\], for gate g and the vectors v of lanes from LANE on.
///
/// `w` is `[k][G][16]` with k a multiple of [`STEP`], `start[r]` is `[G][16]`, `h[r]` has at least k elements. `U` sets of
/// accumulators take turns, so that short rows of gates still hide the latency of the multiply-add.
#[inline(always)]
pub(super) fn gates<
    S: Simd,
    const G: usize,
    const V: usize,
    const R: usize,
    const U: usize,
    const LANE: usize,
>(
    s: S,
    start: [&[f32]; R],
    h: [&[f32]; R],
    w: &[f32],
) -> [[[S::f32s; V]; G]; R] {
    // WebAssembly: loads of several steps would be moved to the first one's begin, and then V8 keeps sums in memory
    if const { cfg!(target_arch = "wasm32") && G > 1 } {
        rounds::<S, G, V, R, U, LANE, 1>(s, start, h, w)
    } else {
        rounds::<S, G, V, R, U, LANE, STEP>(s, start, h, w)
    }
}

/// [`gates`] in rounds of `K` steps.
#[inline(always)]
fn rounds<
    S: Simd,
    const G: usize,
    const V: usize,
    const R: usize,
    const U: usize,
    const LANE: usize,
    const K: usize,
>(
    s: S,
    start: [&[f32]; R],
    h: [&[f32]; R],
    w: &[f32],
) -> [[[S::f32s; V]; G]; R] {
    let at = |g: usize, v: usize| g * PANEL + LANE + v * S::f32s::LEN;
    let zero = S::f32s::splat(s, 0.0);
    let mut acc = [[[[zero; V]; G]; R]; U];
    for r in 0..R {
        let start = &start[r][..G * PANEL];
        for g in 0..G {
            for v in 0..V {
                acc[0][r][g][v] = S::f32s::from_slice(s, &start[at(g, v)..][..S::f32s::LEN]);
            }
        }
    }
    let panels = w.chunks_exact(K * G * PANEL);
    let h: [&[[f32; K]]; R] = h.map(|h| &h.as_chunks::<K>().0[..panels.len()]);
    for (i, w) in panels.enumerate() {
        let h: [&[f32; K]; R] = core::array::from_fn(|r| &h[r][i]);
        for k in 0..K {
            let w = &w[k * G * PANEL..][..G * PANEL];
            let mut states = [zero; R];
            for r in 0..R {
                states[r] = S::f32s::splat(s, h[r][k]);
            }
            for g in 0..G {
                for v in 0..V {
                    let w = S::f32s::from_slice(s, &w[at(g, v)..][..S::f32s::LEN]);
                    for r in 0..R {
                        let acc = &mut acc[k % U][r][g][v];
                        *acc = states[r].mul_add(w, *acc);
                    }
                }
            }
        }
    }
    let mut sum = acc[0];
    for acc in &acc[1..] {
        for r in 0..R {
            for g in 0..G {
                for v in 0..V {
                    sum[r][g][v] += acc[r][g][v];
                }
            }
        }
    }
    sum
}

/// Calls `$tile::<V, U, LANE>` for all lanes of a block: `V` vectors at a time and U sets of accumulators, so that at
/// most half of the level's registers hold accumulators of one row.
macro_rules! lanes {
    ($s:ident, $rows:ident, $gates:expr, |$V:ident, $U:ident, $LANE:ident| $body:expr) => {{
        macro_rules! tile {
            ($v:literal, $u:literal, $lane:literal) => {{
                const $V: usize = $v;
                const $U: usize = $u;
                const $LANE: usize = $lane;
                // A function of its own in unoptimised builds, whose stack would not hold all tiles at once.
                $s.vectorize(
                    #[inline(always)]
                    || $body,
                );
            }};
        }
        match (S::f32s::LEN, $rows, $gates) {
            (16, 1, 1) => tile!(1, 4, 0),
            (16, 1, 2 | 3) => tile!(1, 2, 0),
            (16, _, _) => tile!(1, 1, 0),
            (8, 1, 1) => tile!(2, 4, 0),
            (8, 1, 2) => tile!(2, 2, 0),
            (8, 1, _) => tile!(2, 1, 0),
            (8, _, _) => {
                tile!(1, 1, 0);
                tile!(1, 1, 8);
            }
            #[cfg(target_arch = "wasm32")]
            (_, 2, _) => {
                tile!(1, 1, 0);
                tile!(1, 1, 4);
                tile!(1, 1, 8);
                tile!(1, 1, 12);
            }
            (_, 1, 1) => {
                tile!(2, 4, 0);
                tile!(2, 4, 8);
            }
            _ => {
                tile!(2, 1, 0);
                tile!(2, 1, 8);
            }
        }
    }};
}
pub(super) use lanes;
