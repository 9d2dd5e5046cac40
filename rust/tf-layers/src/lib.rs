#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(feature = "kernels")]
pub mod activation;
#[cfg(feature = "kernels")]
pub mod bench;
#[cfg(feature = "kernels")]
pub mod binary;
#[cfg(feature = "kernels")]
mod broadcast;
#[cfg(feature = "npz")]
pub mod build;
#[cfg(feature = "kernels")]
pub mod cast;
#[cfg(feature = "npz")]
pub mod compare;
#[cfg(feature = "kernels")]
pub mod conv;
#[cfg(feature = "kernels")]
pub mod cpu;
#[cfg(feature = "kernels")]
pub mod dense;
mod embed;
mod error;
#[cfg(feature = "kernels")]
mod gemm;
#[cfg(feature = "kernels")]
pub mod integer;
#[cfg(feature = "kernels")]
mod math;
#[cfg(feature = "kernels")]
pub mod matmul;
#[cfg(feature = "kernels")]
pub mod movement;
#[cfg(feature = "kernels")]
pub mod norm;
#[cfg(feature = "npz")]
pub mod npz;
#[cfg(feature = "kernels")]
pub mod number;
#[cfg(feature = "npz")]
pub mod pack;
#[cfg(feature = "kernels")]
pub mod pool;
#[cfg(feature = "kernels")]
pub mod process;
#[cfg(feature = "kernels")]
pub mod quantize;
#[cfg(feature = "kernels")]
pub mod rank;
#[cfg(feature = "kernels")]
pub mod recurrent;
#[cfg(feature = "kernels")]
pub mod reduce;
#[cfg(feature = "kernels")]
pub mod scan;
#[cfg(feature = "kernels")]
pub mod select;
#[cfg(feature = "npz")]
pub mod signature;
#[cfg(feature = "kernels")]
mod slot;
#[cfg(feature = "kernels")]
pub mod softmax;
#[cfg(feature = "kernels")]
pub mod unary;

#[doc(hidden)]
pub use bytemuck;
#[cfg(feature = "kernels")]
pub use cpu::Cpu;
pub use embed::Aligned;
pub use error::{Error, Result};
#[cfg(feature = "kernels")]
pub use number::{Bf16, F16};
#[cfg(feature = "kernels")]
pub use slot::{Slot, TensorView, check_input, size, window_count};
