//! Products of 8-bit integers, exact in 32 bits: what quantised models compute.
//!
//! Every product is `Σ (a − a_zero) · (b − b_zero)` in i32, wrapping as onnxruntime's does where it would overflow; there is no saturation on
//! the way.

mod conv;
mod matmul;
mod requantize;

pub use conv::{ConvInteger, ConvIntegerInputs};
pub use matmul::{MatMulInteger, MatMulIntegerInputs};
pub use requantize::{Requantize, RequantizeInputs};

/// An 8-bit element: u8 or i8.
pub trait Byte: Copy + Default + Into<i32> + Send + Sync + 'static {
    /// The nearest value; what is outside saturates. `value` is a whole number.
    fn saturated(value: f32) -> Self;
}

impl Byte for u8 {
    #[inline(always)]
    fn saturated(value: f32) -> Self {
        value as u8
    }
}

impl Byte for i8 {
    #[inline(always)]
    fn saturated(value: f32) -> Self {
        value as i8
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
