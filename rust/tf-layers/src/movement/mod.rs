//! Layers that move elements and compute nothing: any element type that can be cloned.
//!
//! Shapes arrive collapsed: neighbouring axes that a layer treats alike are one. Many layers see a tensor as
//! `[outer, axis, inner]`.

mod concat;
mod expand;
mod fill;
mod gather;
mod pad;
mod reshape;
#[cfg(feature = "resize")]
mod resize;
mod reverse;
mod scatter;
mod select;
mod sizes;
mod slice;
mod strided;
mod transpose;

pub use concat::Concat;
pub use expand::{Expand, ExpandSizes, Tile};
pub use fill::{EyeLike, OneHot, Range, RangeElement, Trilu};
pub use gather::{Gather, GatherElements, GatherNd, GatherOrZero, Index};
pub use pad::{DynamicPad, Pad, PadMode};
pub use reshape::{
    CheckedCopy, Copy, ReadSizes, ReshapeSizes, SameSize, SizeElement, SplitSizes, WriteSizes,
    broadcast_sizes,
};
#[cfg(feature = "resize")]
pub use resize::{Coordinates, Interpolation, NearestMode, ResizeAxis, ResizeNearest, ResizeSizes};
pub use reverse::ReverseSequence;
pub use scatter::{
    Combine, Reduction, ScatterElements, ScatterElementsReduce, ScatterNd, ScatterNdReduce,
    ScatterUpdates,
};
pub use select::{Compress, NonZero, Truth, Unique, UniquePlaces};
#[cfg(feature = "resize")]
pub use sizes::ResizedAxis;
pub use sizes::{
    Border, GatherSlices, JoinedParts, MatrixStack, Repeated, ScatterSlices, Sequences, SlicedPart,
};
pub use slice::{DynamicSlice, Slice, SliceBounds};
pub use transpose::Transpose;
