//! The two 16-bit floats.

use core::cmp::Ordering;
use core::fmt;

/// IEEE 754 half precision: 1 sign bit, 5 of exponent, 10 of fraction (ONNX `FLOAT16`). Calculates through f32.
#[derive(Clone, Copy, Default)]
#[repr(transparent)]
pub struct F16(pub u16);

/// The upper half of an f32: 1 sign bit, 8 of exponent, 7 of fraction (ONNX `BFLOAT16`). Calculates through f32.
#[derive(Clone, Copy, Default)]
#[repr(transparent)]
pub struct Bf16(pub u16);

impl F16 {
    pub(crate) const CONST_ZERO: Self = F16(0);
    pub(crate) const CONST_ONE: Self = F16(0x3c00);
    /// ∞
    pub const INFINITY: Self = F16(0x7c00);
    /// −∞
    pub const NEG_INFINITY: Self = F16(0xfc00);

    /// Rounds to the nearest, ties to even; beyond 65,520 to ∞.
    #[inline(always)]
    #[must_use]
    pub const fn from_f32(value: f32) -> Self {
        let bits = value.to_bits();
        let sign = (bits >> 16 & 0x8000) as u16;
        let size = bits & 0x7fff_ffff;
        let half = if size > 0x7f80_0000 {
            // A NaN stays one, quiet, with the top of its payload.
            0x7e00 | (size >> 13 & 0x3ff) as u16
        } else if size >= 0x477f_f000 {
            0x7c00
        } else if size < 0x3880_0000 {
            // Below 2⁻¹⁴: the spacing at 0.5 is 2⁻²⁴, that of our subnormals, so adding 0.5 rounds to them.
            ((f32::from_bits(size) + 0.5).to_bits() - 0.5f32.to_bits()) as u16
        } else {
            // Half a unit (less one, plus the last bit kept: ties to even), and the exponent's bias from 127 to 15.
            ((size + 0xfff + (size >> 13 & 1) - (112 << 23)) >> 13) as u16
        };
        F16(sign | half)
    }

    /// Exactly.
    #[inline(always)]
    #[must_use]
    pub const fn to_f32(self) -> f32 {
        let sign = (self.0 as u32 & 0x8000) << 16;
        let size = self.0 as u32 & 0x7fff;
        let wide = if size >= 0x7c00 {
            0x7f80_0000 | (size & 0x3ff) << 13
        } else if size < 0x400 {
            // A multiple of 2⁻²⁴.
            (size as f32 * f32::from_bits((127 - 24) << 23)).to_bits()
        } else {
            (size << 13) + (112 << 23)
        };
        f32::from_bits(sign | wide)
    }
}

impl Bf16 {
    pub(crate) const CONST_ZERO: Self = Bf16(0);
    pub(crate) const CONST_ONE: Self = Bf16(0x3f80);
    /// ∞
    pub const INFINITY: Self = Bf16(0x7f80);
    /// −∞
    pub const NEG_INFINITY: Self = Bf16(0xff80);

    /// Rounds to the nearest, ties to even.
    #[inline(always)]
    #[must_use]
    pub const fn from_f32(value: f32) -> Self {
        let bits = value.to_bits();
        if value.is_nan() {
            return Bf16((bits >> 16) as u16 | 0x40);
        }
        Bf16(((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16)
    }

    /// Exactly.
    #[inline(always)]
    #[must_use]
    pub const fn to_f32(self) -> f32 {
        f32::from_bits((self.0 as u32) << 16)
    }
}

macro_rules! as_numbers {
    ($($t:ty)*) => {$(
        impl PartialEq for $t {
            #[inline(always)]
            fn eq(&self, other: &Self) -> bool {
                self.to_f32() == other.to_f32()
            }
        }
        impl PartialOrd for $t {
            #[inline(always)]
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                self.to_f32().partial_cmp(&other.to_f32())
            }
        }
        impl fmt::Debug for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.to_f32(), f)
            }
        }
        impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.to_f32(), f)
            }
        }
        impl From<$t> for f32 {
            fn from(value: $t) -> f32 {
                value.to_f32()
            }
        }
        impl From<$t> for f64 {
            fn from(value: $t) -> f64 {
                f64::from(value.to_f32())
            }
        }
    )*};
}
as_numbers!(F16 Bf16);
