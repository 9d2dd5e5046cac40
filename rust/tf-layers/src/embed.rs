//! Weights as read-only data of the binary.

/// Data on a cache line boundary, so that vector loads never straddle two lines.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub struct Aligned<T>(pub T);

/// Declares a static whose elements are the bytes of a file that the build script wrote to `OUT_DIR`.
///
/// `embed!(static DENSE_KERNEL: [f32] = "dense_kernel.bin");` makes `DENSE_KERNEL.0` an aligned `[f32; N]`, N taken from
/// the file's length. Nothing runs at start: the array is part of the executable, and only touched pages are loaded.
#[macro_export]
macro_rules! embed {
    ($(#[$doc:meta])* static $name:ident: [$t:ty] = $file:literal;) => {
        $(#[$doc])*
        static $name: $crate::Aligned<
            [$t; include_bytes!(concat!(env!("OUT_DIR"), "/", $file)).len() / size_of::<$t>()],
        > = $crate::Aligned($crate::bytemuck::must_cast(*include_bytes!(concat!(env!("OUT_DIR"), "/", $file))));
    };
}
