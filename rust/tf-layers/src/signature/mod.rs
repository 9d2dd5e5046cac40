//! What a model's inputs and outputs are called and look like, and reading them from arrays by those names.

#[cfg(feature = "npz")]
mod arrays;

pub use crate::dtype::Dtype;
#[cfg(feature = "npz")]
pub use arrays::{Element, SignatureError, sizes};
use core::fmt;

/// One axis of a tensor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// A size that is always the same.
    Size(usize),
    /// A size that the caller chooses.
    Symbol(&'static str),
    /// A size that follows from others or from the data, or differs from item to item.
    Computed,
    /// The items of a sequence; the other axes are those of each. In arrays they are called `name/0`, `name/1`, …
    /// The pairs of a map: `name/keys` and `name/values`, whose type is the tensor's.
    Items,
    /// Any number of axes: the only one of a tensor whose rank is known only when the model runs.
    Any,
}

/// Name, type and shape of an input or output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tensor {
    /// Name in the model file.
    pub name: &'static str,
    /// Name of the Rust field.
    pub field: &'static str,
    /// Element type.
    pub dtype: Dtype,
    /// Shape, outermost axis first.
    pub shape: &'static [Axis],
}

/// `10`, `batch`, or `?` for what is computed; `…` for any number of axes.
impl fmt::Debug for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => size.fmt(f),
            Self::Symbol(name) => f.write_str(name),
            Self::Computed => f.write_str("?"),
            Self::Items => f.write_str("items"),
            Self::Any => f.write_str("…"),
        }
    }
}

/// `image: float32 [batch, 1, 8, 8]`
impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [", self.name, self.dtype)?;
        for (k, axis) in self.shape.iter().enumerate() {
            write!(f, "{}{axis:?}", if k > 0 { ", " } else { "" })?;
        }
        f.write_str("]")
    }
}
