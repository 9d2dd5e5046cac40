//! Products of 8-bit integers, exact in 32 bits: what quantised models compute.
//!
//! Every product is `Σ (a − a_zero) · (b − b_zero)` in i32, wrapping as onnxruntime's does where it would overflow; there is no saturation on
//! the way.

mod conv;
mod dense;
mod images;
mod matmul;
mod packed;
mod requantize;

pub use conv::{ConvInteger, ConvIntegerInputs};
pub use dense::{IntegerDense, IntegerDenseInputs};
pub use images::{IntegerConv, IntegerConvInputs};
pub use matmul::{MatMulInteger, MatMulIntegerInputs};
pub use requantize::{Requantize, RequantizeInputs};

/// An 8-bit element: u8 or i8.
pub trait Byte: Copy + Default + Into<i32> + bytemuck::Pod + Send + Sync {
    /// What turns the byte into one without a sign, 128 larger if it had one: the bits to change.
    const SIGN: u8;

    /// The byte without a sign: 128 larger if it had one.
    #[inline(always)]
    fn unsigned(self) -> u8 {
        bytemuck::cast::<Self, u8>(self) ^ Self::SIGN
    }

    /// The bits.
    fn raw(values: &[Self]) -> &[u8] {
        bytemuck::cast_slice(values)
    }

    /// The elements, if they have no sign.
    fn bytes(values: &[Self]) -> Option<&[u8]> {
        (Self::SIGN == 0).then_some(Self::raw(values))
    }

    /// The nearest value; what is outside saturates.
    fn saturated(value: i32) -> Self;
}

impl Byte for u8 {
    const SIGN: u8 = 0;

    #[inline(always)]
    fn saturated(value: i32) -> Self {
        value.clamp(u8::MIN.into(), u8::MAX.into()) as u8
    }
}

impl Byte for i8 {
    const SIGN: u8 = 0x80;

    #[inline(always)]
    fn saturated(value: i32) -> Self {
        value.clamp(i8::MIN.into(), i8::MAX.into()) as i8
    }
}

/// Zero point `i` of a tensor that has none, one, or one a channel.
#[inline(always)]
fn zero_at<T: Byte>(zeros: Option<&[T]>, i: usize) -> i32 {
    match zeros {
        None => 0,
        Some([one]) => (*one).into(),
        Some(many) => many[i].into(),
    }
}
