//! Buffers of a size that is known when the program is compiled.

use crate::{Error, Result, Scratch};

/// A buffer of `N` elements that lies where its owner lies: what a [`Slot`](crate::Slot) is where nothing may be allocated.
///
/// It begins at a cache line, so that no vector straddles two, and takes whole lines.
#[derive(Clone)]
#[repr(C, align(64))]
pub struct Fixed<T, const N: usize> {
    data: [T; N],
}

/// Its room, not what is in it: `[f32; 1024]`.
impl<T, const N: usize> core::fmt::Debug for Fixed<T, N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::Brief(&self.data).fmt(f)
    }
}

impl<T, const N: usize> Fixed<T, N> {
    /// A buffer that holds `value` everywhere; in a `static`, zeros take no room in the program.
    #[must_use]
    pub const fn new(value: T) -> Self
    where
        T: Copy,
    {
        Self { data: [value; N] }
    }

    /// Exactly `len` elements to write to. What was written stays, as in a [`Slot`](crate::Slot).
    ///
    /// # Errors
    /// [`Error::Memory`] if it has fewer.
    pub fn fit(&mut self, len: usize) -> Result<&mut [T]> {
        let bytes = len.saturating_mul(size_of::<T>());
        self.data.get_mut(..len).ok_or(Error::Memory { bytes })
    }

    /// The first `len` elements, which the producer has written.
    ///
    /// # Panics
    /// If it has fewer: a bug in the caller, never a matter of input data.
    #[must_use]
    pub fn get(&self, len: usize) -> &[T] {
        &self.data[..len]
    }

    /// Bytes held.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        N * size_of::<T>()
    }
}

impl<const N: usize> Scratch for Fixed<f32, N> {
    fn fit(&mut self, len: usize) -> Result<&mut [f32]> {
        Self::fit(self, len)
    }
}
