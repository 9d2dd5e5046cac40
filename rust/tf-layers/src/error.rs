//! What can go wrong while a model runs.

use core::fmt;

/// Why a layer or a model refused its input.
///
/// Layers return these instead of panicking wherever the *data* decides (an id outside a table, a length that does
/// not fit); [`Error::at`] adds which layer it was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// An input slice has another length than its shape asks for.
    InputLength {
        /// Name of the input.
        name: &'static str,
        /// Elements that the shape asks for.
        expected: usize,
        /// Elements that were given.
        actual: usize,
    },
    /// An index is outside its axis.
    IndexOutOfRange {
        /// The offending index.
        index: i64,
        /// Size of the axis it points into (valid: `-size..size`).
        size: usize,
    },
    /// A size computed from the input's sizes or data is negative, too large, or not allowed.
    Size {
        /// What the size is for.
        what: &'static str,
        /// The value it had.
        value: i64,
    },
    /// Two sizes that the operator needs equal (or broadcastable) are not.
    SizeMismatch {
        /// What is compared.
        what: &'static str,
        /// One size.
        left: usize,
        /// The other.
        right: usize,
    },
    /// Integer division (or remainder) by zero.
    DivisionByZero,
    /// What the layer does not do for this element type.
    Unsupported {
        /// What that is.
        what: &'static str,
    },
    /// A buffer cannot be allocated.
    Memory {
        /// Its size.
        bytes: usize,
    },
    /// An error inside a named layer (feature `alloc`).
    #[cfg(feature = "alloc")]
    At {
        /// Name of the layer.
        layer: &'static str,
        /// What happened there.
        error: alloc::boxed::Box<Error>,
    },
}

impl Error {
    /// The same error, told with the layer it happened in.
    #[must_use]
    #[cfg(feature = "alloc")]
    pub fn at(self, layer: &'static str) -> Self {
        Error::At {
            layer,
            error: alloc::boxed::Box::new(self),
        }
    }

    /// Whether a buffer could not be allocated, in whichever layer: then a smaller input may work, or the same one later.
    #[must_use]
    pub fn is_memory(&self) -> bool {
        match self {
            Error::Memory { .. } => true,
            #[cfg(feature = "alloc")]
            Error::At { error, .. } => error.is_memory(),
            _ => false,
        }
    }

    /// The same error: without an allocator there is no room for the layer it happened in.
    #[must_use]
    #[cfg(not(feature = "alloc"))]
    pub fn at(self, _layer: &'static str) -> Self {
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::InputLength {
                name,
                expected,
                actual,
            } => {
                write!(
                    f,
                    "input `{name}` has {actual} elements, its shape needs {expected}"
                )
            }
            Error::IndexOutOfRange { index, size } => {
                write!(f, "index {index} is outside an axis of size {size}")
            }
            Error::Size { what, value } => write!(f, "{what} would be {value}"),
            Error::SizeMismatch { what, left, right } => {
                write!(f, "{what}: {left} does not fit {right}")
            }
            Error::DivisionByZero => write!(f, "integer division by zero"),
            Error::Unsupported { what } => write!(f, "{what} is not supported"),
            Error::Memory { bytes } => write!(f, "no memory for a buffer of {bytes} bytes"),
            #[cfg(feature = "alloc")]
            Error::At { layer, error } => write!(f, "layer `{layer}`: {error}"),
        }
    }
}

impl core::error::Error for Error {}

/// Result of everything that can refuse its input.
pub type Result<T, E = Error> = core::result::Result<T, E>;
