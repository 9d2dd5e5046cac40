//! Permuting axes.

use super::strided::{Walk, signed};
use crate::cpu::Cpu;

/// y's axis d is x's axis `perm[d]`; ONNX `Transpose`, also `DepthToSpace` and `SpaceToDepth`.
///
/// x `[shape[0], …]`, y `[shape[perm[0]], …]`. Axes that stay together should be collapsed into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transpose<const R: usize> {
    /// For each axis of y, the axis of x.
    pub perm: [usize; R],
}

impl<const R: usize> Transpose<R> {
    /// Checks that `perm` is a permutation; in a constant a mistake is a compile error.
    #[must_use]
    pub const fn checked(self) -> Self {
        let mut seen = [false; R];
        let mut d = 0;
        while d < R {
            assert!(self.perm[d] < R && !seen[self.perm[d]], "Transpose: perm");
            seen[self.perm[d]] = true;
            d += 1;
        }
        self
    }

    /// y = x with its axes permuted; `shape` is x's.
    pub fn run<T: Clone + 'static>(&self, _cpu: Cpu, shape: [usize; R], x: &[T], y: &mut [T]) {
        let strides = signed(shape);
        let walk = Walk::dense(self.perm.map(|d| shape[d]), self.perm.map(|d| strides[d]));
        walk.copy(x, 0, y);
    }
}
