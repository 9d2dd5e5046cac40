//! Element types: what the layers that are generic over them need to know.

mod half;

pub use half::{Bf16, F16};

use core::fmt::Debug;

use crate::activation::Activation;
use crate::cpu::Cpu;

/// An element of arithmetic: the integers, `f32`, `f64`, [`F16`] and [`Bf16`].
///
/// Integers wrap around, as onnxruntime's do. Everything here is one element; layers loop over it in code compiled for the
/// machine's vectors.
pub trait Number: Copy + Default + PartialEq + PartialOrd + Debug + Send + Sync + 'static {
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// The least value: −∞ for floats.
    const LOWEST: Self;
    /// The greatest value: ∞ for floats.
    const HIGHEST: Self;
    /// Whether division by zero is an error.
    const INTEGER: bool;

    /// a + b
    fn plus(self, other: Self) -> Self;
    /// a − b
    fn minus(self, other: Self) -> Self;
    /// a · b
    fn times(self, other: Self) -> Self;
    /// a / b; integers are truncated, and give 0 for b = 0 (layers refuse that before they start).
    fn over(self, other: Self) -> Self;
    /// a − b·trunc(a / b): has the sign of a, like C's `fmod`.
    fn remainder(self, other: Self) -> Self;
    /// a − b·floor(a / b): has the sign of b, like Python's `%`.
    fn modulo(self, other: Self) -> Self;
    /// −a
    fn negated(self) -> Self;
    /// |a|
    fn magnitude(self) -> Self;
    /// −1, 0 or 1 (NaN for NaN).
    fn signum_or_zero(self) -> Self;
    /// The nearest f64 (exact but for 64-bit integers).
    fn to_f64(self) -> f64;
    /// The nearest value; integers are truncated and saturate.
    fn from_f64(value: f64) -> Self;

    /// Whether this is not a number.
    #[inline(always)]
    fn is_not_a_number(self) -> bool {
        #[expect(clippy::eq_op, reason = "what makes NaN what it is")]
        let unequal = self != self;
        unequal
    }

    /// max(a, b); NaN if either is.
    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        if self > other || self.is_not_a_number() {
            self
        } else {
            other
        }
    }

    /// min(a, b); NaN if either is.
    #[inline(always)]
    fn smaller(self, other: Self) -> Self {
        if self < other || self.is_not_a_number() {
            self
        } else {
            other
        }
    }
}

/// A floating-point element.
pub trait Float: Number {
    /// The nearest f32.
    fn to_f32(self) -> f32;
    /// The nearest value.
    fn from_f32(value: f32) -> Self;
    /// y = activation(x), or y = activation(y) where x is `None`; f32 is where the vector kernels are.
    fn activate(cpu: Cpu, activation: Activation, x: Option<&[Self]>, y: &mut [Self]);
}

/// An element with bits to combine: the integers, and `bool` with its one.
pub trait Bits: Copy + Default + PartialEq + Debug + Send + Sync + 'static {
    /// a & b
    fn and(self, other: Self) -> Self;
    /// a | b
    fn or(self, other: Self) -> Self;
    /// a ^ b
    fn xor(self, other: Self) -> Self;
    /// !a
    fn inverted(self) -> Self;
}

/// An integer whose bits can be shifted.
pub trait Shifted: Bits + Number {
    /// a · 2ᵇ; 0 once all bits are shifted out.
    fn left(self, by: Self) -> Self;
    /// a / 2ᵇ rounded down; 0 (below zero: −1) once all bits are shifted out.
    fn right(self, by: Self) -> Self;
}

macro_rules! bits {
    ($($t:ty)*) => {$(
        impl Bits for $t {
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                self & other
            }
            #[inline(always)]
            fn or(self, other: Self) -> Self {
                self | other
            }
            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                self ^ other
            }
            #[inline(always)]
            fn inverted(self) -> Self {
                !self
            }
        }
    )*};
}
bits!(bool u8 u16 u32 u64 i8 i16 i32 i64);

macro_rules! shifted {
    ($($t:ty)*) => {$(
        impl Shifted for $t {
            #[inline(always)]
            fn left(self, by: Self) -> Self {
                u32::try_from(by).ok().and_then(|by| self.checked_shl(by)).unwrap_or(0)
            }
            #[inline(always)]
            fn right(self, by: Self) -> Self {
                // A shift by all bits but one leaves the sign, and one more leaves what a wider integer would have.
                let by = u32::try_from(by).unwrap_or(u32::MAX);
                self.checked_shr(by).unwrap_or(if self < Self::ZERO { !Self::ZERO } else { Self::ZERO })
            }
        }
    )*};
}
shifted!(u8 u16 u32 u64 i8 i16 i32 i64);

