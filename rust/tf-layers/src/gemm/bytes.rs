//! Products of 8-bit integers: u8 · i8, exact in i32.
//!
//! A packed element is four neighbours of a column in one word, the first in its lowest bits
//! ([`pack::integer_panels`](crate::pack::integer_panels)). AVX-512 multiplies and adds up all four at once (VNNI). AVX2 and SSE2 widen to
//! 16 bits, the even bytes and the odd ones, and add up pairs: their instruction for u8 · i8 saturates where x > 127 and |w| > 64. Others
//! multiply byte by byte in 32 bits. Sums wrap.

use super::grid::Place;
use super::operand::{At, Lanes, Operand};
use super::{Addend, Product};
use crate::cpu::{Cpu, Simd, dispatch, prelude::*};

/// Bytes in a packed element.
pub(crate) const DEPTH: usize = 4;

impl Operand for i32 {
    type Element = u8;
    type Group = [u8; DEPTH];
    type Sum = i32;
    type End = ();
    const DEPTH: usize = DEPTH;
    /// So that a panel's block stays in the first-level cache.
    const MAX_BLOCK: usize = 2048;
    const UNLIMITED: (i32, i32) = (i32::MIN, i32::MAX);
    const SHORT: bool = false;

    #[inline(always)]
    fn groups(row: &[u8]) -> &[[u8; DEPTH]] {
        row.as_chunks().0
    }

    #[inline(always)]
    fn limits((): ()) -> ((i32, i32), Option<()>) {
        (Self::UNLIMITED, None)
    }
}

impl Product<'_, i32> {
    /// y = x · w + bias + addend
    pub(crate) fn run(&self, cpu: Cpu, x: &[u8], addend: Addend<i32>, y: &mut [i32]) {
        dispatch!(cpu.level, s => self.run_at(s, x, addend, y));
    }

    /// y −= f(row, where the row begins in x) · columns
    pub(crate) fn subtract(&self, columns: &[i32], y: &mut [i32], f: impl Fn(usize, usize) -> i32) {
        let mut cursor = self.grid.begin();
        let mut place = [Place::default()];
        for row in 0..self.grid.rows() {
            cursor.take(&self.grid, &mut place);
            let [Place { x, y: begin }] = place;
            let factor = f(row, x);
            for (y, column) in y[begin..][..self.columns].iter_mut().zip(columns) {
                *y = y.wrapping_sub(factor.wrapping_mul(*column));
            }
        }
    }
}

/// A level that multiplies bytes.
pub(crate) trait Dot: Simd {
    /// Rows of a full tile.
    const ROWS: usize;
    /// Four neighbours of a row, as `dot` takes them.
    type Values: Copy;

    /// Those of all lanes.
    fn values(self, x: [u8; DEPTH]) -> Self::Values;

    /// sums + Σ x · w over the four bytes of each lane, those of x without a sign, those of w with one.
    fn dot(self, sums: Self::i32s, x: Self::Values, w: Self::i32s) -> Self::i32s;
}

impl<S: Dot> At<S> for i32 {
    type Whole = Sums<S>;
    type Half = Sums<S>;
    type Upper = Sums<S>;
    const BY_HALVES: bool = false;
    // A vector is half a panel only where it has eight lanes.
    const HALVES: bool = S::i32s::LEN == 8;
    const ROWS: usize = S::ROWS;

    #[inline(always)]
    fn without_tiles(
        _s: S,
        _product: &Product<i32>,
        _x: &[u8],
        _addend: Addend<i32>,
        _limits: (i32, i32),
        _y: &mut [i32],
    ) -> bool {
        false
    }

    #[inline(always)]
    fn finish(_s: S, (): (), _y: &mut [i32]) {}
}

/// A vector of sums.
#[derive(Clone, Copy)]
pub(crate) struct Sums<S: Simd>(S::i32s);

impl<S: Dot> Lanes<S, i32> for Sums<S> {
    const LANES: usize = S::i32s::LEN;
    type Weights = S::i32s;
    type Values = S::Values;

    #[inline(always)]
    fn all(s: S, sum: i32) -> Self {
        Self(S::i32s::splat(s, sum))
    }

    #[inline(always)]
    fn weights(s: S, w: &[i32]) -> S::i32s {
        S::i32s::from_slice(s, &w[..S::i32s::LEN])
    }

    #[inline(always)]
    fn values(s: S, x: [u8; DEPTH]) -> S::Values {
        s.values(x)
    }

