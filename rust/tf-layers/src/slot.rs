//! Workspace buffers.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// Working memory of a layer: a [`Slot`](crate::Slot) that grows, or a [`Fixed`](crate::Fixed) that is large enough from the start.
pub trait Scratch {
    /// Exactly `len` elements to write to.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if so much memory cannot be had.
    fn fit(&mut self, len: usize) -> crate::Result<&mut [f32]>;
}

/// A buffer that grows and never shrinks: the producer of a value asks for room, its consumers for what was written.
///
/// A model's workspace is a struct of slots; values whose lifetimes do not overlap share one. After the first call
/// with the largest sizes nothing is allocated any more. Buffers begin at a cache line, so that no vector straddles two.
#[cfg(feature = "alloc")]
#[derive(Clone)]
pub struct Slot<T> {
    data: Vec<T>,
    /// Where the first cache line begins in `data`.
    start: usize,
}

/// Bytes in a cache line, and in the longest vector.
#[cfg(feature = "alloc")]
const CACHE_LINE: usize = 64;

/// Its room, not what is in it: `[f32; 1024]`.
#[cfg(feature = "alloc")]
impl<T> core::fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::Brief(&self.data[self.start..]).fmt(f)
    }
}

#[cfg(feature = "alloc")]
impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            data: Vec::new(),
            start: 0,
        }
    }
}

#[cfg(feature = "alloc")]
impl<T: Clone + Default> Slot<T> {
    /// An empty slot; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            data: Vec::new(),
            start: 0,
        }
    }

    /// Exactly `len` elements to write to; allocates only if no earlier call asked for as many. What was written stays (a loop
    /// collects its rows so), the rest holds anything.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if so much memory cannot be had. (Systems that promise more than they have may
    /// end the process later, when it is written to.)
    pub fn fit(&mut self, len: usize) -> crate::Result<&mut [T]> {
        if self.data.len() - self.start < len {
            self.grow(len)?;
        }
        Ok(&mut self.data[self.start..self.start + len])
    }

    #[cold]
    fn grow(&mut self, len: usize) -> crate::Result<()> {
        let spare = CACHE_LINE / size_of::<T>().max(1);
        let (before, written) = (self.start, self.data.len() - self.start);
        let more = len.saturating_add(spare).saturating_sub(self.data.len());
        // Room for more than is asked for spares a loop that collects rows most of its allocations; where that much is not there, what is
        // asked for may be.
        if self.data.try_reserve(more).is_err() && self.data.try_reserve_exact(more).is_err() {
            let bytes = len.saturating_mul(size_of::<T>());
            return Err(crate::Error::Memory { bytes });
        }
        self.data.resize(len + spare, T::default());
        self.start = self.data.as_ptr().align_offset(CACHE_LINE).min(spare);
        // The allocation has moved, and may lie otherwise between cache lines: what was written moves with the begin.
        let kept = written.min(self.data.len() - self.start.max(before));
        if self.start < before {
            self.data[self.start..before + kept].rotate_left(before - self.start);
        } else {
            self.data[before..self.start + kept].rotate_right(self.start - before);
        }
        Ok(())
    }

    /// The first `len` elements, which the producer has written.
    ///
    /// # Panics
    /// If no [`fit`](Self::fit) has asked for as many: a bug in the caller, never a matter of input data.
    #[must_use]
    pub fn get(&self, len: usize) -> &[T] {
        &self.data[self.start..self.start + len]
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.data.capacity() * size_of::<T>()
    }
}

#[cfg(feature = "alloc")]
impl Scratch for Slot<f32> {
    fn fit(&mut self, len: usize) -> crate::Result<&mut [f32]> {
        Self::fit(self, len)
    }
}

/// A tensor as a model hands it out: elements in row-major order (last axis fastest) and their shape, outermost first.
#[derive(Debug, PartialEq)]
pub struct TensorView<'a, T, const R: usize> {
    /// The elements.
    pub data: &'a [T],
    /// The shape, outermost axis first; its product is `data.len()`.
    pub shape: [usize; R],
}

// By hand: derived ones would ask the elements to be `Copy`, which strings are not.
impl<T, const R: usize> Copy for TensorView<'_, T, R> {}

impl<T, const R: usize> Clone for TensorView<'_, T, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, const R: usize> core::ops::Deref for TensorView<'_, T, R> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        self.data
    }
}

/// The largest size of an axis, and the most elements of a tensor.
pub(crate) const MAX_SIZE: usize = 1 << 31;

