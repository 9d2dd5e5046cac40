//! Activation functions: as layers of their own, and as the last step (epilogue) of a product.

use crate::cpu::{Cpu, Simd, dispatch, prelude::*};

/// An elementwise function of f32, with its parameters.
///
/// Products ([`Dense`](crate::dense::Dense), convolutions) take one and apply it while the tile is still in registers or
/// in the first-level cache; [`Activate`] applies one by itself. NaN stays NaN everywhere.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// x
    Linear,
    /// max(x, 0)
    Relu,
}

impl Activation {
    /// Applies the function to every element of `y`.
    pub fn apply(self, cpu: Cpu, y: &mut [f32]) {
        dispatch!(cpu.level, s => self.apply_at(s, y));
    }

    /// [`apply`](Self::apply) inside code that already runs at a level.
    #[inline(always)]
    pub(crate) fn apply_at<S: Simd>(self, s: S, y: &mut [f32]) {
        match self {
            Activation::Linear => {}
            Activation::Relu => map(
                s,
                y,
                #[inline(always)]
                |v| S::f32s::splat(s, 0.0).max(v),
                #[inline(always)]
                |v| if v < 0.0 { 0.0 } else { v },
            ),
        }
    }
}

/// Applies `vector` to whole vectors of `y` and `scalar` to the tail.
#[inline(always)]
fn map<S: Simd>(
    s: S,
    y: &mut [f32],
    vector: impl Fn(S::f32s) -> S::f32s,
    scalar: impl Fn(f32) -> f32,
) {
    let mut chunks = y.chunks_exact_mut(S::f32s::LEN);
    for chunk in &mut chunks {
        vector(S::f32s::from_slice(s, chunk)).store_slice(chunk);
    }
    for v in chunks.into_remainder() {
        *v = scalar(*v);
    }
}

/// An activation as a layer: y = activation(x), any shape.
#[derive(Debug, Clone, Copy)]
pub struct Activate {
    /// The function.
    pub activation: Activation,
}

impl Activate {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = activation(x); `x` and `y` have the same length.
    pub fn run(&self, cpu: Cpu, x: &[f32], y: &mut [f32]) {
        y.copy_from_slice(x);
        self.run_in_place(cpu, y);
    }

    /// x = activation(x)
    pub fn run_in_place(&self, cpu: Cpu, x: &mut [f32]) {
        self.activation.apply(cpu, x);
    }
}
