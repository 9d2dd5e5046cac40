//! What a product is generic over: the packed right side says which types go with it, and each vector level how they are multiplied.

use super::{Addend, Product};
use super::{dots, lines};
use crate::activation::{Activation, UNLIMITED};
use crate::cpu::{SMALL, Simd, f32x8, prelude::*};
use crate::pack::PANEL;

/// The least and the greatest value of y.
pub(crate) type Limits<W> = (<W as Operand>::Sum, <W as Operand>::Sum);

/// An element of a packed right side, and with it the types of a product: the left side's, and the sums'.
///
/// A step of a product takes `DEPTH` neighbours of a row, a *group*, and one packed element from each column: [`f32`] has one value,
/// [`i32`] four of 8 bits.
pub(crate) trait Operand: Copy + Default + 'static {
    /// An element of x.
    type Element: Copy;
    /// What one step takes of a row.
    type Group: Copy + Default;
    /// An element of y.
    type Sum: Copy + Default;
    /// What comes after the sums.
    type End: Copy;
    /// Elements of a group.
    const DEPTH: usize;
    /// Longest sum kept in one accumulator, in elements of x.
    const MAX_BLOCK: usize;
    /// Limits that change nothing.
    const UNLIMITED: Limits<Self>;
    /// Whether rows of 3 and 9 steps have code of their own.
    const SHORT: bool;

    /// A row in groups.
    fn groups(row: &[Self::Element]) -> &[Self::Group];

    /// What tiles do of the end, and whether there is more to do.
    fn limits(end: Self::End) -> (Limits<Self>, Option<Self::End>);
}

/// How a level multiplies an operand.
pub(crate) trait At<S: Simd>: Operand {
    /// The widest vector of sums.
    type Whole: Lanes<S, Self>;
    /// A vector of half a panel of sums.
    type Half: Lanes<S, Self>;
    /// A vector of the other half's.
    type Upper: Lanes<S, Self>;
    /// Whether tiles of more than two rows take half a panel at a time.
    const BY_HALVES: bool;
    /// Whether half a panel is worth tiles of its own.
    const HALVES: bool;
    /// Rows that a full tile has: as many as leave no sum outside the registers, [`MAX_ROWS`](super::grid::MAX_ROWS) at most.
    const ROWS: usize;

    /// The whole product, if there is a better way than tiles.
    fn without_tiles(
        s: S,
        product: &Product<Self>,
        x: &[Self::Element],
        addend: Addend<Self::Sum>,
        limits: Limits<Self>,
        y: &mut [Self::Sum],
    ) -> bool;

    /// The rest of the end.
    fn finish(s: S, end: Self::End, y: &mut [Self::Sum]);
}

/// A vector of sums.
pub(crate) trait Lanes<S: Simd, W: Operand>: Copy {
    /// Sums in a vector.
    const LANES: usize;
    /// The panel's first column that it takes.
    const FIRST: usize = 0;
    /// As many packed elements.
    type Weights: Copy;
    /// A group in every lane.
    type Values: Copy;
    /// The same sum in every lane.
    fn all(s: S, sum: W::Sum) -> Self;
    /// The first `LANES` packed elements.
    fn weights(s: S, w: &[W]) -> Self::Weights;
    /// A group in every lane.
    fn values(s: S, x: W::Group) -> Self::Values;
    /// self + x · w
    fn multiply_add(self, s: S, x: Self::Values, w: Self::Weights) -> Self;
    /// self + other
    fn plus(self, other: Self) -> Self;
    /// min(max(self, low), high): NaN stays NaN.
    fn clamp(self, low: Self, high: Self) -> Self;
    /// The first `LANES` sums.
    fn load(s: S, from: &[W::Sum]) -> Self;
    /// Writes the first `LANES` sums.
    fn store(self, to: &mut [W::Sum]);
}

impl Operand for f32 {
    type Element = f32;
    type Group = f32;
    type Sum = f32;
    type End = Activation;
    const DEPTH: usize = 1;
    /// Fresh accumulators per block keep the error at 3–7e-7 of max |y| (one accumulator over k = 2048 errs 1.4–2.8e-6) and cost 3 %.
    const MAX_BLOCK: usize = 768;
    const UNLIMITED: (f32, f32) = UNLIMITED;
    /// Where vectors are longer `lines` does it; WebAssembly: as for rounds of several steps (`multiply`).
    const SHORT: bool = !SMALL && cfg!(target_arch = "aarch64");

    #[inline(always)]
    fn groups(row: &[f32]) -> &[f32] {
        row
    }

