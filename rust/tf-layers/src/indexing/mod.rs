//! Layers that read and write at positions that a tensor holds, or say which positions there are.

mod choose;
mod gather;
mod one_hot;
mod scatter;

pub use choose::{Compress, NonZero, Truth, Unique, UniquePlaces};
pub use gather::{Gather, GatherElements, GatherNd, GatherOrZero, GatherSlices, Index};
pub use one_hot::OneHot;
pub use scatter::{Combine, Reduction, ScatterElements, ScatterNd, ScatterSlices, ScatterUpdates};
