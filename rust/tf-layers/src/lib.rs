#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(feature = "npz")]
pub mod build;
mod embed;
mod error;
#[cfg(feature = "npz")]
pub mod npz;
#[cfg(feature = "npz")]
pub mod pack;

#[cfg(feature = "kernels")]
pub mod activation;
#[cfg(feature = "kernels")]
pub mod cpu;
#[cfg(feature = "kernels")]
pub mod dense;
#[cfg(feature = "kernels")]
pub mod movement;
#[cfg(feature = "kernels")]
pub mod pool;
#[cfg(feature = "kernels")]
mod slot;

pub use embed::Aligned;
#[doc(hidden)]
pub use bytemuck;
pub use error::{Error, Result};

#[cfg(feature = "kernels")]
pub use cpu::Cpu;
#[cfg(feature = "kernels")]
pub use slot::{Slot, TensorView};