macro_rules! integers {
    ($($t:ty: $magnitude:expr, $signum:expr;)*) => {$(
        impl Number for $t {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const LOWEST: Self = Self::MIN;
            const HIGHEST: Self = Self::MAX;
            const INTEGER: bool = true;
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn over(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_div(other) }
            }
            #[inline(always)]
            fn remainder(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_rem(other) }
            }
            #[inline(always)]
            #[allow(unused_comparisons, reason = "written once for signed and unsigned")]
            fn modulo(self, other: Self) -> Self {
                let rest = self.remainder(other);
                if rest != 0 && (rest < 0) != (other < 0) { rest.wrapping_add(other) } else { rest }
            }
            #[inline(always)]
            fn negated(self) -> Self {
                self.wrapping_neg()
            }
            #[inline(always)]
            fn magnitude(self) -> Self {
                let f: fn($t) -> $t = $magnitude;
                f(self)
            }
            #[inline(always)]
            fn signum_or_zero(self) -> Self {
                let f: fn($t) -> $t = $signum;
                f(self)
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $t
            }
        }
    )*};
}
integers! {
    u8: |a| a, |a| a.min(1);
    u16: |a| a, |a| a.min(1);
    u32: |a| a, |a| a.min(1);
    u64: |a| a, |a| a.min(1);
    i8: i8::wrapping_abs, i8::signum;
    i16: i16::wrapping_abs, i16::signum;
    i32: i32::wrapping_abs, i32::signum;
    i64: i64::wrapping_abs, i64::signum;
}

/// [`Number`] for a float type; `$wrap` and `$get` go through the type that calculates.
macro_rules! floats {
    ($($t:ty as $base:ty: $wrap:expr, $get:expr;)*) => {$(
        impl Number for $t {
            const ZERO: Self = <$t>::CONST_ZERO;
            const ONE: Self = <$t>::CONST_ONE;
            const LOWEST: Self = <$t>::NEG_INFINITY;
            const HIGHEST: Self = <$t>::INFINITY;
            const INTEGER: bool = false;
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                $wrap($get(self) + $get(other))
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                $wrap($get(self) - $get(other))
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                $wrap($get(self) * $get(other))
            }
            #[inline(always)]
            fn over(self, other: Self) -> Self {
                $wrap($get(self) / $get(other))
            }
            #[inline(always)]
            fn remainder(self, other: Self) -> Self {
                $wrap($get(self) % $get(other))
            }
            #[inline(always)]
            fn modulo(self, other: Self) -> Self {
                let (a, b): ($base, $base) = ($get(self), $get(other));
                let rest = a % b;
                $wrap(if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest })
            }
            #[inline(always)]
            fn negated(self) -> Self {
                $wrap(-$get(self))
            }
            #[inline(always)]
            fn magnitude(self) -> Self {
                $wrap($get(self).abs())
            }
            #[inline(always)]
            fn signum_or_zero(self) -> Self {
                let a: $base = $get(self);
                $wrap(if a > 0.0 { 1.0 } else if a < 0.0 { -1.0 } else { a })
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from($get(self))
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                $wrap(value as $base)
            }
        }
    )*};
}
use core::convert::identity;
floats! {
    f32 as f32: identity::<f32>, identity::<f32>;
    f64 as f64: identity::<f64>, identity::<f64>;
    F16 as f32: F16::from_f32, F16::to_f32;
    Bf16 as f32: Bf16::from_f32, Bf16::to_f32;
}

/// What [`floats!`] asks of the types that calculate themselves.
trait Constants {
    const CONST_ZERO: Self;
    const CONST_ONE: Self;
}
impl Constants for f32 {
    const CONST_ZERO: Self = 0.0;
    const CONST_ONE: Self = 1.0;
}
impl Constants for f64 {
    const CONST_ZERO: Self = 0.0;
    const CONST_ONE: Self = 1.0;
}

impl Float for f32 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }
    fn activate(cpu: Cpu, activation: Activation, x: Option<&[Self]>, y: &mut [Self]) {
        match x {
            Some(x) => activation.apply_to(cpu, x, y),
            None => activation.apply(cpu, y),
        }
    }
}

impl Float for f64 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self as f32
    }
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        f64::from(value)
    }
    /// One by one, through the standard library's functions.
    #[inline]
    fn activate(_: Cpu, activation: Activation, x: Option<&[Self]>, y: &mut [Self]) {
        if let Some(x) = x {
            y.copy_from_slice(x);
        }
        for y in y {
            *y = activation.exact(*y);
        }
    }
}

macro_rules! through_f32 {
    ($($t:ty)*) => {$(
        impl Float for $t {
            #[inline(always)]
            fn to_f32(self) -> f32 {
                <$t>::to_f32(self)
            }
            #[inline(always)]
            fn from_f32(value: f32) -> Self {
                <$t>::from_f32(value)
            }
            /// Block by block through f32.
            #[inline]
            fn activate(cpu: Cpu, activation: Activation, x: Option<&[Self]>, y: &mut [Self]) {
                let mut wide = [0.0f32; 256];
                for (i, y) in y.chunks_mut(256).enumerate() {
                    let from = x.map_or(&*y, |x| &x[i * 256..][..y.len()]);
                    let wide = &mut wide[..y.len()];
                    for (wide, from) in wide.iter_mut().zip(from) {
                        *wide = from.to_f32();
                    }
                    activation.apply(cpu, wide);
                    for (y, wide) in y.iter_mut().zip(&*wide) {
                        *y = <$t>::from_f32(*wide);
                    }
                }
            }
        }
    )*};
}
through_f32!(F16 Bf16);
