//! Between floats and the integers that stand for them: x ≈ (q − zero) · scale.
//!
//! Scale and zero point are broadcast against x: one for the tensor, one for each place along an axis, or one for each
//! block along it.

#[cfg(feature = "quantize-dynamic")]
mod dynamic;

#[cfg(feature = "quantize-dynamic")]
pub use dynamic::DynamicQuantizeLinear;

use crate::Result;
use crate::broadcast::Walk;
use crate::cpu::{Cpu, dispatch};
use crate::number::{Float, Number};

/// Integers that floats are quantised to.
pub trait Quantized: Number {
    /// The least, as i32.
    const LEAST: i32;
    /// The greatest, as i32.
    const GREATEST: i32;
    /// The lower bits.
    fn from_i32(q: i32) -> Self;
    /// Exactly.
    fn to_i32(self) -> i32;
}

macro_rules! quantized {
    ($($t:ty)*) => {$(
        impl Quantized for $t {
            const LEAST: i32 = <$t>::MIN as i32;
            const GREATEST: i32 = <$t>::MAX as i32;
            #[inline(always)]
            fn from_i32(q: i32) -> Self {
                q as $t
            }
            #[inline(always)]
            fn to_i32(self) -> i32 {
                self as i32
            }
        }
    )*};
}
quantized!(u8 i8 u16 i16 i32);

/// What [`QuantizeLinear`] and [`DequantizeLinear`] take: three tensors and their shapes, which have one rank. y has x's shape; an axis of
/// scale and zero point is as long as x's or 1.
#[derive(Debug, Clone, Copy)]
pub struct LinearInputs<'a, X, S, Z, const R: usize> {
    /// Shape of `x`.
    pub x_shape: [usize; R],
    /// Floats, or the integers that stand for them.
    pub x: &'a [X],
    /// Shape of `scale`.
    pub scale_shape: [usize; R],
    /// What a step of the integers is worth.
    pub scale: &'a [S],
    /// Shape of `zero`.
    pub zero_shape: [usize; R],
    /// The integer that stands for 0.
    pub zero: &'a [Z],
}

/// y = saturate(round(x / scale) + zero), ties to even (ONNX `QuantizeLinear`); NaN gives the least value.
#[derive(Debug, Clone, Copy)]
pub struct QuantizeLinear;

/// y = (x − zero) · scale (ONNX `DequantizeLinear`).
#[derive(Debug, Clone, Copy)]
pub struct DequantizeLinear;

macro_rules! runs {
    ($layer:ident, $x:ident: $x_bound:ident, $y:ident: $y_bound:ident, $scale:ty, $zero:ty, $f:expr) => {
        impl $layer {
            /// Checks the parameters (there is nothing to check).
            #[must_use]
            pub const fn checked(self) -> Self {
                self
            }

            /// Writes y.
            ///
            /// # Errors
            /// [`Error::SizeMismatch`](crate::Error::SizeMismatch) if scale or zero point do not fit x.
            pub fn run<$x: $x_bound, $y: $y_bound, const R: usize>(
                &self,
                cpu: Cpu,
                inputs: LinearInputs<$x, $scale, $zero, R>,
                y: &mut [$y],
            ) -> Result<()> {
                let LinearInputs { x, scale, zero, .. } = inputs;
                let shapes = [&inputs.x_shape, &inputs.scale_shape, &inputs.zero_shape];
                Walk::fitting(shapes, x.len())?;
                let walk = Walk::fitting(shapes, y.len())?;
                dispatch!(cpu.level, _ => rows(&walk, x, scale, zero, y, $f));
                Ok(())
            }
        }
    };
}
runs!(QuantizeLinear, X: Float, Y: Quantized, X, Y, quantize);
runs!(DequantizeLinear, X: Quantized, Y: Float, Y, X, dequantize);

/// y = f(x, scale, zero) over all rows.
#[inline(always)]
fn rows<X: Copy, S: Copy, Z: Copy, Y>(
    walk: &Walk<3>,
    x: &[X],
    scale: &[S],
    zero: &[Z],
    y: &mut [Y],
    f: impl Fn(X, S, Z) -> Y,
) {
    let n = walk.inner.len;
    let [_, step_s, step_z] = walk.inner.steps;
    walk.rows(
        #[inline(always)]
        |[at_x, at_s, at_z], at_y| {
            let (x, y) = (&x[at_x..][..n], &mut y[at_y..][..n]);
            if step_s == 0 && step_z == 0 {
                let (scale, zero) = (scale[at_s], zero[at_z]);
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = f(x, scale, zero);
                }
            } else {
                for (i, (y, &x)) in y.iter_mut().zip(x).enumerate() {
                    *y = f(x, scale[at_s + i * step_s], zero[at_z + i * step_z]);
                }
            }
        },
    );
}

/// 1.5·2²³: adding it rounds to an integer (ties to even) and leaves that integer in the low bits of the sum.
const ROUND: f32 = 12_582_912.0;

#[inline(always)]
fn quantize<X: Float, Y: Quantized>(x: X, scale: X, zero: Y) -> Y {
    const { assert!(size_of::<Y>() < 4, "QuantizeLinear: 8 or 16 bits") };
    let zero = zero.to_i32();
    // Saturating before the zero point is added: what is left fits ROUND's low bits.
    let (low, high) = ((Y::LEAST - zero) as f32, (Y::GREATEST - zero) as f32);
    let q = x.to_f32() / scale.to_f32();
    let q = if q > low { q } else { low };
    let q = if q < high { q } else { high };
    Y::from_i32((q + ROUND).to_bits() as i32 - ROUND.to_bits() as i32 + zero)
}

#[inline(always)]
fn dequantize<X: Quantized, Y: Float>(x: X, scale: Y, zero: X) -> Y {
    Y::from_f32(x.to_i32().wrapping_sub(zero.to_i32()) as f32 * scale.to_f32())
}
