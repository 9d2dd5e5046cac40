//! Tensors whose number of axes is known only when the model runs.
//!
//! The branches of an `If`, the iterations of a `Loop`, the items of a sequence and the shape that `Reshape` is given may differ in rank. An
//! [`Unranked`] holds such a tensor. What other layers compute on, its elements or the tensor with a rank that it must have, they get from
//! [`Elements`] and [`Ranked`].

mod layers;
mod shapes;

pub use layers::{Elements, Like, Ranked, ShapeOf, UnrankedCopy, Wrap};
pub use shapes::{BroadcastShapes, Expand, Reshape, Squeeze, Unsqueeze};

use crate::Result;
use alloc::vec::Vec;

/// A tensor with any number of axes: elements in row-major order (last axis fastest) and their shape, outermost first.
///
/// ```
/// # use tf_layers::Unranked;
/// let mut x = Unranked::of(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// assert_eq!((x.shape(), x.data().len()), (&[2, 3][..], 6));
/// x.set(&[], &[7.0])?;
/// assert_eq!((x.shape(), x.data()), (&[][..], &[7.0][..]));
/// # Ok::<(), tf_layers::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Unranked<T> {
    data: Vec<T>,
    shape: Vec<usize>,
}

/// Its shape and the number of its elements: `[2, 3] [f32; 6]`.
impl<T> core::fmt::Debug for Unranked<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?} {:?}", self.shape(), crate::Brief(&self.data))
    }
}

impl<T> Default for Unranked<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Unranked<T> {
    /// A tensor of shape `[0]`; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            data: Vec::new(),
            shape: Vec::new(),
        }
    }

    /// The elements.
    #[must_use]
    pub fn data(&self) -> &[T] {
        &self.data
    }

    /// The shape, outermost axis first; its product is the number of elements.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        // a new one has no shape yet: a tensor without axes has an element
        if self.data.is_empty() && self.shape.is_empty() {
            &[0]
        } else {
            &self.shape
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.data.capacity() * size_of::<T>() + self.shape.capacity() * size_of::<usize>()
    }
}

impl<T: Clone> Unranked<T> {
    /// A tensor of this shape.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn of(shape: &[usize], data: &[T]) -> Result<Self> {
        let mut x = Self::new();
        x.set(shape, data)?;
        Ok(x)
    }

    /// Takes this shape and these elements; what was allocated is kept.
    ///
    /// # Errors
    /// [`Error::InputLength`](crate::Error::InputLength) if there are not as many elements as the shape says,
    /// [`Error::Memory`](crate::Error::Memory) if there is no room for them.
    pub fn set(&mut self, shape: &[usize], data: &[T]) -> Result<()> {
        crate::check_input("a tensor of any rank", data.len(), shape)?;
        self.set_with(shape.iter().map(|&size| Ok(size)), |_, room| {
            room.extend_from_slice(data);
        })
    }

    /// Takes a shape, and the elements that `fill` appends for it, as many as it says.
    fn set_with(
        &mut self,
        sizes: impl Iterator<Item = Result<usize>>,
        fill: impl FnOnce(&[usize], &mut Vec<T>),
    ) -> Result<()> {
        self.data.clear();
        self.shape.clear();
        let ready = self.make_room(sizes);
        match &ready {
            Ok(()) => fill(&self.shape, &mut self.data),
            Err(_) => self.shape.clear(),
        }
        ready
    }

    fn make_room(&mut self, sizes: impl Iterator<Item = Result<usize>>) -> Result<()> {
        for size in sizes {
            reserve(&mut self.shape, 1)?;
            self.shape.push(size?);
        }
        let count = crate::elements("a tensor of any rank", &self.shape)?;
        reserve(&mut self.data, count)
    }
}

/// Makes room for more elements.
fn reserve<T>(vec: &mut Vec<T>, count: usize) -> Result<()> {
    vec.try_reserve(count).map_err(|_| crate::Error::Memory {
        bytes: count.saturating_mul(size_of::<T>()),
    })
}
