//! The layers between tensors of a known rank and those of any.

use super::Unranked;
use crate::cpu::Cpu;
use crate::plain::plain;
use crate::{Error, Result};

plain! {
    /// y = x, whose rank nobody needs to know any more.
    Wrap;
    /// y = x: gives a tensor of any rank a buffer of its own where one is needed.
    UnrankedCopy;
    /// y `[n]` = the n elements of x.
    Elements;
    /// y = the elements of x in the shape of another tensor, which has as many.
    Like;
}

impl Wrap {
    /// y = x, which has this shape.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no room for it.
    pub fn run<T: Clone, const R: usize>(
        &self,
        _cpu: Cpu,
        shape: [usize; R],
        x: &[T],
        y: &mut Unranked<T>,
    ) -> Result<()> {
        y.set(&shape, x)
    }
}

impl UnrankedCopy {
    /// y = x.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no room for it.
    pub fn run<T: Clone>(&self, _cpu: Cpu, x: &Unranked<T>, y: &mut Unranked<T>) -> Result<()> {
        y.set(x.shape(), x.data())
    }
}

impl Elements {
    /// The number of elements.
    ///
    /// # Errors
    /// None; as every layer whose sizes the data decide.
    pub fn sizes<T>(&self, _cpu: Cpu, x: &Unranked<T>) -> Result<[usize; 1]> {
        Ok([x.data().len()])
    }

    /// y = the elements of x.
    pub fn run<T: Clone>(&self, _cpu: Cpu, x: &Unranked<T>, y: &mut [T]) {
        y.clone_from_slice(x.data());
    }
}

/// y = x, which must have this rank, and these sizes where they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranked<const R: usize, const K: usize> {
    /// The sizes; 0 for those that are not known.
    pub shape: [usize; R],
    /// The axes whose sizes are known only when the model runs.
    pub open_axes: [usize; K],
}

impl<const R: usize, const K: usize> Ranked<R, K> {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// The sizes of the open axes.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if x has another rank, or a size that is known is another one.
    pub fn sizes<T>(&self, _cpu: Cpu, x: &Unranked<T>) -> Result<[usize; K]> {
        let (what, found) = ("the number of axes", x.shape());
        if found.len() != R {
            let (left, right) = (found.len(), R);
            return Err(Error::SizeMismatch { what, left, right });
        }
        let what = "the size of an axis";
        for (axis, (&left, &right)) in found.iter().zip(&self.shape).enumerate() {
            if left != right && !self.open_axes.contains(&axis) {
                return Err(Error::SizeMismatch { what, left, right });
            }
        }
        Ok(self.open_axes.map(|axis| found[axis]))
    }

    /// y = x.
    ///
    /// # Errors
    /// As [`sizes`](Self::sizes).
    pub fn run<T: Clone>(&self, cpu: Cpu, x: &Unranked<T>, y: &mut [T]) -> Result<()> {
        self.sizes(cpu, x)?;
        y.clone_from_slice(x.data());
        Ok(())
    }
}

impl Like {
    /// y = x in the shape of `like`.
    ///
    /// # Errors
    /// [`Error::InputLength`] if it has not as many elements, [`Error::Memory`] if there is no room for it.
    pub fn run<T: Clone, U>(
        &self,
        _cpu: Cpu,
        x: &[T],
        like: &Unranked<U>,
        y: &mut Unranked<T>,
    ) -> Result<()> {
        y.set(like.shape(), x)
    }
}

/// y = the sizes of x's axes (ONNX `Shape`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeOf {
    /// The first axis, counted from the end if it is negative.
    pub start: i64,
    /// The axis behind the last one, counted from the end if it is negative.
    pub end: i64,
}

impl ShapeOf {
    /// Checks the parameters (there is nothing to check).
    #[must_use]
    pub const fn checked(self) -> Self {
        self
    }

    /// The number of these axes.
    ///
    /// # Errors
    /// None; as every layer whose sizes the data decide.
    pub fn sizes<T>(&self, _cpu: Cpu, x: &Unranked<T>) -> Result<[usize; 1]> {
        Ok([self.chosen(x.shape()).len()])
    }

    /// y = their sizes.
    pub fn run<T>(&self, _cpu: Cpu, x: &Unranked<T>, y: &mut [i64]) {
        for (y, &size) in y.iter_mut().zip(self.chosen(x.shape())) {
            *y = i64::try_from(size).unwrap_or(i64::MAX);
        }
    }

    /// The axes from `start` to `end`; what lies outside is cut off.
    fn chosen<'a>(&self, shape: &'a [usize]) -> &'a [usize] {
        let rank = i64::try_from(shape.len()).unwrap_or(i64::MAX);
        let [first, end] = [self.start, self.end].map(|k| {
            let from_first = if k < 0 { k.saturating_add(rank) } else { k };
            usize::try_from(from_first.clamp(0, rank)).unwrap_or(0)
        });
        shape.get(first..end).unwrap_or(&[])
    }
}
