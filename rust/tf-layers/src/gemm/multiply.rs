//! The inner loop of a tile: sums += rows · panels.

use super::operand::{Lanes, Operand};
use crate::cpu::{SMALL, Simd, prelude::*};
use crate::pack::PANEL;

/// Sums of one tile: `[row][vector]`. The `N` vectors are those of `P` panels, one panel after the other.
pub(super) type Sums<F, const R: usize, const N: usize> = [[F; N]; R];

/// `sums[r][p] += Σ rows[r][k] · panels[p][k]`; the rows and the panels are equally long (counted in groups).
///
/// With few rows, the steps of a round go to several sets of sums, so that one addition need not wait for another.
#[inline(always)]
pub(super) fn multiply<
    S: Simd,
    W: Operand,
    F: Lanes<S, W>,
    const R: usize,
    const P: usize,
    const N: usize,
>(
    s: S,
    sums: Sums<F, R, N>,
    rows: [&[W::Group]; R],
    panels: [&[W]; P],
) -> Sums<F, R, N> {
    if const { SMALL } {
        rounds::<S, W, F, R, P, N, 1, PANEL, 1>(s, sums, rows, panels)
    } else if const { R * N <= 2 } {
        rounds::<S, W, F, R, P, N, 4, { 4 * PANEL }, 4>(s, sums, rows, panels)
    } else if const { R * N <= 6 && R >= 5 } {
        // one vector wide: half a panel, of images with eight channels
        rounds::<S, W, F, R, P, N, 4, { 4 * PANEL }, 2>(s, sums, rows, panels)
    } else if const { R * N * F::LANES.div_ceil(S::f32s::LEN) <= 6 } {
        rounds::<S, W, F, R, P, N, 2, { 2 * PANEL }, 2>(s, sums, rows, panels)
    } else if const { cfg!(target_arch = "wasm32") } {
        // LLVM moves the loads of a round to its begin, as if WebAssembly had registers for all of them: V8 then keeps sums in memory
        rounds::<S, W, F, R, P, N, 1, PANEL, 1>(s, sums, rows, panels)
    } else {
        rounds::<S, W, F, R, P, N, 4, { 4 * PANEL }, 1>(s, sums, rows, panels)
    }
}

/// [`multiply`] in rounds of `STEPS` steps (`WIDTH` is `STEPS * PANEL`), which go to `SETS` sets of sums in turns.
///
/// Rows and panels are walked as chunks of fixed size, taken once per round: one bounds check per row and round instead of one per
/// multiplication.
#[inline(always)]
fn rounds<
    S: Simd,
    W: Operand,
    F: Lanes<S, W>,
    const R: usize,
    const P: usize,
    const N: usize,
    const STEPS: usize,
    const WIDTH: usize,
    const SETS: usize,
>(
    s: S,
    // By value: the caller indexes its array with variables, so that one lives in memory.
    sums: Sums<F, R, N>,
    rows: [&[W::Group]; R],
    panels: [&[W]; P],
) -> Sums<F, R, N> {
    let mut sets = [[[F::all(s, W::Sum::default()); N]; R]; SETS];
    sets[0] = sums;
    let mut row_chunks: [&[[W::Group; STEPS]]; R] = [&[]; R];
    let mut row_tails: [&[W::Group]; R] = [&[]; R];
    let mut r = 0;
    while r < R {
        (row_chunks[r], row_tails[r]) = rows[r].as_chunks();
        // All of one length, visibly: no check in the loops.
        row_chunks[r] = &row_chunks[r][..row_chunks[0].len()];
        row_tails[r] = &row_tails[r][..row_tails[0].len()];
        r += 1;
    }
    let mut panel_chunks: [&[[W; WIDTH]]; P] = [&[]; P];
    let mut panel_tails: [&[[W; PANEL]]; P] = [&[]; P];
    let mut p = 0;
    while p < P {
        let (chunks, tail) = panels[p].as_chunks();
        panel_chunks[p] = &chunks[..row_chunks[0].len()];
        panel_tails[p] = &tail.as_chunks().0[..row_tails[0].len()];
        p += 1;
    }
    /// Written out: a loop over the steps is too long for LLVM to unroll, and then the sums live in memory.
    macro_rules! steps {
        ($x:ident, $w:ident: $($j:literal)*) => {
            $(if const { $j < STEPS } {
                step::<S, W, F, R, P, N, STEPS, WIDTH>(s, &mut sets[const { $j % SETS }], &$x, &$w, $j);
            })*
        };
    }
    let mut i = 0;
    while i < row_chunks[0].len() {
        let mut x: [&[W::Group; STEPS]; R] = [&row_chunks[0][i]; R];
        let mut r = 1;
        while r < R {
            x[r] = &row_chunks[r][i];
            r += 1;
        }
        let mut w: [&[W; WIDTH]; P] = [&panel_chunks[0][i]; P];
        let mut p = 1;
        while p < P {
            w[p] = &panel_chunks[p][i];
            p += 1;
        }
        steps!(x, w: 0 1 2 3);
        i += 1;
    }
    let mut i = 0;
    while i < row_tails[0].len() {
        let mut x: [&[W::Group; 1]; R] = [&row_tails[0].as_chunks().0[i]; R];
        let mut r = 1;
        while r < R {
            x[r] = &row_tails[r].as_chunks().0[i];
            r += 1;
        }
        let mut w: [&[W; PANEL]; P] = [&panel_tails[0][i]; P];
        let mut p = 1;
        while p < P {
            w[p] = &panel_tails[p][i];
            p += 1;
        }
        step::<S, W, F, R, P, N, 1, PANEL>(s, &mut sets[0], &x, &w, 0);
        i += 1;
    }
    let mut sums = sets[0];
    let mut set = 1;
    while set < SETS {
        let mut r = 0;
        while r < R {
            add::<S, W, F, N>(&mut sums[r], &sets[set][r]);
            r += 1;
        }
        set += 1;
    }
    sums
}

