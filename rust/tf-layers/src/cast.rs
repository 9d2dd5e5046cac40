//! From one element type to another.

use crate::cpu::Cpu;
use crate::number::{Bf16, F16, Number};
use crate::unary::each;

/// y = x in y's element type (ONNX `Cast`).
///
/// Integers are cut to the lower bits, floats rounded to the nearest (f64 and integers reach [`F16`] and [`Bf16`] through f32,
/// as in onnxruntime), anything but 0 is `true`. A float becomes an integer by truncation. Where the specification says
/// nothing, because it does not fit, the result is onnxruntime's on x86: the least i32 or i64 (of which the smaller types get
/// the lower bits), on every machine.
#[derive(Debug, Clone, Copy)]
pub struct Cast;

impl Cast {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = x; any shape, `x` and `y` have the same length.
    pub fn run<X: Copy, Y: CastFrom<X>>(&self, cpu: Cpu, x: &[X], y: &mut [Y]) {
        each(cpu, x, y, Y::from_element);
    }
}

/// y = the bits of x taken for another type of the same size (ONNX `BitCast`).
#[derive(Debug, Clone, Copy)]
pub struct BitCast;

impl BitCast {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = the bits of x; `x` and `y` have the same length.
    pub fn run<X: bytemuck::NoUninit, Y: bytemuck::Pod>(&self, _: Cpu, x: &[X], y: &mut [Y]) {
        const { assert!(size_of::<X>() == size_of::<Y>(), "BitCast: sizes") };
        bytemuck::cast_slice_mut::<Y, u8>(y).copy_from_slice(bytemuck::cast_slice(x));
    }
}

/// Element types that elements of type `X` can become: all from all.
pub trait CastFrom<X> {
    /// The value in this type.
    fn from_element(x: X) -> Self;
}

macro_rules! cast {
    ($($x:ty => $($y:ty)*: |$v:ident| $f:expr;)*) => {$($(
        impl CastFrom<$x> for $y {
            #[inline(always)]
            fn from_element($v: $x) -> $y {
                $f as $y
            }
        }
    )*)*};
}

/// Between integers, and from them to floats.
macro_rules! from_integers {
    ($($x:ty)*) => {$(
        cast! { $x => u8 u16 u32 u64 i8 i16 i32 i64 f32 f64: |x| x; }
        impl CastFrom<$x> for bool {
            #[inline(always)]
            fn from_element(x: $x) -> bool {
                x != 0
            }
        }
    )*};
}
from_integers!(u8 u16 u32 u64 i8 i16 i32 i64);

cast! {
    bool => u8 u16 u32 u64 i8 i16 i32 i64: |x| x;
    bool => f32 f64: |x| u8::from(x);
    f32 => f32 f64: |x| x;
    f64 => f32 f64: |x| x;
    f32 => i8 i16 i32 u8 u16: |x| single_to_i32(x);
    f64 => i8 i16 i32 u8 u16: |x| to_i32(x);
    f32 => i64: |x| to_i64(f64::from(x));
    f64 => i64: |x| to_i64(x);
    f32 => u32: |x| to_u32(f64::from(x));
    f64 => u32: |x| to_u32(x);
    f32 => u64: |x| to_u64(f64::from(x));
    f64 => u64: |x| to_u64(x);
}

impl CastFrom<bool> for bool {
    #[inline(always)]
    fn from_element(x: bool) -> bool {
        x
    }
}

/// As the x86 instruction that converts to 32 bits does.
#[inline(always)]
fn to_i32(x: f64) -> i32 {
    if x > -2_147_483_649.0 && x < 2_147_483_648.0 {
        x as i32
    } else {
        i32::MIN
    }
}

/// [`to_i32`] without the way through f64, which vectors cannot go.
#[inline(always)]
fn single_to_i32(x: f32) -> i32 {
    // the least i32 is an f32, and there is none between it and what is out of range
    if (-2_147_483_648.0..2_147_483_648.0).contains(&x) {
        x as i32
    } else {
        i32::MIN
    }
}

/// As the x86 instruction that converts to 64 bits does.
#[inline(always)]
fn to_i64(x: f64) -> i64 {
    if x < 9_223_372_036_854_775_808.0 {
        if x.is_nan() { i64::MIN } else { x as i64 }
    } else {
        i64::MIN
    }
}

/// The upper half of the range through the lower, with the top bit turned.
#[inline(always)]
fn to_u32(x: f64) -> u32 {
    const HALF: f64 = 2_147_483_648.0;
    if x >= HALF {
        to_i32(x - HALF) as u32 ^ 1 << 31
    } else {
        to_i32(x) as u32
    }
}

/// The upper half of the range through the lower, with the top bit turned.
#[inline(always)]
fn to_u64(x: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    if x >= HALF {
        to_i64(x - HALF) as u64 ^ 1 << 63
    } else {
        to_i64(x) as u64
    }
}

macro_rules! floats_to_bool {
    ($($x:ty)*) => {$(
        impl CastFrom<$x> for bool {
            #[inline(always)]
            fn from_element(x: $x) -> bool {
                x != <$x>::ZERO
            }
        }
    )*};
}
floats_to_bool!(f32 f64 F16 Bf16);

/// To and from the 16-bit floats, through f32.
macro_rules! halves {
    ($half:ty: $($t:ty)*) => {$(
        impl CastFrom<$half> for $t {
            #[inline(always)]
            fn from_element(x: $half) -> $t {
                <$t>::from_element(x.to_f32())
            }
        }
        impl CastFrom<$t> for $half {
            #[inline(always)]
            fn from_element(x: $t) -> $half {
                <$half>::from_f32(f32::from_element(x))
            }
        }
    )*};
}
halves!(F16: u8 u16 u32 u64 i8 i16 i32 i64 f32 f64);
halves!(Bf16: u8 u16 u32 u64 i8 i16 i32 i64 f32 f64);

macro_rules! between_halves {
    ($($x:ty => $y:ty;)*) => {$(
        impl CastFrom<$x> for $y {
            #[inline(always)]
            fn from_element(x: $x) -> $y {
                <$y>::from_f32(f32::from_element(x))
            }
        }
    )*};
}
between_halves! {
    F16 => F16;
    F16 => Bf16;
    Bf16 => F16;
    Bf16 => Bf16;
    bool => F16;
    bool => Bf16;
}
