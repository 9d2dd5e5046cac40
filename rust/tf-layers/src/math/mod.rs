//! Vector functions of f32, written once for every level.
//!
//! Each takes and returns one vector; [`map`] walks a slice. The polynomials are derived by `tools/fit_polynomials.py`,
//! which prints their error; what the functions as a whole achieve is measured by `tests/math.rs` (its table of budgets
//! in ULP). NaN in gives NaN out everywhere, and no function traps or panics.

pub(crate) mod erf;
pub(crate) mod exp;
pub(crate) mod log;
pub(crate) mod sum;
pub(crate) mod trig;

use crate::cpu::{Simd, prelude::*};

/// The longest vector of any level, in floats.
const MAX_LEN: usize = 16;

/// ln 2 in two parts; the first has 9 bits, so that its product with an exponent is exact with and without FMA.
const LN_2_HIGH: f32 = 355.0 / 512.0;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// y = f(x) for every element, or y = f(y) where x is `None`.
#[inline(always)]
pub(crate) fn map<S: Simd>(s: S, x: Option<&[f32]>, y: &mut [f32], f: impl Fn(S::f32s) -> S::f32s) {
    whole_vectors::<S>(
        x,
        y,
        #[inline(always)]
        |x, y| map_vectors(s, x, y, &f),
    );
}

/// Calls `f` with x and y up to their last whole vector, and with what is behind it, padded to one vector.
///
/// The tail goes through `f` too, so that a value's result does not depend on where in the slice it stands; one loop
/// serves both, so that `f` is compiled once.
#[inline(always)]
pub(crate) fn whole_vectors<S: Simd>(
    x: Option<&[f32]>,
    y: &mut [f32],
    mut f: impl FnMut(Option<&[f32]>, &mut [f32]),
) {
    let (body, tail) = y.split_at_mut(y.len() - y.len() % S::f32s::LEN);
    let (x, x_tail) = match x {
        Some(x) => {
            let (x, x_tail) = x.split_at(body.len());
            (Some(x), x_tail)
        }
        None => (None, &tail[..]),
    };
    let mut padded = [0.0; MAX_LEN];
    // Rows are often short, and calls of memcpy that copy nothing would take most of their time.
    if !tail.is_empty() {
        padded[..tail.len()].copy_from_slice(&x_tail[..tail.len()]);
    }
    let padded = &mut padded[..if tail.is_empty() { 0 } else { S::f32s::LEN }];
    for (x, y) in [(x, body), (None, &mut *padded)] {
        f(x, y);
    }
    if !tail.is_empty() {
        tail.copy_from_slice(&padded[..tail.len()]);
    }
}

/// [`map`] of whole vectors.
#[inline(always)]
pub(crate) fn map_vectors<S: Simd>(
    s: S,
    x: Option<&[f32]>,
    y: &mut [f32],
    f: impl Fn(S::f32s) -> S::f32s,
) {
    let mut x = x.unwrap_or_default().chunks_exact(S::f32s::LEN);
    for y in y.chunks_exact_mut(S::f32s::LEN) {
        let x = x.next().unwrap_or(y);
        f(S::f32s::from_slice(s, x)).store_slice(y);
    }
}

/// A vector whose first elements are those of `x`, fewer than there are lanes, and whose others are `pad`.
#[inline(always)]
pub(crate) fn part_vector<S: Simd>(s: S, x: &[f32], pad: f32) -> S::f32s {
    let mut padded = [pad; MAX_LEN];
    let mut at = 0;
    /// Copies of constant lengths: a call of memcpy takes longer than a short row.
    macro_rules! copy {
        ($($n:literal)*) => {
            $(if x.len() & $n != 0 {
                padded[at..at + $n].copy_from_slice(&x[at..at + $n]);
                at += $n;
            })*
        };
    }
    copy!(8 4 2);
    if let Some(last) = x.get(at) {
        padded[at] = *last;
    }
    S::f32s::from_slice(s, &padded[..S::f32s::LEN])
}

/// y = f(y, x) for every element.
#[inline(always)]
pub(crate) fn map2<S: Simd>(
    s: S,
    y: &mut [f32],
    x: &[f32],
    f: impl Fn(S::f32s, S::f32s) -> S::f32s,
) {
    let (body, tail) = y.split_at_mut(y.len() - y.len() % S::f32s::LEN);
    let (x, x_tail) = x.split_at(body.len());
    let (mut padded, mut x_padded) = ([0.0; MAX_LEN], [0.0; MAX_LEN]);
    if !tail.is_empty() {
        padded[..tail.len()].copy_from_slice(tail);
        x_padded[..tail.len()].copy_from_slice(&x_tail[..tail.len()]);
    }
    let padded = &mut padded[..if tail.is_empty() { 0 } else { S::f32s::LEN }];
    for (y, x) in [(body, x), (&mut *padded, &x_padded[..])] {
        map2_vectors(s, y, x, &f);
    }
    if !tail.is_empty() {
        tail.copy_from_slice(&padded[..tail.len()]);
    }
}

