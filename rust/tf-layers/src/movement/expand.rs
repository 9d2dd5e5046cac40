//! Repeating elements: broadcasting and tiling.

use super::strided::{Walk, signed};
use crate::axis::strides;
use crate::cpu::Cpu;

/// y = x broadcast to `to`; ONNX `Expand`.
///
/// x `from`, y `to`: every axis of x is as long as y's or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expand<const R: usize>;

impl<const R: usize> Expand<R> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = x, repeated along its axes of size 1.
    pub fn run<T: Clone + 'static>(
        &self,
        _cpu: Cpu,
        source: [usize; R],
        x: &[T],
        target: [usize; R],
        y: &mut [T],
    ) {
        let strides = signed(source);
        Walk::dense(
            target,
            core::array::from_fn(|d| if source[d] == 1 { 0 } else { strides[d] }),
        )
        .copy(x, 0, y);
    }
}

/// A tensor of some shape that is repeated along its axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeated<const R: usize> {
    /// The tensor's shape.
    pub shape: [usize; R],
    /// How often along each axis.
    pub repeats: [usize; R],
}

/// y = x, `repeats[d]` times along axis d; ONNX `Tile`.
///
/// x `shape`, y `[shape[d] · repeats[d]]`. At most 8 axes (after collapsing).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile<const R: usize>;

impl<const R: usize> Tile<R> {
    /// Checks the rank; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        assert!(R <= 8, "Tile: rank");
        self
    }

    /// y = x, repeated.
    pub fn run<T: Clone + 'static>(
        &self,
        _cpu: Cpu,
        Repeated { shape, repeats }: Repeated<R>,
        x: &[T],
        y: &mut [T],
    ) {
        let from = signed(shape);
        let out: [usize; R] = core::array::from_fn(|d| shape[d] * repeats[d]);
        let to = strides(out);
        let mut walk = Walk::new();
        for d in 0..R {
            walk.push(repeats[d], 0, shape[d] * to[d]);
            walk.push(shape[d], from[d], to[d]);
        }
        walk.copy(x, 0, y);
    }
}