    #[inline(always)]
    fn limits(end: Activation) -> ((f32, f32), Option<Activation>) {
        let (limits, rest) = end.limits();
        (limits, (rest != Activation::Linear).then_some(rest))
    }
}

impl<S: Simd> At<S> for f32 {
    type Whole = S::f32s;
    type Half = f32x8<S>;
    type Upper = Upper<f32x8<S>>;
    const BY_HALVES: bool = S::f32s::LEN == 4 && cfg!(target_arch = "wasm32");
    const HALVES: bool = S::f32s::LEN >= 8;
    /// 16 lanes: 8 × 2 panels of one vector use 16 of 32 registers (12 rows have 12 pointers, more than there are registers
    /// for: 20 % slower on short rows). 8 lanes: 6 × 1 panel of two vectors use 12 of 16 (4 × 3
    /// spills). 4 lanes: 2 × 1 panel of four vectors use 8 of 16, and 6 × 1 panel 24 of the 32 that NEON has; WebAssembly's 4 ×
    /// half a panel are 8, too, and 8 columns are half the work.
    const ROWS: usize = match S::f32s::LEN {
        16 => 8,
        8 => 6,
        _ if SMALL => 1,
        _ if cfg!(target_arch = "aarch64") => 6,
        _ if cfg!(target_arch = "wasm32") => 4,
        _ => 2,
    };

    #[inline(always)]
    fn without_tiles(
        s: S,
        product: &Product,
        x: &[f32],
        addend: Addend,
        limits: (f32, f32),
        y: &mut [f32],
    ) -> bool {
        dots::run(s, product, x, addend, limits, y) || lines::run(s, product, x, addend, limits, y)
    }

    #[inline(always)]
    fn finish(s: S, end: Activation, y: &mut [f32]) {
        end.apply_at(s, y);
    }
}

impl<S: Simd, F: SimdFloat<S, Element = f32>> Lanes<S, f32> for F {
    const LANES: usize = <F as SimdBase<S>>::LEN;
    type Weights = F;
    type Values = F;

    #[inline(always)]
    fn all(s: S, sum: f32) -> F {
        F::splat(s, sum)
    }

    #[inline(always)]
    fn weights(s: S, w: &[f32]) -> F {
        F::from_slice(s, &w[..<F as SimdBase<S>>::LEN])
    }

    #[inline(always)]
    fn values(s: S, x: f32) -> F {
        F::splat(s, x)
    }

    #[inline(always)]
    fn multiply_add(self, _s: S, x: F, w: F) -> F {
        x.mul_add(w, self)
    }

    #[inline(always)]
    fn plus(self, other: F) -> F {
        self + other
    }

    #[inline(always)]
    fn clamp(self, low: F, high: F) -> F {
        if const { SMALL } {
            // the processor has no instruction for them, and each would be a call
            let above = self.simd_lt(low).select(low, self);
            return above.simd_gt(high).select(high, above);
        }
        // limits first: NaN stays NaN
        high.min(low.max(self))
    }

    #[inline(always)]
    fn load(s: S, from: &[f32]) -> F {
        F::from_slice(s, &from[..<F as SimdBase<S>>::LEN])
    }

    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        self.store_slice(&mut to[..<F as SimdBase<S>>::LEN]);
    }
}

/// A vector of the sums of a panel's second half.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upper<F>(F);

impl<S: Simd, F: SimdFloat<S, Element = f32>> Lanes<S, f32> for Upper<F> {
    const LANES: usize = <F as SimdBase<S>>::LEN;
    const FIRST: usize = PANEL / 2;
    type Weights = F;
    type Values = F;

    #[inline(always)]
    fn all(s: S, sum: f32) -> Self {
        Self(F::splat(s, sum))
    }

    #[inline(always)]
    fn weights(s: S, w: &[f32]) -> F {
        <F as Lanes<S, f32>>::weights(s, &w[PANEL / 2..])
    }

    #[inline(always)]
    fn values(s: S, x: f32) -> F {
        F::splat(s, x)
    }

    #[inline(always)]
    fn multiply_add(self, s: S, x: F, w: F) -> Self {
        Self(<F as Lanes<S, f32>>::multiply_add(self.0, s, x, w))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    #[inline(always)]
    fn clamp(self, low: Self, high: Self) -> Self {
        Self(<F as Lanes<S, f32>>::clamp(self.0, low.0, high.0))
    }

    #[inline(always)]
    fn load(s: S, from: &[f32]) -> Self {
        Self(<F as Lanes<S, f32>>::load(s, from))
    }

    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        <F as Lanes<S, f32>>::store(self.0, to);
    }
}
