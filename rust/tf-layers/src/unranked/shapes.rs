//! Layers that give a tensor a shape whose length is known only when the model runs. Shapes are i64 tensors here, x's own too.

use super::Unranked;
use crate::cpu::Cpu;
use crate::plain::plain;
use crate::shape::{broadcast_axis, reshaped};
use crate::slot::size;
use crate::{Error, Result};

plain! {
    /// The shape that two shapes broadcast to.
    BroadcastShapes;
    /// y = x broadcast to a shape (ONNX `Expand`).
    Expand;
    /// y = x without axes of size 1 (ONNX `Squeeze`).
    Squeeze;
    /// y = x with further axes of size 1 (ONNX `Unsqueeze`).
    Unsqueeze;
}

impl BroadcastShapes {
    /// The rank.
    ///
    /// # Errors
    /// None; as every layer whose sizes the data decide.
    pub fn sizes(&self, _cpu: Cpu, a: &[i64], b: &[i64]) -> Result<[usize; 1]> {
        Ok([a.len().max(b.len())])
    }

    /// y = the shape that a and b broadcast to.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if two sizes differ and neither is 1, [`Error::Size`] if one is negative.
    pub fn run(&self, _cpu: Cpu, a: &[i64], b: &[i64], y: &mut [i64]) -> Result<()> {
        let rank = y.len();
        for (axis, y) in y.iter_mut().enumerate() {
            let joined = broadcast_axis(from_end(a, rank, axis)?, from_end(b, rank, axis)?)?;
            *y = i64::try_from(joined).unwrap_or(i64::MAX);
        }
        Ok(())
    }
}

impl Expand {
    /// y = x, which has this shape, broadcast together with the target.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if two sizes differ and neither is 1, [`Error::Size`] if one is negative or there are too many elements,
    /// [`Error::Memory`] if there is no room for them.
    pub fn run<T: Clone>(
        &self,
        _cpu: Cpu,
        x: &[T],
        shape: &[i64],
        target: &[i64],
        y: &mut Unranked<T>,
    ) -> Result<()> {
        let rank = shape.len().max(target.len());
        let sizes = (0..rank).map(|axis| {
            broadcast_axis(from_end(shape, rank, axis)?, from_end(target, rank, axis)?)
        });
        y.set_with(sizes, |out, room| {
            // axes of x, counted from the last; those that it lacks have one place
            let of_x = |axis: usize| from_end(shape, rank, axis).unwrap_or(1);
            let whole = (0..rank).rev().take_while(|&k| of_x(k) == out[k]).count();
            let block: usize = out[rank - whole..].iter().product();
            let count: usize = out[..rank - whole].iter().product();
            for number in 0..count {
                let (mut rest, mut from, mut stride) = (number, 0, block);
                for axis in (0..rank - whole).rev() {
                    let place = rest % out[axis];
                    rest /= out[axis];
                    from += if of_x(axis) == 1 { 0 } else { place * stride };
                    stride *= of_x(axis);
                }
                room.extend_from_slice(&x[from..][..block]);
            }
        })
    }
}

impl Squeeze {
    /// y = x, which has this shape, without the axes that have one place.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no room for it.
    pub fn run<T: Clone>(
        &self,
        _cpu: Cpu,
        x: &[T],
        shape: &[i64],
        y: &mut Unranked<T>,
    ) -> Result<()> {
        let sizes = shape.iter().filter(|&&size| size != 1);
        let sizes = sizes.map(|&n| size("an axis", n));
        y.set_with(sizes, |_, room| room.extend_from_slice(x))
    }

    /// y = x, which has this shape, without these axes, counted from the last if they are negative.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] if there is no such axis, [`Error::SizeMismatch`] if one has not one place;
    /// as [`run`](Self::run).
    pub fn run_axes<T: Clone>(
        &self,
        _cpu: Cpu,
        x: &[T],
        shape: &[i64],
        axes: &[i64],
        y: &mut Unranked<T>,
    ) -> Result<()> {
        for &axis in axes {
            let found = size("an axis", shape[place(axis, shape.len())?])?;
            if found != 1 {
                let what = "a squeezed axis";
                return Err(Error::SizeMismatch {
                    what,
                    left: found,
                    right: 1,
                });
            }
        }
        let kept = (0..shape.len()).filter(|&k| !named(k, axes, shape.len()));
        let sizes = kept.map(|k| size("an axis", shape[k]));
        y.set_with(sizes, |_, room| room.extend_from_slice(x))
    }
}

impl Unsqueeze {
    /// y = x, which has this shape, with axes of one place at these places of y, counted from its last if they are negative.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] if y has no such axis, or it is named twice; [`Error::Memory`] if there is no room for it.
    pub fn run<T: Clone>(
        &self,
        _cpu: Cpu,
        x: &[T],
        shape: &[i64],
        axes: &[i64],
        y: &mut Unranked<T>,
    ) -> Result<()> {
        let rank = shape.len() + axes.len();
        for (k, &axis) in axes.iter().enumerate() {
            let at = place(axis, rank)?;
            if named(at, &axes[..k], rank) {
                return Err(Error::IndexOutOfRange {
                    index: axis,
                    size: rank,
                });
            }
        }
        let mut sizes = shape.iter();
        let sizes = (0..rank).map(|k| {
            let new = named(k, axes, rank);
            size("an axis", if new { 1 } else { *sizes.next().unwrap_or(&1) })
        });
        y.set_with(sizes, |_, room| room.extend_from_slice(x))
    }
}

/// y = x under another shape (ONNX `Reshape`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reshape {
    /// Whether a 0 means an empty axis; otherwise it keeps the input's size.
    pub allow_zero: bool,
}

impl Reshape {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = x, which has this shape, under the one that the target says: 0 keeps an axis, one −1 takes what remains.
    ///
    /// # Errors
    /// If the target has other negative numbers or two −1, or does not hold x's elements; [`Error::Memory`] if there is no room for them.
    pub fn run<T: Clone>(
        &self,
        _cpu: Cpu,
        x: &[T],
        shape: &[i64],
        target: &[i64],
        y: &mut Unranked<T>,
    ) -> Result<()> {
        let old = |axis: usize| shape.get(axis).and_then(|&n| usize::try_from(n).ok());
        let free = reshaped(self.allow_zero, x.len(), old, target)?;
        let sizes = target.iter().enumerate().map(|(axis, &size)| match size {
            -1 => Ok(free),
            0 if !self.allow_zero => Ok(old(axis).unwrap_or(0)),
            size => crate::slot::size("a reshaped axis", size),
        });
        y.set_with(sizes, |_, room| room.extend_from_slice(x))
    }
}

/// The size at an axis of a shape that is aligned at its last axis with one of this rank.
fn from_end(shape: &[i64], rank: usize, axis: usize) -> Result<usize> {
    let at = (axis + shape.len()).checked_sub(rank);
    at.map_or(Ok(1), |k| size("an axis", shape[k]))
}

/// The axis that a number means, counted from the last if it is negative.
fn place(axis: i64, rank: usize) -> Result<usize> {
    let count = i64::try_from(rank).unwrap_or(i64::MAX);
    let from_first = if axis < 0 {
        axis.saturating_add(count)
    } else {
        axis
    };
    usize::try_from(from_first)
        .ok()
        .filter(|&k| k < rank)
        .ok_or(Error::IndexOutOfRange {
            index: axis,
            size: rank,
        })
}

/// Whether one of the axes is this place.
fn named(at: usize, axes: &[i64], rank: usize) -> bool {
    axes.iter().any(|&axis| place(axis, rank) == Ok(at))
}