/// [`multiply`] for rows of a constant length: all steps written out.
macro_rules! multiply_fixed {
    ($name:ident, $k:literal: $($j:literal)*) => {
        #[inline(always)]
        pub(super) fn $name<
            S: Simd,
            W: Operand,
            F: Lanes<S, W>,
            const R: usize,
            const P: usize,
            const N: usize,
        >(
            s: S,
            mut sums: Sums<F, R, N>,
            rows: [&[W::Group]; R],
            panels: [&[W]; P],
        ) -> Sums<F, R, N> {
            let mut x: [&[W::Group; $k]; R] = [&rows[0].as_chunks().0[0]; R];
            let mut r = 1;
            while r < R {
                x[r] = &rows[r].as_chunks().0[0];
                r += 1;
            }
            let mut w: [&[W; $k * PANEL]; P] = [&panels[0].as_chunks().0[0]; P];
            let mut p = 1;
            while p < P {
                w[p] = &panels[p].as_chunks().0[0];
                p += 1;
            }
            $(step::<S, W, F, R, P, N, $k, { $k * PANEL }>(s, &mut sums, &x, &w, $j);)*
            sums
        }
    };
}
multiply_fixed!(multiply_3, 3: 0 1 2);
multiply_fixed!(multiply_9, 9: 0 1 2 3 4 5 6 7 8);

/// One step: every row's group times every panel's 16 weights.
#[inline(always)]
fn step<
    S: Simd,
    W: Operand,
    F: Lanes<S, W>,
    const R: usize,
    const P: usize,
    const N: usize,
    const K: usize,
    const WIDTH: usize,
>(
    s: S,
    sums: &mut Sums<F, R, N>,
    x: &[&[W::Group; K]; R],
    w: &[&[W; WIDTH]; P],
    j: usize,
) {
    // Weights first, then row by row: one broadcast value lives at a time, and the full tile fits the registers.
    let mut weights = [F::weights(s, &w[0][j * PANEL..]); N];
    let mut n = 1;
    while n < N {
        let (panel, vector) = (n / (N / P), n % (N / P));
        weights[n] = F::weights(s, &w[panel][j * PANEL + vector * F::LANES..]);
        n += 1;
    }
    let mut r = 0;
    while r < R {
        let x = F::values(s, x[r][j]);
        if const { SMALL } {
            /// Written out: LLVM unrolls no loop where code is to be small, and then the sums live in memory.
            macro_rules! vectors {
                ($($n:literal)*) => {
                    $(if const { $n < N } {
                        sums[r][$n] = sums[r][$n].multiply_add(s, x, weights[$n]);
                    })*
                };
            }
            vectors!(0 1 2 3);
            r += 1;
            continue;
        }
        let mut n = 0;
        while n < N {
            sums[r][n] = sums[r][n].multiply_add(s, x, weights[n]);
            n += 1;
        }
        r += 1;
    }
}

/// `to` += `from`
#[inline(always)]
pub(super) fn add<S: Simd, W: Operand, F: Lanes<S, W>, const N: usize>(
    to: &mut [F; N],
    from: &[F; N],
) {
    let mut n = 0;
    while n < N {
        to[n] = to[n].plus(from[n]);
        n += 1;
    }
}
