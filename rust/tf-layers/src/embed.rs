//! Weights as read-only data of the binary.

/// Data on a cache line boundary, so that vector loads never straddle two lines. A processor without an operating system has
/// no such lines, and every scale of one number would take as much of its flash.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(target_os = "none", repr(C, align(8)))]
#[cfg_attr(not(target_os = "none"), repr(C, align(64)))]
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
        let mut owned = Self::zeroed(elements.len())?;
        owned.copy_from_slice(elements);
        Ok(owned)
    }

    /// So many elements to write to.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is no room for them.
    pub fn zeroed(len: usize) -> crate::Result<Self> {
        let mut slot = crate::Slot::new();
        slot.fit(len)?;
        Ok(Self { slot, len })
    }
}

#[cfg(all(feature = "base", feature = "alloc"))]
impl<T: Copy + Default> core::ops::DerefMut for Owned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // as many as there are already: there is nothing to allocate
        self.slot.fit(self.len).unwrap_or_default()
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
///
/// `pub struct StoredWeights;` behind both is the weights of a file that the build script wrote as a whole
/// ([`store`](crate::store), feature `store`), and there is no `EMBEDDED`. `pub struct StoredWeights in "model.weights";` puts that file into
/// the binary, and `Weights::embedded` unpacks it when it is called first.
#[macro_export]
macro_rules! weights {
    (
        $(#[$about:meta])*
        pub struct $name:ident<$w:lifetime> { $($fields:tt)+ }

        $(#[$owned_about:meta])*
        pub struct $owned:ident from $tensors:path;
    ) => {
        $crate::weights! {@owned $(#[$owned_about])* $owned $tensors, $name { $($fields)+ }}
        $crate::weights! {@view $(#[$about])* $name { $($fields)+ }}
        $crate::weights! {@embedded $name { $($fields)+ }}
    };
    (
        $(#[$about:meta])*
        pub struct $name:ident<$w:lifetime> { $($fields:tt)+ }

        $(#[$owned_about:meta])*
        pub struct $owned:ident from $tensors:path;

        $(#[$stored_about:meta])*
        pub struct $stored:ident $(in $file:literal)?;
    ) => {
        $crate::weights! {@owned $(#[$owned_about])* $owned $tensors, $name { $($fields)+ }}
        $crate::weights! {@view $(#[$about])* $name { $($fields)+ }}
        $crate::weights! {@stored $(#[$stored_about])* $stored, $name { $($fields)+ }}
        $($crate::weights! {@unpacked $stored $file, $name})?
    };
    (@owned $(#[$about:meta])* $owned:ident $tensors:path, $name:ident {
        $($(#[$doc:meta])* pub $field:ident: &$_w:lifetime [$t:ty] = $kind:ident $file:literal,)+
    }) => {
        $(#[$about])*
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
    };
    (@view $(#[$about:meta])* $name:ident {
        $($(#[$doc:meta])* pub $field:ident: &$w:lifetime [$t:ty] = $kind:ident $file:literal,)+
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy)]
        pub struct $name<'w> {
            $($(#[$doc])* pub $field: &'w [$t],)+
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
    (@embedded $name:ident {
        $($(#[$doc:meta])* pub $field:ident: &$_w:lifetime [$t:ty] = $kind:ident $file:literal,)+
    }) => {
        impl $name<'static> {
            /// The weights that are part of this binary.
            pub const EMBEDDED: Self = Self {
                $($field: $crate::weights!(@$kind $t, $file),)+
            };
            /// Their size in memory.
            pub const BYTES: usize = 0 $(+ size_of_val(Self::EMBEDDED.$field))+;
        }
    };
    (@stored $(#[$about:meta])* $stored:ident, $name:ident {
        $($(#[$doc:meta])* pub $field:ident: &$_w:lifetime [$t:ty] = $kind:ident $file:literal,)+
    }) => {
        $(#[$about])*
        #[derive(Clone)]
        pub struct $stored<'w> {
            $($field: $crate::store::Held<'w, $t>,)+
            checksum_: u64,
        }

        impl $stored<'static> {
            /// Reads the file at `path` into memory.
            ///
            /// # Errors
            /// If it cannot be read, is damaged, or holds the weights of another model.
            pub fn open(path: impl ::core::convert::AsRef<::std::path::Path>) -> ::core::result::Result<Self, $crate::store::StoreError> {
                Self::take($crate::store::Source::open(path.as_ref(), &$name::LAYOUT)?)
            }
        }

        impl<'w> $stored<'w> {
            /// Takes the file's bytes. Where they begin at a cache line (64 bytes), they are used where they lie, but for what
            /// must be unpacked; where not, they are copied.
            ///
            /// # Errors
            /// If they are damaged, or the weights of another model.
            pub fn from_bytes(bytes: &'w [u8]) -> ::core::result::Result<Self, $crate::store::StoreError> {
                Self::take($crate::store::Source::of_bytes(bytes, &$name::LAYOUT)?)
            }

            fn take(mut source: $crate::store::Source<'w>) -> ::core::result::Result<Self, $crate::store::StoreError> {
                $(let $field = source.take()?;)+
                ::core::result::Result::Ok(Self { $($field,)+ checksum_: source.finish()? })
            }

            /// The weights, as `Layers::new` takes them.
            #[must_use]
            pub fn weights(&self) -> $name<'_> {
                $name { $($field: &self.$field,)+ }
            }

            /// The checksum of the archive that they are from.
            #[must_use]
            pub fn checksum(&self) -> u64 {
                self.checksum_
            }
        }

        /// Types and lengths, and no numbers.
        impl ::core::fmt::Debug for $stored<'_> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                self.weights().fmt(f)
            }
        }

        impl $name<'_> {
            /// What stands where in a file of such weights.
            pub const LAYOUT: $crate::store::Layout = {
                #[allow(unused_imports, reason = "a file may have one kind of tensors only")]
                use $crate::store::{Layout, Piece, Storage::*};
                include!(concat!(env!("OUT_DIR"), "/layout.rs"))
            };
            /// Their size in memory.
            pub const BYTES: usize = Self::LAYOUT.memory_bytes();
        }
    };
    (@unpacked $stored:ident $file:literal, $name:ident) => {
        impl $name<'static> {
            /// The weights that are part of this binary, unpacked by the first call.
            ///
            /// # Panics
            /// If there is no memory for them.
            #[must_use]
            pub fn embedded() -> Self {
                static BYTES: $crate::Aligned<[u8; include_bytes!(concat!(env!("OUT_DIR"), "/", $file)).len()]> =
                    $crate::Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/", $file)));
                static STORED: ::std::sync::LazyLock<$stored<'static>> = ::std::sync::LazyLock::new(|| {
                    $stored::from_bytes(&BYTES.0).unwrap_or_else(|error| panic!("{error}"))
                });
                STORED.weights()
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
