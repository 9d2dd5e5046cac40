//! All of tf-layers, whatever features are asked for: crates with different features share one build of it in the tests.
#![no_std]

pub use tf_layers::*;
