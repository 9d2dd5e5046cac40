//! Repeating elements: broadcasting and tiling.

use super::reshape::broadcast_sizes;
use super::sizes::Repeated;
use super::strided::{Walk, signed, strides};
use crate::cpu::Cpu;
use crate::error::{Error, Result};
use crate::slot::size;

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

/// The shape that ONNX `Expand` gives where only the data say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpandSizes;

impl ExpandSizes {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// x's `shape` and `target` broadcast together.
    ///
    /// # Errors
    /// If a size is negative, or two sizes differ and neither is 1.
    pub fn sizes<const R: usize, const N: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        target: &[i64],
    ) -> Result<[usize; N]> {
        let mut wanted = [1; N];
        let first = N.checked_sub(target.len());
        let first = first.ok_or(Error::InputLength {
            name: "shape",
            expected: N,
            actual: target.len(),
        })?;
        for (wanted, &value) in wanted[first..].iter_mut().zip(target) {
            *wanted = size("an expanded axis", value)?;
        }
        broadcast_sizes(&shape, &wanted)
    }
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
