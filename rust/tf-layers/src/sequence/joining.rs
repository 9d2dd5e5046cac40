//! The layers between a sequence and one tensor of all its items.

use super::{Item, Sequence};
use crate::cpu::Cpu;
use crate::{Error, Result};
use alloc::vec::Vec;

/// y = the items of x one behind the other along an axis, which may be a new one (ONNX `ConcatFromSequence`).
///
/// The items have one shape, but for the size of that axis if it is not new. An item of size 0 along it adds nothing, and its other
/// sizes may be any, as in onnxruntime: what a loop collects in no iteration has sizes that nothing says. (One that has no elements for
/// another reason is an error; onnxruntime makes room for it, and leaves there what was there.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConcatFromSequence<const K: usize> {
    /// The axis of y.
    pub axis: usize,
    /// Whether the items have no such axis.
    pub new_axis: bool,
    /// The axes of y whose sizes are known only when the model runs.
    pub open_axes: [usize; K],
}

impl<const K: usize> ConcatFromSequence<K> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// The sizes of y's open axes.
    ///
    /// # Errors
    /// [`Error::Size`] if there is no item, [`Error::SizeMismatch`] if their shapes differ.
    pub fn sizes<T>(&self, _cpu: Cpu, x: &Sequence<T>) -> Result<[usize; K]> {
        let Some(first) = self.example(x) else {
            let what = "items to join";
            return Err(Error::Size { what, value: 0 });
        };
        // the axes in front of the joined one, and behind it
        let behind = self.axis + usize::from(!self.new_axis);
        for item in x.iter().filter(|item| self.joined(item.shape) > 0) {
            for (axis, (&left, &right)) in first.shape.iter().zip(item.shape).enumerate() {
                if left != right && (axis < self.axis || axis >= behind) {
                    let what = "shapes of joined items";
                    return Err(Error::SizeMismatch { what, left, right });
                }
            }
        }
        Ok(self.open_axes.map(|axis| {
            if axis == self.axis {
                x.iter().map(|item| self.joined(item.shape)).sum()
            } else {
                first.shape[axis - usize::from(self.new_axis && axis > self.axis)]
            }
        }))
    }

    /// The item whose other sizes are y's: the first that adds something, or else the first.
    fn example<'a, T>(&self, x: &'a Sequence<T>) -> Option<Item<'a, T>> {
        let mut items = x.iter();
        items
            .find(|item| self.joined(item.shape) > 0)
            .or_else(|| x.get(0))
    }

    /// What an item adds to the joined axis.
    fn joined(&self, shape: &[usize]) -> usize {
        if self.new_axis { 1 } else { shape[self.axis] }
    }

    /// y = the items of x.
    ///
    /// # Errors
    /// As [`sizes`](Self::sizes).
    pub fn run<T: Clone>(&self, _cpu: Cpu, x: &Sequence<T>, y: &mut [T]) -> Result<()> {
        let Some(first) = self.example(x) else {
            return Ok(());
        };
        let outer = first.shape[..self.axis].iter().product::<usize>();
        let row = y.len() / outer.max(1);
        let mut from = 0;
        for item in x.iter() {
            let length = item.data.len() / outer.max(1);
            for k in 0..outer {
                y[k * row + from..][..length].clone_from_slice(&item.data[k * length..][..length]);
            }
            from += length;
        }
        Ok(())
    }
}

/// y = pieces of x along an axis (ONNX `SplitToSequence`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitToSequence {
    /// The axis.
    pub axis: usize,
    /// Whether pieces of size 1 keep the axis.
    pub keepdims: bool,
}

impl SplitToSequence {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = pieces of size 1; x has this shape.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no room for them.
    pub fn run<T: Clone, const R: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        x: &[T],
        y: &mut Sequence<T>,
    ) -> Result<()> {
        y.clear();
        (0..shape[self.axis]).try_for_each(|k| self.piece(shape, x, k, 1, self.keepdims, y))
    }

    /// y = pieces of a size, the last of which may be smaller.
    ///
    /// # Errors
    /// [`Error::Size`] if the size is not positive; as [`run`](Self::run).
    pub fn run_each<T: Clone, const R: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        x: &[T],
        size: &[i64],
        y: &mut Sequence<T>,
    ) -> Result<()> {
        let value = size.first().copied().unwrap_or(0);
        let size = usize::try_from(value).ok().filter(|&size| size > 0);
        let what = "the size of a piece";
        let size = size.ok_or(Error::Size { what, value })?;
        y.clear();
        let whole = shape[self.axis];
        (0..whole.div_ceil(size)).try_for_each(|k| {
            let from = k * size;
            self.piece(shape, x, from, size.min(whole - from), true, y)
        })
    }

    /// y = pieces of these sizes.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if they do not sum up to that of the axis; as [`run`](Self::run).
    pub fn run_parts<T: Clone, const R: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        x: &[T],
        parts: &[i64],
        y: &mut Sequence<T>,
    ) -> Result<()> {
        y.clear();
        let (mut from, whole) = (0, shape[self.axis]);
        for &value in parts {
            let what = "the size of a piece";
            let size = usize::try_from(value).map_err(|_| Error::Size { what, value })?;
            if size > whole - from {
                return Err(Error::SizeMismatch {
                    what: "the sizes of all pieces",
                    left: from.saturating_add(size),
                    right: whole,
                });
            }
            self.piece(shape, x, from, size, true, y)?;
            from += size;
        }
        if from == whole {
            return Ok(());
        }
        Err(Error::SizeMismatch {
            what: "the sizes of all pieces",
            left: from,
            right: whole,
        })
    }

    /// Adds the piece of this size from this place on.
    fn piece<T: Clone, const R: usize>(
        &self,
        shape: [usize; R],
        x: &[T],
        from: usize,
        size: usize,
        keepdims: bool,
        y: &mut Sequence<T>,
    ) -> Result<()> {
        let inner = shape[self.axis + 1..].iter().product::<usize>();
        let row = shape[self.axis] * inner;
        let mut own = shape;
        own[self.axis] = size;
        let fill = |room: &mut Vec<T>| {
            for row in x.chunks_exact(row.max(1)) {
                room.extend_from_slice(&row[from * inner..][..size * inner]);
            }
        };
        if keepdims {
            return y.push_with(&own, fill);
        }
        // without the axis: the sizes behind it move to the front by one
        own.copy_within(self.axis + 1.., self.axis);
        y.push_with(&own[..R - 1], fill)
    }
}
