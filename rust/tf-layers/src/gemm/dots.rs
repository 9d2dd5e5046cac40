//! Products with one, two or four columns: scalar products of rows, k in the lanes.
//!
//! The tile has columns in its lanes, and would leave nearly all of them empty. Here a vector of outputs comes from as many sums, one
//! vector each, which are added up together: pairs of neighbours, then pairs of those.
#![allow(
    clippy::needless_range_loop,
    reason = "constant indices into small arrays keep sums in registers; iterators do not always"
)]

use super::operand::Lanes;
use super::{Addend, MAX_SEGMENTS, Place, Product};
use crate::cpu::{Cpu, SMALL, Simd, at_level, prelude::*};
use crate::pack::PANEL;

/// What a vector is asked for here.
trait Vector<S: Simd>: SimdFloat<S, Element = f32> {}
impl<S: Simd, F: SimdFloat<S, Element = f32>> Vector<S> for F {}

/// Weights that are taken out of the panels at most: they lie on the stack.
const WEIGHTS: usize = 4096;
/// Multiply-adds of a column at least: fewer do not pay for taking the weights out.
const MIN_WORK: usize = 4096;

/// Whether the product has the shape for it.
fn fits(product: &Product) -> bool {
    let (total, rows) = (product.segments.total(), product.grid.rows());
    matches!(product.columns, 1 | 2 | 4)
        && product.segments.count() <= MAX_SEGMENTS
        && product.columns * total <= WEIGHTS
        && rows * total >= MIN_WORK
        && rows >= PANEL
}

/// The level for the product: with eight lanes where segments are no whole vectors of sixteen.
pub(super) fn level(product: &Product, cpu: Cpu) -> Cpu {
    if product.segments.len % 16 == 8 && fits(product) {
        cpu.narrower()
    } else {
        cpu
    }
}

/// y = x · w + bias + addend within `limits`, or `false` if the product does not have the shape for it.
#[inline(always)]
pub(super) fn run<S: Simd>(
    s: S,
    product: &Product,
    x: &[f32],
    addend: Addend,
    limits: (f32, f32),
    y: &mut [f32],
) -> bool {
    if SMALL || !fits(product) {
        return false;
    }
    /// The arm for a number of columns, and the vectors that make up a segment; the last numbers are the rows under way together, as many
    /// as make four sums or more, but not more than a vector of outputs has.
    macro_rules! arms {
        ($lanes:literal, $($columns:pat => $n:literal $r:literal),*) => {
            match product.columns {
                $($columns => {
                    outlined::<S, $lanes, $n, $r>(s, product, x, addend, limits, y);
                })*
            }
        };
    }
    let len = product.segments.len;
    match S::f32s::LEN {
        16 if len.is_multiple_of(16) => arms!(16, 1 => 1 4, 2 => 2 4, _ => 4 4),
        8 if len.is_multiple_of(8) => arms!(8, 1 => 1 4, 2 => 2 4, _ => 4 2),
        // Not for SSE2: old machines are not worth the time that everybody's build would take for it.
        4 if !cfg!(any(target_arch = "x86", target_arch = "x86_64"))
            && !SMALL
            && len.is_multiple_of(4) =>
        {
            arms!(4, 1 => 1 4, 2 => 2 2, _ => 4 1)
        }
        _ => return false,
    }
    true
}

/// [`rows`], one call away: as the tiles, for the sake of its registers.
#[inline(never)]
fn outlined<S: Simd, const B: usize, const N: usize, const R: usize>(
    s: S,
    product: &Product,
    x: &[f32],
    addend: Addend,
    limits: (f32, f32),
    y: &mut [f32],
) {
    at_level(
        s,
        #[inline(always)]
        || rows::<S, S::f32s, B, N, R>(s, product, x, addend, limits, y),
    );
}