    #[inline(always)]
    fn multiply_add(self, s: S, x: S::Values, w: S::i32s) -> Self {
        Self(s.dot(self.0, x, w))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    #[inline(always)]
    fn clamp(self, _low: Self, _high: Self) -> Self {
        self
    }

    #[inline(always)]
    fn load(s: S, from: &[i32]) -> Self {
        Self(S::i32s::from_slice(s, &from[..S::i32s::LEN]))
    }

    #[inline(always)]
    fn store(self, to: &mut [i32]) {
        self.0.store_slice(&mut to[..S::i32s::LEN]);
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod levels {
    use super::{DEPTH, Dot};
    use crate::cpu::{kernel, prelude::*};
    #[cfg(target_arch = "x86")]
    use core::arch::x86::*;
    #[cfg(target_arch = "x86_64")]
    use core::arch::x86_64::*;
    use fearless_simd::x86::{Avx2, Avx512, Sse2};

    kernel!(
        #[inline(always)]
        fn dot_512(_s: Avx512, sums: __m512i, x: __m512i, w: __m512i) -> __m512i {
            _mm512_dpbusd_epi32(sums, x, w)
        }
    );

    kernel!(
        #[inline(always)]
        fn dot_256(_s: Avx2, sums: __m256i, x: __m256i, w: __m256i) -> __m256i {
            let even = _mm256_madd_epi16(
                _mm256_and_si256(x, _mm256_set1_epi16(0xFF)),
                _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(w)),
            );
            let odd = _mm256_madd_epi16(_mm256_srli_epi16::<8>(x), _mm256_srai_epi16::<8>(w));
            _mm256_add_epi32(_mm256_add_epi32(sums, even), odd)
        }
    );

    kernel!(
        #[inline(always)]
        fn dot_128(_s: Sse2, sums: __m128i, x: __m128i, w: __m128i) -> __m128i {
            let even = _mm_madd_epi16(
                _mm_and_si128(x, _mm_set1_epi16(0xFF)),
                _mm_srai_epi16::<8>(_mm_slli_epi16::<8>(w)),
            );
            let odd = _mm_madd_epi16(_mm_srli_epi16::<8>(x), _mm_srai_epi16::<8>(w));
            _mm_add_epi32(_mm_add_epi32(sums, even), odd)
        }
    );

    macro_rules! dot {
        ($($level:ident $f:ident $rows:literal)*) => {$(
            impl Dot for $level {
                const ROWS: usize = $rows;
                type Values = Self::i32s;

                #[inline(always)]
                fn values(self, x: [u8; DEPTH]) -> Self::i32s {
                    Self::i32s::splat(self, i32::from_le_bytes(x))
                }

                #[inline(always)]
                fn dot(self, sums: Self::i32s, x: Self::i32s, w: Self::i32s) -> Self::i32s {
                    $f(self, sums.into(), x.into(), w.into()).simd_into(self)
                }
            }
        )*};
    }
    // AVX2: 4 × 2 vectors of sums, as many of weights in two halves, two of x.
    dot!(Avx512 dot_512 8 Avx2 dot_256 4 Sse2 dot_128 2);
}

#[cfg(any(
    all(target_arch = "aarch64", target_feature = "neon"),
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod levels {
    use super::{DEPTH, Dot};
    use crate::cpu::prelude::*;

    macro_rules! dot {
        ($level:ty, $rows:literal) => {
            impl Dot for $level {
                const ROWS: usize = $rows;
                type Values = Self::i32s;

                #[inline(always)]
                fn values(self, x: [u8; DEPTH]) -> Self::i32s {
                    Self::i32s::splat(self, i32::from_le_bytes(x))
                }

                #[inline(always)]
                fn dot(self, sums: Self::i32s, x: Self::i32s, w: Self::i32s) -> Self::i32s {
                    sums + (x & 0xFF) * ((w << 24) >> 24)
                        + ((x >> 8) & 0xFF) * ((w << 16) >> 24)
                        + ((x >> 16) & 0xFF) * ((w << 8) >> 24)
                        + ((x >> 24) & 0xFF) * (w >> 24)
                }
            }
        };
    }
    #[cfg(target_arch = "aarch64")]
    dot!(fearless_simd::aarch64::Neon, 4);
    #[cfg(target_arch = "wasm32")]
    dot!(fearless_simd::wasm32::WasmSimd128, 2);
}

#[cfg(not(any(
    target_arch = "x86",
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon"),
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
mod levels {
    use super::{DEPTH, Dot};
    use crate::cpu::prelude::*;
    use fearless_simd::Fallback;

    /// What a lane adds to its sum.
    #[inline(always)]
    fn lane(sum: &mut i32, x: [i32; DEPTH], w: i32) {
        let [a, b, c, d] = x;
        *sum = sum
            .wrapping_add(a * (w << 24 >> 24))
            .wrapping_add(b * (w << 16 >> 24))
            .wrapping_add(c * (w << 8 >> 24))
            .wrapping_add(d * (w >> 24));
    }

    impl Dot for Fallback {
        const ROWS: usize = 2;
        type Values = [i32; DEPTH];

        #[inline(always)]
        fn values(self, [a, b, c, d]: [u8; DEPTH]) -> [i32; DEPTH] {
            [a.into(), b.into(), c.into(), d.into()]
        }

        #[inline(always)]
        fn dot(self, mut sums: Self::i32s, x: [i32; DEPTH], w: Self::i32s) -> Self::i32s {
            // Written out: compiled for size, a loop is not unrolled, and the sums would lie in memory.
            if let ([s0, s1, s2, s3], [w0, w1, w2, w3]) = (sums.as_mut_slice(), w.as_slice()) {
                lane(s0, x, *w0);
                lane(s1, x, *w1);
                lane(s2, x, *w2);
                lane(s3, x, *w3);
            }
            sums
        }
    }
}
