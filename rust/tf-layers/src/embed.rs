//! Weights as read-only data of the binary.

/// Data on a cache line boundary, so that vector loads never straddle two lines.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub struct Aligned<T>(pub T);

/// Declares a struct of weights, and its constant `EMBEDDED`: the weights that the build script wrote to `OUT_DIR`.
///
/// `pub kernel: &'w [f32] = bytes "kernel.bin",` is a field that `EMBEDDED` fills with the elements whose bytes are in that file, aligned;
/// `include` instead of `bytes` takes a file that holds a Rust array. Nothing runs at start: the arrays are part of the executable, and only
/// touched pages are loaded.
#[macro_export]
macro_rules! weights {
    (
        $(#[$about:meta])*
        pub struct $name:ident<$w:lifetime> {
            $($(#[$doc:meta])* pub $field:ident: &$_w:lifetime [$t:ty] = $kind:ident $file:literal,)+
        }
    ) => {
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
