//! Pooling over channels-last images: `[batch, *size, channels]` with one to three spatial axes.
//!
//! A window of output position `o` covers, per axis, the taps `o · stride − pads_begin + k · dilation`, `0 ≤ k <
//! kernel`. Taps outside the image count for nothing (but see [`AveragePool::count_include_pad`]).

mod average;
mod global;
mod images;
mod lines;
mod max;
mod window;

pub use crate::image::Geometry;
pub use average::{AveragePool, LpPool};
pub use global::{GlobalAveragePool, GlobalLpPool, GlobalMaxPool};
pub use images::Images;
pub use max::{MaxElement, MaxPool, MaxPoolIndices};
