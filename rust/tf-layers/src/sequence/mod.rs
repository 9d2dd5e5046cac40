//! Sequences of tensors: ONNX's `Sequence*`, `ConcatFromSequence` and `SplitToSequence`.
//!
//! A [`Sequence`] holds tensors of one element type, each with a shape of its own. The layers here read sequences and fill others; a workspace
//! keeps them, so that nothing is allocated for sequences that are no longer than those before.

mod joining;
mod layers;

pub use joining::{ConcatFromSequence, SplitToSequence};
pub use layers::{
    OptionalHasElement, SequenceAt, SequenceAtUnranked, SequenceConstruct, SequenceCopy,
    SequenceEmpty, SequenceErase, SequenceInsert, SequenceInsertUnranked, SequenceLength,
};

use crate::{Error, Result};
use alloc::vec::Vec;

/// Tensors one behind the other, each with a shape of its own.
///
/// ```
/// # use tf_layers::sequence::Sequence;
/// let mut sequence = Sequence::new();
/// sequence.push(&[2, 2], &[1.0, 2.0, 3.0, 4.0])?;
/// sequence.push(&[1], &[5.0])?;
/// assert_eq!(sequence.len(), 2);
/// assert_eq!(sequence.iter().map(|item| item.data.len()).sum::<usize>(), 5);
/// assert_eq!(sequence.get(1).map(|item| item.shape), Some(&[1][..]));
/// # Ok::<(), tf_layers::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Sequence<T> {
    data: Vec<T>,
    sizes: Vec<usize>,
    /// Where each item ends in `data` and in `sizes`.
    ends: Vec<[usize; 2]>,
}

/// A tensor of a sequence: elements in row-major order (last axis fastest) and their shape, outermost first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Item<'a, T> {
    /// The elements.
    pub data: &'a [T],
    /// The shape, outermost axis first; its product is `data.len()`.
    pub shape: &'a [usize],
}

/// The shapes, not the elements: `[[2, 3], [4, 3]]`.
impl<T> core::fmt::Debug for Sequence<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|i| i.shape))
            .finish()
    }
}

impl<T> Default for Sequence<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Sequence<T> {
    /// A sequence without items; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            data: Vec::new(),
            sizes: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The item at a place, counted from 0.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<Item<'_, T>> {
        let [data, sizes] = *self.ends.get(place)?;
        let [from, first] = self.start(place);
        Some(Item {
            data: &self.data[from..data],
            shape: &self.sizes[first..sizes],
        })
    }

    /// All items in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Item<'_, T>> {
        (0..self.len()).map(|place| {
            let ([from, first], [data, sizes]) = (self.start(place), self.ends[place]);
            Item {
                data: &self.data[from..data],
                shape: &self.sizes[first..sizes],
            }
        })
    }

    /// Removes all items; what was allocated is kept.
    pub fn clear(&mut self) {
        self.data.clear();
        self.sizes.clear();
        self.ends.clear();
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.data.capacity() * size_of::<T>()
            + self.sizes.capacity() * size_of::<usize>()
            + self.ends.capacity() * size_of::<[usize; 2]>()
    }

    /// Where the item at a place begins in `data` and in `sizes`.
    fn start(&self, place: usize) -> [usize; 2] {
        place.checked_sub(1).map_or([0, 0], |k| self.ends[k])
    }
}

impl<T: Clone> Sequence<T> {
    /// Adds an item at the end.
    ///
    /// # Errors
    /// [`Error::InputLength`] if there are not as many elements as the shape says, [`Error::Memory`] if there is no room for them.
    pub fn push(&mut self, shape: &[usize], data: &[T]) -> Result<()> {
        self.push_with(shape, |room| {
            room.extend_from_slice(data);
        })
    }

    /// Adds an item whose elements `fill` appends, as many as the shape says.
    fn push_with(&mut self, shape: &[usize], fill: impl FnOnce(&mut Vec<T>)) -> Result<()> {
        let count = crate::elements("an item of a sequence", shape)?;
        reserve(&mut self.data, count)?;
        reserve(&mut self.sizes, shape.len())?;
        reserve(&mut self.ends, 1)?;
        let before = self.data.len();
        fill(&mut self.data);
        let actual = self.data.len() - before;
        if actual != count {
            self.data.truncate(before);
            return Err(Error::InputLength {
                name: "an item of a sequence",
                expected: count,
                actual,
            });
        }
        self.sizes.extend_from_slice(shape);
        self.ends.push([self.data.len(), self.sizes.len()]);
        Ok(())
    }

    /// Holds the same items as another sequence.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no room for them.
    pub fn copy_from(&mut self, other: &Self) -> Result<()> {
        self.clear();
        self.extend(other, 0..other.len())
    }

    /// Adds some of another sequence's items at the end.
    fn extend(&mut self, other: &Self, places: core::ops::Range<usize>) -> Result<()> {
        places.into_iter().try_for_each(|place| {
            let item = other.get(place).ok_or(Error::IndexOutOfRange {
                index: i64::try_from(place).unwrap_or(i64::MAX),
                size: other.len(),
            })?;
            self.push(item.shape, item.data)
        })
    }

    /// Moves the last item to a place in front of others.
    fn move_last(&mut self, place: usize) {
        let Some(last) = self.ends.len().checked_sub(1) else {
            return;
        };
        let ([data, sizes], [end_data, end_sizes]) = (self.start(last), self.ends[last]);
        let [from, first] = self.start(place);
        self.data[from..].rotate_right(end_data - data);
        self.sizes[first..].rotate_right(end_sizes - sizes);
        self.ends[place..].rotate_right(1);
        self.ends[place] = [from + end_data - data, first + end_sizes - sizes];
        for end in &mut self.ends[place + 1..] {
            end[0] += end_data - data;
            end[1] += end_sizes - sizes;
        }
    }

    /// Removes the item at a place.
    fn remove(&mut self, place: usize) {
        let ([from, first], [data, sizes]) = (self.start(place), self.ends[place]);
        self.data.drain(from..data);
        self.sizes.drain(first..sizes);
        self.ends.remove(place);
        for end in &mut self.ends[place..] {
            end[0] -= data - from;
            end[1] -= sizes - first;
        }
    }

    /// Checks that every item has as many axes as `shape`, and its sizes where it states them; without a shape nothing.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`], which names the input.
    pub fn check(&self, name: &'static str, shape: Option<&[Option<usize>]>) -> Result<()> {
        let Some(shape) = shape else {
            return Ok(());
        };
        let what = name;
        for item in self.iter() {
            let (left, right) = (item.shape.len(), shape.len());
            if left != right {
                return Err(Error::SizeMismatch { what, left, right });
            }
            for (&left, &right) in item.shape.iter().zip(shape) {
                if let Some(right) = right.filter(|&size| size != left) {
                    return Err(Error::SizeMismatch { what, left, right });
                }
            }
        }
        Ok(())
    }
}

/// Makes room for more elements.
fn reserve<T>(vec: &mut Vec<T>, more: usize) -> Result<()> {
    vec.try_reserve(more).map_err(|_| Error::Memory {
        bytes: more.saturating_mul(size_of::<T>()),
    })
}
