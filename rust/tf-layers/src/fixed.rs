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

/// What a [`Fixed`] can hold.
pub trait Element: Copy {
    /// What it holds at first.
    const ZERO: Self;
}

macro_rules! elements {
    ($($t:ty: $zero:expr;)*) => {
        $(impl Element for $t {
            const ZERO: Self = $zero;
        })*
    };
}
elements! {
    bool: false; u8: 0; u16: 0; u32: 0; u64: 0; i8: 0; i16: 0; i32: 0; i64: 0; f32: 0.0; f64: 0.0;
    crate::F16: <crate::F16 as crate::number::Number>::ZERO; crate::Bf16: <crate::Bf16 as crate::number::Number>::ZERO;
}

impl<T: Element, const N: usize> Fixed<T, N> {
    /// A buffer of zeros; in a `static` it takes no room in the program's file.
    #[must_use]
    pub const fn new() -> Self {
        Self { data: [T::ZERO; N] }
    }
}

impl<T: Element, const N: usize> Default for Fixed<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

/// Its room, not what is in it: `[f32; 1024]`.
impl<T, const N: usize> core::fmt::Debug for Fixed<T, N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::Brief(&self.data).fmt(f)
    }
}

impl<T, const N: usize> Fixed<T, N> {
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

/// The largest of some lengths, 0 if there are none: what a scratch needs that several layers share.
#[must_use]
pub const fn largest(lengths: &[usize]) -> usize {
    let (mut most, mut i) = (0, 0);
    while i < lengths.len() {
        if lengths[i] > most {
            most = lengths[i];
        }
        i += 1;
    }
    most
}

/// What is left of a scratch for a layer that another one runs.
#[cfg(feature = "recurrent")]
pub(crate) struct Rest<'a>(pub &'a mut [f32]);

#[cfg(feature = "recurrent")]
impl Scratch for Rest<'_> {
    fn fit(&mut self, len: usize) -> Result<&mut [f32]> {
        let bytes = len.saturating_mul(size_of::<f32>());
        self.0.get_mut(..len).ok_or(Error::Memory { bytes })
    }
}

impl<const N: usize> Scratch for Fixed<f32, N> {
    fn fit(&mut self, len: usize) -> Result<&mut [f32]> {
        Self::fit(self, len)
    }
}
