//! A tensor seen from one of its axes, as layers take it that work along an axis.

/// A tensor `[outer, axis, inner]`, seen from one of its axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlongAxis {
    /// What stands in front of the axis.
    pub outer: usize,
    /// The axis.
    pub axis: usize,
    /// What stands behind it.
    pub inner: usize,
}

impl AlongAxis {
    /// The last axis of a tensor `[outer, axis]`.
    #[must_use]
    pub const fn last([outer, axis]: [usize; 2]) -> Self {
        Self {
            outer,
            axis,
            inner: 1,
        }
    }
}

impl From<[usize; 3]> for AlongAxis {
    fn from([outer, axis, inner]: [usize; 3]) -> Self {
        Self { outer, axis, inner }
    }
}

/// How far neighbours along each axis of a dense tensor lie apart.
pub(crate) fn strides<const R: usize>(shape: [usize; R]) -> [usize; R] {
    let mut strides = [1; R];
    for d in (1..R).rev() {
        strides[d - 1] = strides[d] * shape[d];
    }
    strides
}
