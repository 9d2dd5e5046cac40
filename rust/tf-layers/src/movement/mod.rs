//! Layers that move elements and compute nothing: any element type that can be cloned.
//!
//! Shapes arrive collapsed: neighbouring axes that a layer treats alike are one. Many layers see a tensor as
//! `[outer, axis, inner]`.

mod concat;
mod copy;
mod expand;
mod pad;
mod reverse;
mod slice;
mod strided;
mod transpose;
mod trilu;

pub use concat::{Concat, JoinedParts};
pub use copy::{CheckedCopy, Copy};
pub use expand::{Expand, Repeated, Tile};
pub use pad::{Border, DynamicPad, Pad, PadMode};
pub use reverse::{ReverseSequence, Sequences};
pub use slice::{DynamicSlice, Slice, SliceBounds, SlicedPart};
pub use transpose::Transpose;
pub use trilu::{MatrixStack, Trilu};
