//! The layers that read and fill sequences.

use super::Sequence;
use crate::cpu::Cpu;
use crate::plain::plain;
use crate::{Error, Result, Unranked};

/// The place that a position means in a sequence of `len` items, counted from the end if it is negative; `end` is what it must be below.
fn place(position: &[i64], len: usize, end: usize) -> Result<usize> {
    let &[position] = position else {
        return Err(Error::SizeMismatch {
            what: "a position",
            left: position.len(),
            right: 1,
        });
    };
    let count = i64::try_from(len).unwrap_or(i64::MAX);
    let place = if position < 0 {
        position.saturating_add(count)
    } else {
        position
    };
    usize::try_from(place)
        .ok()
        .filter(|&place| place < end)
        .ok_or(Error::IndexOutOfRange {
            index: position,
            size: len,
        })
}

plain! {
    /// The sequence without items (ONNX `SequenceEmpty`).
    SequenceEmpty;
    /// y = x: gives a sequence a buffer of its own where one is needed.
    SequenceCopy;
    /// y = the items of x and a tensor among them (ONNX `SequenceInsert`).
    SequenceInsert;
    /// y = the items of x but one (ONNX `SequenceErase`).
    SequenceErase;
    /// y = the items of x and a tensor of any rank among them (ONNX `SequenceInsert`).
    SequenceInsertUnranked;
    /// y = the item of x at a position (ONNX `SequenceAt`), whatever its rank.
    SequenceAtUnranked;
    /// y `[]` = the number of items (ONNX `SequenceLength`).
    SequenceLength;
    /// y `[]` = whether there is an item (ONNX `OptionalHasElement`): an optional tensor is a sequence of one item at most.
    OptionalHasElement;
}

impl SequenceEmpty {
    /// y = a sequence without items.
    pub fn run<T>(&self, _cpu: Cpu, y: &mut Sequence<T>) {
        y.clear();
    }
}

impl SequenceCopy {
    /// y = x.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no room for the items.
    pub fn run<T: Clone>(&self, _cpu: Cpu, x: &Sequence<T>, y: &mut Sequence<T>) -> Result<()> {
        y.copy_from(x)
    }
}

impl SequenceInsert {
    /// y = the items of x, and behind them a tensor.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no room for the items.
    pub fn run<T: Clone, const R: usize>(
        &self,
        cpu: Cpu,
        shape: [usize; R],
        x: &Sequence<T>,
        tensor: &[T],
        y: &mut Sequence<T>,
    ) -> Result<()> {
        y.copy_from(x)?;
        self.run_in_place(cpu, shape, y, tensor)
    }

    /// Adds the tensor behind the items of y.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_in_place<T: Clone, const R: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        y: &mut Sequence<T>,
        tensor: &[T],
    ) -> Result<()> {
        y.push(&shape, tensor)
    }

    /// y = the items of x, and a tensor in front of the one at `position`, which counts from the end if it is negative.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] if the position is beyond the items; as [`run`](Self::run).
    pub fn run_at<T: Clone, const R: usize>(
        &self,
        cpu: Cpu,
        shape: [usize; R],
        x: &Sequence<T>,
        tensor: &[T],
        position: &[i64],
        y: &mut Sequence<T>,
    ) -> Result<()> {
        y.copy_from(x)?;
        self.run_at_in_place(cpu, shape, y, tensor, position)
    }

    /// Adds the tensor in front of the item of y at `position`.
    ///
    /// # Errors
    /// As [`run_at`](Self::run_at).
    pub fn run_at_in_place<T: Clone, const R: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        y: &mut Sequence<T>,
        tensor: &[T],
        position: &[i64],
    ) -> Result<()> {
        let place = place(position, y.len(), y.len() + 1)?;
        y.push(&shape, tensor)?;
        y.move_last(place);
        Ok(())
    }
}

impl SequenceInsertUnranked {
    /// y = the items of x, and behind them a tensor.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no room for the items.
    pub fn run<T: Clone>(
        &self,
        cpu: Cpu,
        x: &Sequence<T>,
        tensor: &Unranked<T>,
        y: &mut Sequence<T>,
    ) -> Result<()> {
        y.copy_from(x)?;
        self.run_in_place(cpu, y, tensor)
    }

    /// Adds the tensor behind the items of y.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_in_place<T: Clone>(
        &self,
        _cpu: Cpu,
        y: &mut Sequence<T>,
        tensor: &Unranked<T>,
    ) -> Result<()> {
        y.push(tensor.shape(), tensor.data())
    }

    /// y = the items of x, and a tensor in front of the one at `position`, which counts from the end if it is negative.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] if the position is beyond the items; as [`run`](Self::run).
    pub fn run_at<T: Clone>(
        &self,
        cpu: Cpu,
        x: &Sequence<T>,
        tensor: &Unranked<T>,
        position: &[i64],
        y: &mut Sequence<T>,
    ) -> Result<()> {
        y.copy_from(x)?;
        self.run_at_in_place(cpu, y, tensor, position)
    }

    /// Adds the tensor in front of the item of y at `position`.
    ///
    /// # Errors
    /// As [`run_at`](Self::run_at).
    pub fn run_at_in_place<T: Clone>(
        &self,
        _cpu: Cpu,
        y: &mut Sequence<T>,
        tensor: &Unranked<T>,
        position: &[i64],
    ) -> Result<()> {
        let place = place(position, y.len(), y.len() + 1)?;
        y.push(tensor.shape(), tensor.data())?;
        y.move_last(place);
        Ok(())
    }
}