/// All rows for `N` columns, in vectors of `B` lanes: `B` outputs at a time, row by row, from the sums of `R` rows at a time.
#[inline(always)]
fn rows<S: Simd, F: Vector<S>, const B: usize, const N: usize, const R: usize>(
    s: S,
    product: &Product,
    x: &[f32],
    addend: Addend,
    (low, high): (f32, f32),
    y: &mut [f32],
) {
    let segments = &product.segments;
    let (total, count) = (segments.total(), segments.count());
    let mut weights = [0.0; WEIGHTS];
    for (k, panel) in product.panels.as_chunks::<PANEL>().0.iter().enumerate() {
        for c in 0..N {
            weights[c * total + k] = panel[c];
        }
    }
    let mut offsets = [0; MAX_SEGMENTS];
    for (i, offset) in offsets[..count].iter_mut().enumerate() {
        *offset = segments.offset(i);
    }
    let mut bias = [0.0; B];
    if let Some(values) = product.bias {
        for (i, bias) in bias.iter_mut().enumerate() {
            *bias = values[i % N];
        }
    }
    let bias = F::from_slice(s, &bias);
    let (low, high) = (F::splat(s, low), F::splat(s, high));

    let mut places = [Place::default(); B];
    let places = &mut places[..B / N];
    let (mut cursor, mut left) = (product.grid.begin(), product.grid.rows());
    while left > 0 {
        let taken = left.min(places.len());
        cursor.take(&product.grid, &mut places[..taken]);
        // What is missing is computed twice, and written once.
        let last = places[taken - 1];
        places[taken..].fill(last);
        left -= taken;

        let mut sums = [F::splat(s, 0.0); B];
        for (places, sums) in places.chunks(R).zip(sums.chunks_mut(R * N)) {
            for (i, offset) in offsets[..count].iter().enumerate() {
                let at = i * segments.len;
                let mut columns: [&[[f32; B]]; N] = [&[]; N];
                for c in 0..N {
                    columns[c] = weights[c * total + at..][..segments.len].as_chunks().0;
                }
                let mut rows: [&[f32]; R] = [&[]; R];
                for r in 0..R {
                    rows[r] = &x[places[r].x + offset..][..segments.len];
                }
                dots::<S, F, B, N, R>(s, rows, columns, sums);
            }
        }
        let mut out = added::<S, F, B>(sums) + bias;
        let places = &places[..taken];
        let begin = places[0].y;
        if taken * N == B && places[taken - 1].y == begin + B - N {
            match addend {
                Addend::Nothing => {}
                Addend::Slice(values) => out += F::from_slice(s, &values[begin..begin + B]),
                Addend::Output => out += F::from_slice(s, &y[begin..begin + B]),
            }
            Lanes::<S, f32>::clamp(out, low, high).store_slice(&mut y[begin..begin + B]);
            continue;
        }
        let mut values = [0.0; B];
        for (value, place) in values.chunks_exact_mut(N).zip(places) {
            match addend {
                Addend::Nothing => {}
                Addend::Slice(addend) => value.copy_from_slice(&addend[place.y..place.y + N]),
                Addend::Output => value.copy_from_slice(&y[place.y..place.y + N]),
            }
        }
        out += F::from_slice(s, &values);
        Lanes::<S, f32>::clamp(out, low, high).store_slice(&mut values);
        for (value, place) in values.chunks_exact(N).zip(places) {
            y[place.y..place.y + N].copy_from_slice(value);
        }
    }
}

/// `sums[r][c]` += the products of row r and column c, lane by lane.
#[inline(always)]
fn dots<S: Simd, F: Vector<S>, const B: usize, const N: usize, const R: usize>(
    s: S,
    rows: [&[f32]; R],
    mut columns: [&[[f32; B]]; N],
    to: &mut [F],
) {
    let mut chunks: [&[[f32; B]]; R] = [&[]; R];
    for r in 0..R {
        chunks[r] = rows[r].as_chunks().0;
    }
    // All of one length, visibly: no check in the loop.
    let rounds = chunks[0].len();
    for r in 0..R {
        chunks[r] = &chunks[r][..rounds];
    }
    for c in 0..N {
        columns[c] = &columns[c][..rounds];
    }
    let mut sums = [[F::splat(s, 0.0); N]; R];
    for i in 0..rounds {
        let mut w = [F::splat(s, 0.0); N];
        for c in 0..N {
            w[c] = F::from_slice(s, &columns[c][i]);
        }
        for r in 0..R {
            let x = F::from_slice(s, &chunks[r][i]);
            for c in 0..N {
                sums[r][c] = x.mul_add(w[c], sums[r][c]);
            }
        }
    }
    for r in 0..R {
        for c in 0..N {
            to[r * N + c] += sums[r][c];
        }
    }
}

/// The vector of the sums of each vector's lanes.
#[inline(always)]
fn added<S: Simd, F: Vector<S>, const B: usize>(mut sums: [F; B]) -> F {
    let mut n = B / 2;
    while n > 0 {
        for i in 0..n {
            let (a, b) = (sums[2 * i], sums[2 * i + 1]);
            sums[i] = a.unzip_low(b) + a.unzip_high(b);
        }
        n /= 2;
    }
    sums[0]
}
