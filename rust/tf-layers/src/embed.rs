//! Weights as read-only data of the binary.

/// Data on a cache line boundary, so that vector loads never straddle two lines.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub struct Aligned<T>(pub T);

/// Elements in memory of their own that begins at a cache line, as those of [`Aligned`] do.
#[cfg(all(feature = "base", feature = "alloc"))]
#[derive(Clone)]
pub struct Owned<T> {
    slot: crate::Slot<T>,
    len: usize,
}

#[cfg(all(feature = "base", feature = "alloc"))]
impl<T: Copy + Default> Owned<T> {
    /// A copy of the elements.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is no room for them.
    pub fn new(elements: &[T]) -> crate::Result<Self> {
        let mut slot = crate::Slot::new();
        slot.fit(elements.len())?.copy_from_slice(elements);
        Ok(Self {
            slot,
            len: elements.len(),
        })
    }
}

#[cfg(all(feature = "base", feature = "alloc"))]
impl<T: Clone + Default> core::ops::Deref for Owned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        self.slot.get(self.len)
    }
}

/// How many elements, and none of them: `[f32; 1024]`.
#[cfg(all(feature = "base", feature = "alloc"))]
impl<T: Clone + Default> core::fmt::Debug for Owned<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        crate::Brief(self).fmt(f)
    }
}

/// Declares a struct of weights, and its constant `EMBEDDED`: the weights that the build script wrote to `OUT_DIR`.
///
/// `pub kernel: &'w [f32] = bytes "kernel.bin",` is a field that `EMBEDDED` fills with the elements whose bytes are in that file, aligned;
/// `include` instead of `bytes` takes a file that holds a Rust array. Nothing runs at start: the arrays are part of the executable, and only
/// touched pages are loaded.
///
/// `pub struct OwnedWeights from TENSORS;` behind it is the same weights in memory, read from an `.npz` file while the program runs. That needs the
/// feature `npz`, of this crate and of the one that the macro is called in.
#[macro_export]
macro_rules! weights {
    (
        $(#[$about:meta])*
        pub struct $name:ident<$w:lifetime> {
            $($(#[$doc:meta])* pub $field:ident: &$_w:lifetime [$t:ty] = $kind:ident $file:literal,)+
        }

        $(#[$owned_about:meta])*
        pub struct $owned:ident from $tensors:path;
    ) => {
        $(#[$owned_about])*
        #[cfg(feature = "npz")]
        #[derive(Clone)]
        pub struct $owned {
            $($field: $crate::Owned<$t>,)+
            doubts_: ::std::vec::Vec<::std::string::String>,
        }

        #[cfg(feature = "npz")]
        impl $owned {
            /// Reads an `.npz` file: every tensor by its name, packed for its kernel.
            ///
            /// # Errors
            /// Everything that is wrong with the file: tensors that are missing, damaged, of another type or shape, or that the model does not know.
            pub fn from_npz(path: impl ::core::convert::AsRef<::std::path::Path>) -> ::core::result::Result<Self, $crate::build::WeightsError> {
                Self::take($crate::build::Packed::open(path, $tensors)?)
            }

            /// As [`from_npz`](Self::from_npz), of a file that is in memory already.
            ///
            /// # Errors
            /// As [`from_npz`](Self::from_npz).
            pub fn from_bytes(bytes: ::std::vec::Vec<u8>) -> ::core::result::Result<Self, $crate::build::WeightsError> {
                Self::take($crate::build::Packed::from_bytes(bytes, $tensors)?)
            }

            fn take(mut packed: $crate::build::Packed) -> ::core::result::Result<Self, $crate::build::WeightsError> {
                let doubts_ = packed.doubts().to_vec();
                ::core::result::Result::Ok(Self { $($field: packed.take($file)?,)+ doubts_ })
            }

            /// The weights, as `Layers::new` takes them.
            #[must_use]
            pub fn weights(&self) -> $name<'_> {
                $name { $($field: &self.$field,)+ }
            }

            /// A sentence about each tensor that fits and that still no one can mean, such as one with NaN. A build says it as a warning.
            #[must_use]
            pub fn doubts(&self) -> &[::std::string::String] {
                &self.doubts_
            }
        }

        /// Types and lengths, and no numbers.
        #[cfg(feature = "npz")]
        impl ::core::fmt::Debug for $owned {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                self.weights().fmt(f)
            }
        }

        $(#[$about])*
        #[derive(Clone, Copy)]
        pub struct $name<$w> {
            $($(#[$doc])* pub $field: &$w [$t],)+
        }

        impl $name<'static> {
            /// The weights that are part of this binary.
            pub const EMBEDDED: Self = Self {
                $($field: $crate::weights!(@$kind $t, $file),)+
            };
            /// Their size in memory.
            pub const BYTES: usize = 0 $(+ size_of_val(Self::EMBEDDED.$field))+;
        }

        /// Types and lengths, and no numbers.
        impl ::core::fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($field), &$crate::Brief(self.$field)))+
                    .finish()
            }
        }
    };
    (@bytes $t:ty, $file:literal) => {{
        static DATA: $crate::Aligned<
            [$t; include_bytes!(concat!(env!("OUT_DIR"), "/", $file)).len() / size_of::<$t>()],
        > = $crate::Aligned($crate::bytemuck::must_cast(*include_bytes!(concat!(env!("OUT_DIR"), "/", $file))));
        &DATA.0
    }};
    (@include $t:ty, $file:literal) => {
        &$crate::Aligned(include!(concat!(env!("OUT_DIR"), "/", $file))).0
    };
}