impl SequenceErase {
    /// y = the items of x but the last.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] if there is no item, [`Error::Memory`] if there is no room for the others.
    pub fn run<T: Clone>(&self, cpu: Cpu, x: &Sequence<T>, y: &mut Sequence<T>) -> Result<()> {
        self.run_at(cpu, x, &[-1], y)
    }

    /// Removes the last item of y.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] if there is none.
    pub fn run_in_place<T: Clone>(&self, cpu: Cpu, y: &mut Sequence<T>) -> Result<()> {
        self.run_at_in_place(cpu, y, &[-1])
    }

    /// y = the items of x but the one at `position`, which counts from the end if it is negative.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] if there is no such item, [`Error::Memory`] if there is no room for the others.
    pub fn run_at<T: Clone>(
        &self,
        _cpu: Cpu,
        x: &Sequence<T>,
        position: &[i64],
        y: &mut Sequence<T>,
    ) -> Result<()> {
        let place = place(position, x.len(), x.len())?;
        y.clear();
        y.extend(x, 0..place)?;
        y.extend(x, place + 1..x.len())
    }

    /// Removes the item of y at `position`.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] if there is no such item.
    pub fn run_at_in_place<T: Clone>(
        &self,
        _cpu: Cpu,
        y: &mut Sequence<T>,
        position: &[i64],
    ) -> Result<()> {
        y.remove(place(position, y.len(), y.len())?);
        Ok(())
    }
}

impl OptionalHasElement {
    /// y = whether x has an item.
    pub fn run<T>(&self, _cpu: Cpu, x: &Sequence<T>, y: &mut [bool]) {
        y.fill(!x.is_empty());
    }
}

impl SequenceLength {
    /// y = the number of items of x.
    pub fn run<T>(&self, _cpu: Cpu, x: &Sequence<T>, y: &mut [i64]) {
        y.fill(i64::try_from(x.len()).unwrap_or(i64::MAX));
    }
}

/// y = a sequence of some tensors (ONNX `SequenceConstruct`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceConstruct<const N: usize> {
    /// The number of axes of each.
    pub ranks: [usize; N],
}

impl<const N: usize> SequenceConstruct<N> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// y = the tensors; `shapes` are theirs, one behind the other.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no room for them.
    pub fn run<T: Clone, const S: usize>(
        &self,
        _cpu: Cpu,
        shapes: [usize; S],
        tensors: &[&[T]],
        y: &mut Sequence<T>,
    ) -> Result<()> {
        y.clear();
        let mut rest = &shapes[..];
        for (&rank, tensor) in self.ranks.iter().zip(tensors) {
            let (shape, others) = rest.split_at(rank);
            y.push(shape, tensor)?;
            rest = others;
        }
        Ok(())
    }
}

/// y = the item of x at a position (ONNX `SequenceAt`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceAt<const K: usize> {
    /// The axes whose sizes are known only when the model runs.
    pub open_axes: [usize; K],
}

impl<const K: usize> SequenceAt<K> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// The sizes of the item's open axes.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] if there is no such item.
    pub fn sizes<T>(&self, _cpu: Cpu, x: &Sequence<T>, position: &[i64]) -> Result<[usize; K]> {
        let shape = item(x, position)?.shape;
        Ok(self.open_axes.map(|axis| shape[axis]))
    }

    /// y = the item of x at `position`, which counts from the end if it is negative.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] if there is no such item.
    pub fn run<T: Clone>(
        &self,
        _cpu: Cpu,
        x: &Sequence<T>,
        position: &[i64],
        y: &mut [T],
    ) -> Result<()> {
        y.clone_from_slice(item(x, position)?.data);
        Ok(())
    }
}

/// The item at a position.
fn item<'a, T>(x: &'a Sequence<T>, position: &[i64]) -> Result<super::Item<'a, T>> {
    let place = place(position, x.len(), x.len())?;
    x.get(place).ok_or(Error::IndexOutOfRange {
        index: position[0],
        size: x.len(),
    })
}

impl SequenceAtUnranked {
    /// y = the item of x at `position`, which counts from the end if it is negative.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`] if there is no such item, [`Error::Memory`] if there is no room for it.
    pub fn run<T: Clone>(
        &self,
        _cpu: Cpu,
        x: &Sequence<T>,
        position: &[i64],
        y: &mut Unranked<T>,
    ) -> Result<()> {
        let item = item(x, position)?;
        y.set(item.shape, item.data)
    }
}
