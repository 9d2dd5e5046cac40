#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(all(feature = "layers", feature = "std")),
    allow(
        dead_code,
        unused_imports,
        rustdoc::broken_intra_doc_links,
        reason = "helpers, imports and links of what is off; with all of it on, they are checked"
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(feature = "base")]
pub mod activation;
#[cfg(feature = "attention")]
pub mod attention;
#[cfg(feature = "base")]
pub mod axis;
#[cfg(all(feature = "base", feature = "std"))]
pub mod bench;
#[cfg(feature = "binary")]
pub mod binary;
mod brief;
#[cfg(feature = "broadcast")]
mod broadcast;
#[cfg(feature = "npz")]
pub mod build;
#[cfg(feature = "cast")]
pub mod cast;
#[cfg(feature = "classical")]
pub mod classical;
#[cfg(feature = "npz")]
pub mod compare;
#[cfg(feature = "conv")]
pub mod conv;
#[cfg(feature = "base")]
pub mod cpu;
#[cfg(feature = "cumulative")]
pub mod cumulative;
#[cfg(feature = "dense")]
pub mod dense;
mod dtype;
mod embed;
mod error;
#[cfg(feature = "base")]
mod fixed;
#[cfg(not(feature = "std"))]
mod float;
#[cfg(feature = "gemm")]
mod gemm;
#[cfg(feature = "generator")]
pub mod generator;
#[cfg(feature = "npz")]
pub mod identity;
#[cfg(feature = "base")]
mod image;
#[cfg(feature = "indexing")]
pub mod indexing;
#[cfg(feature = "integer")]
pub mod integer;
#[cfg(feature = "maps")]
pub mod maps;
#[cfg(feature = "base")]
mod math;
#[cfg(feature = "matmul")]
pub mod matmul;
#[cfg(any(feature = "integer", feature = "matmul"))]
pub mod matrices;
#[cfg(feature = "movement")]
pub mod movement;
#[cfg(feature = "norm")]
pub mod norm;
#[cfg(feature = "npz")]
pub mod npz;
#[cfg(feature = "base")]
pub mod number;
pub mod pack;
#[cfg(feature = "unranked")]
mod plain;
#[cfg(feature = "pool")]
pub mod pool;
#[cfg(all(feature = "base", feature = "std"))]
pub mod process;
#[cfg(feature = "quantize")]
pub mod quantize;
#[cfg(feature = "rank")]
pub mod rank;
#[cfg(feature = "recurrent")]
pub mod recurrent;
#[cfg(feature = "reduce")]
pub mod reduce;
#[cfg(feature = "resize")]
pub mod resize;
#[cfg(feature = "scores")]
pub mod scores;
#[cfg(feature = "select")]
pub mod select;
#[cfg(feature = "sequence")]
pub mod sequence;
#[cfg(feature = "shape")]
pub mod shape;
#[cfg(feature = "base")]
pub mod signature;
#[cfg(feature = "base")]
mod slot;
#[cfg(feature = "softmax")]
pub mod softmax;
#[cfg(feature = "store")]
pub mod store;
#[cfg(feature = "svm")]
pub mod svm;
#[cfg(feature = "text")]
pub mod text;
#[cfg(feature = "base")]
pub mod top;
#[cfg(feature = "tree")]
pub mod tree;
#[cfg(feature = "unary")]
pub mod unary;
#[cfg(feature = "unranked")]
pub mod unranked;

pub use brief::Brief;
#[doc(hidden)]
pub use bytemuck;
#[cfg(feature = "base")]
pub use cpu::Cpu;
pub use embed::Aligned;
#[cfg(all(feature = "base", feature = "alloc"))]
pub use embed::Owned;
pub use error::{Error, Result};
#[cfg(feature = "base")]
pub use fixed::{Fixed, largest};
#[cfg(feature = "base")]
pub use number::{Bf16, F16};
#[cfg(feature = "sequence")]
pub use sequence::Sequence;
#[cfg(all(feature = "base", feature = "alloc"))]
pub use slot::Slot;
#[cfg(feature = "base")]
pub use slot::{
    Scratch, TensorView, check_input, check_lengths, elements, open_size, size, window_count,
};
#[cfg(feature = "base")]
pub use top::argmax;
#[cfg(all(feature = "base", feature = "alloc"))]
pub use top::top_k;
#[cfg(feature = "unranked")]
pub use unranked::Unranked;
