//! Powers, whose operands need not have one type.

use crate::Result;
use crate::broadcast::Walk;
use crate::cpu::Cpu;
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::number::Number;

/// y = aᵇ (ONNX `Pow`): y has a's type, b may have another. Calculated in f64 unless both are f32.
#[derive(Debug, Clone, Copy)]
pub struct Pow;

impl Pow {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = aᵇ
    ///
    /// # Errors
    /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) if the shapes cannot be broadcast.
    pub fn run<T: Power, E: Number, const R: usize>(
        &self,
        cpu: Cpu,
        a_shape: [usize; R],
        a: &[T],
        b_shape: [usize; R],
        b: &[E],
        y: &mut [T],
    ) -> Result<()> {
        Walk::fitting([&a_shape, &b_shape], y.len())?;
        self.run_known(cpu, a_shape, a, b_shape, b, y);
        Ok(())
    }

    /// y = aᵇ, for shapes that fit.
    pub fn run_known<T: Power, E: Number, const R: usize>(
        &self,
        cpu: Cpu,
        a_shape: [usize; R],
        a: &[T],
        b_shape: [usize; R],
        b: &[E],
        y: &mut [T],
    ) {
        let walk = Walk::new([&a_shape, &b_shape]);
        // A single exponent is nearly always 2, which is a product.
        match b {
            [b] if b.to_f64() == 2.0 => walk.combine(cpu, a, b_as_unit(b), y, |a, _| a.times(a)),
            _ => walk.combine(cpu, a, b, y, T::power),
        }
    }

    /// a = aᵇ; the result has a's shape.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn run_in_place<T: Power, E: Number, const R: usize>(
        &self,
        cpu: Cpu,
        a_shape: [usize; R],
        a: &mut [T],
        b_shape: [usize; R],
        b: &[E],
    ) -> Result<()> {
        Walk::fitting([&a_shape, &b_shape], a.len())?;
        self.run_known_in_place(cpu, a_shape, a, b_shape, b);
        Ok(())
    }

    /// a = aᵇ, for shapes that fit; the result has a's shape.
    pub fn run_known_in_place<T: Power, E: Number, const R: usize>(
        &self,
        cpu: Cpu,
        a_shape: [usize; R],
        a: &mut [T],
        b_shape: [usize; R],
        b: &[E],
    ) {
        let walk = Walk::new([&a_shape, &b_shape]);
        match b {
            [b] if b.to_f64() == 2.0 => {
                walk.combine_in_place(cpu, b_as_unit(b), a, |a, _| a.times(a))
            }
            _ => walk.combine_in_place(cpu, b, a, T::power),
        }
    }
}

/// The exponent where its value no longer matters.
fn b_as_unit<E>(b: &E) -> &[E] {
    core::slice::from_ref(b)
}

/// Elements that can be raised to a power.
pub trait Power: Number {
    /// aᵇ
    fn power<E: Number>(self, exponent: E) -> Self;
}

impl Power for f32 {
    #[inline(always)]
    fn power<E: Number>(self, exponent: E) -> Self {
        // powf of an f32 and the nearest f32: what onnxruntime calculates.
        self.powf(exponent.to_f64() as f32)
    }
}

macro_rules! power_in_f64 {
    ($($t:ty)*) => {$(
        impl Power for $t {
            #[inline(always)]
            fn power<E: Number>(self, exponent: E) -> Self {
                Self::from_f64(self.to_f64().powf(exponent.to_f64()))
            }
        }
    )*};
}
power_in_f64!(u8 u16 u32 u64 i8 i16 i32 i64 f64 crate::F16 crate::Bf16);