/// A size computed from others, as the generated code checks it once: `what` names it in the error.
///
/// # Errors
/// [`Error::Size`](crate::Error::Size) if it is negative or beyond 2³¹ (no tensor here is as large).
pub fn size(what: &'static str, value: i64) -> crate::Result<usize> {
    match usize::try_from(value) {
        Ok(n) if n <= MAX_SIZE => Ok(n),
        _ => Err(crate::Error::Size { what, value }),
    }
}

/// A number of windows, as the generated code checks it once: at least 1, or the image is too small for the layer.
///
/// # Errors
/// [`Error::Size`](crate::Error::Size) if it is less than 1 or beyond 2³¹.
pub fn window_count(what: &'static str, value: i64) -> crate::Result<usize> {
    match size(what, value) {
        Ok(0) => Err(crate::Error::Size { what, value }),
        found => found,
    }
}

/// Checks that an input has the elements that its shape asks for.
///
/// # Errors
/// [`Error::InputLength`](crate::Error::InputLength) if it has not (a shape too large to count needs `usize::MAX`),
/// [`Error::Size`](crate::Error::Size) if it is empty and its other axes together are beyond 2³¹.
pub fn check_input(name: &'static str, actual: usize, shape: &[usize]) -> crate::Result<()> {
    let expected = shape
        .iter()
        .try_fold(1_usize, |n, &d| n.checked_mul(d))
        .unwrap_or(usize::MAX);
    if actual != expected {
        return Err(crate::Error::InputLength {
            name,
            expected,
            actual,
        });
    }
    // An empty input bounds none of its other axes, and they may be the sizes of tensors that are not empty.
    let others = shape
        .iter()
        .fold(1_usize, |n, &d| n.saturating_mul(d.max(1)));
    if actual == 0 && others > MAX_SIZE {
        let value = i64::try_from(others).unwrap_or(i64::MAX);
        return Err(crate::Error::Size { what: name, value });
    }
    Ok(())
}

/// Checks that the elements of tensors of these shapes can be counted, and so asked memory for: their lengths, which follow unchecked,
/// would otherwise wrap where a size has 32 bits. An axis of size 0 counts as 1.
///
/// # Errors
/// [`Error::Memory`](crate::Error::Memory) if there is one that no memory can hold.
pub fn check_lengths(shapes: &[&[usize]]) -> crate::Result<()> {
    for &shape in shapes {
        let count = shape
            .iter()
            .try_fold(1_usize, |n, &d| n.checked_mul(d.max(1)));
        if count.is_none_or(|n| n > isize::MAX.unsigned_abs()) {
            return Err(crate::Error::Memory { bytes: usize::MAX });
        }
    }
    Ok(())
}

/// The one size of an input's shape that is open, from the input's length: `others` are its other sizes.
///
/// # Errors
/// [`Error::InputLength`](crate::Error::InputLength) if the length is no multiple of what the others make together (it names the next
/// one), [`Error::Size`](crate::Error::Size) if one of them is 0: then any size fits.
pub fn open_size(name: &'static str, actual: usize, others: &[usize]) -> crate::Result<usize> {
    let width = others.iter().fold(1_usize, |n, &d| n.saturating_mul(d));
    if width == 0 {
        return Err(crate::Error::Size {
            what: name,
            value: 0,
        });
    }
    if actual.is_multiple_of(width) {
        return Ok(actual / width);
    }
    Err(crate::Error::InputLength {
        name,
        expected: actual.div_ceil(width).saturating_mul(width),
        actual,
    })
}

/// The number of elements of a tensor whose shape the data have decided: `layer` names the one that makes it in the error.
///
/// # Errors
/// [`Error::Size`](crate::Error::Size) if there are more than 2³¹.
pub fn elements(layer: &'static str, shape: &[usize]) -> crate::Result<usize> {
    if shape.contains(&0) {
        return Ok(0);
    }
    let count = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
    count.filter(|&n| n <= MAX_SIZE).ok_or_else(|| {
        let value = count.and_then(|n| i64::try_from(n).ok());
        let what = "elements of a tensor";
        let value = value.unwrap_or(i64::MAX);
        crate::Error::Size { what, value }.at(layer)
    })
}

/// The only element of a tensor.
pub(crate) fn scalar<T: Clone>(name: &'static str, x: &[T]) -> crate::Result<T> {
    match x {
        [x] => Ok(x.clone()),
        _ => Err(crate::Error::InputLength {
            name,
            expected: 1,
            actual: x.len(),
        }),
    }
}