/// [`map2`] of whole vectors.
#[inline(always)]
pub(crate) fn map2_vectors<S: Simd>(
    s: S,
    y: &mut [f32],
    x: &[f32],
    f: impl Fn(S::f32s, S::f32s) -> S::f32s,
) {
    // Not zipped: `Zip::new` is not inlined and divides by the length of the chunks, which takes longer than a short row.
    let mut x = x.chunks_exact(S::f32s::LEN);
    for y in y.chunks_exact_mut(S::f32s::LEN) {
        let Some(x) = x.next() else { break };
        f(S::f32s::from_slice(s, y), S::f32s::from_slice(s, x)).store_slice(y);
    }
}

/// y = f(y, a, b) for every element.
#[inline(always)]
pub(crate) fn map3<S: Simd>(
    s: S,
    y: &mut [f32],
    a: &[f32],
    b: &[f32],
    f: impl Fn(S::f32s, S::f32s, S::f32s) -> S::f32s,
) {
    let (body, tail) = y.split_at_mut(y.len() - y.len() % S::f32s::LEN);
    let ((a, a_tail), (b, b_tail)) = (a.split_at(body.len()), b.split_at(body.len()));
    let (mut padded, mut a_padded, mut b_padded) = ([0.0; MAX_LEN], [0.0; MAX_LEN], [0.0; MAX_LEN]);
    if !tail.is_empty() {
        padded[..tail.len()].copy_from_slice(tail);
        a_padded[..tail.len()].copy_from_slice(&a_tail[..tail.len()]);
        b_padded[..tail.len()].copy_from_slice(&b_tail[..tail.len()]);
    }
    let padded = &mut padded[..if tail.is_empty() { 0 } else { S::f32s::LEN }];
    for (y, a, b) in [(body, a, b), (&mut *padded, &a_padded[..], &b_padded[..])] {
        let (mut a, mut b) = (a.chunks_exact(S::f32s::LEN), b.chunks_exact(S::f32s::LEN));
        for y in y.chunks_exact_mut(S::f32s::LEN) {
            let (Some(a), Some(b)) = (a.next(), b.next()) else {
                break;
            };
            let (a, b) = (S::f32s::from_slice(s, a), S::f32s::from_slice(s, b));
            f(S::f32s::from_slice(s, y), a, b).store_slice(y);
        }
    }
    if !tail.is_empty() {
        tail.copy_from_slice(&padded[..tail.len()]);
    }
}

/// min(x, limit), NaN staying NaN: the x86 and Arm minimum of a constant *first* and a NaN is the NaN.
#[inline(always)]
pub(crate) fn at_most<S: Simd>(s: S, x: S::f32s, limit: f32) -> S::f32s {
    let limit = S::f32s::splat(s, limit);
    if cfg!(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "aarch64"
    )) {
        limit.min(x)
    } else {
        limit.simd_lt(x).select(limit, x)
    }
}

/// max(x, limit), NaN staying NaN (see [`at_most`]).
#[inline(always)]
pub(crate) fn at_least<S: Simd>(s: S, x: S::f32s, limit: f32) -> S::f32s {
    let limit = S::f32s::splat(s, limit);
    if cfg!(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "aarch64"
    )) {
        limit.max(x)
    } else {
        limit.simd_gt(x).select(limit, x)
    }
}

/// c[0] + c[1]·x + c[2]·x² + …: even and odd powers apart, which halves the chain of dependent steps for one product more.
#[inline(always)]
pub(crate) fn polynomial<S: Simd, const N: usize>(s: S, x: S::f32s, c: &[f32; N]) -> S::f32s {
    let square = x * x;
    let mut y = S::f32s::splat(s, c[N - 1]);
    let mut other = S::f32s::splat(s, c[N - 2]);
    for pair in c[..N - 2].rchunks(2) {
        y = y.mul_add(square, pair[pair.len() - 1]);
        if let [low, _] = *pair {
            other = other.mul_add(square, low);
        } else {
            // An even number of powers is left over: y holds the even ones.
            return other.mul_add(x, y);
        }
    }
    y.mul_add(x, other)
}
