//! Why weights cannot be read.

use std::fmt;

/// Weights that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError {
    /// The file; `the weights in memory` if it is none.
    pub place: String,
    /// What is wrong.
    pub problem: StoreProblem,
}

/// What is wrong with a file of weights.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreProblem {
    /// It cannot be read.
    Io {
        /// Why.
        kind: std::io::ErrorKind,
        /// What the operating system said.
        message: String,
    },
    /// It is no file of weights, or one for machines of another byte order.
    NoWeights,
    /// It has another format.
    Version {
        /// The version of its format.
        found: u64,
    },
    /// It has the weights of another model.
    OtherModel {
        /// The layout that the crate reads.
        expected: u64,
        /// The layout of the file.
        found: u64,
    },
    /// It is too short or too long.
    Length {
        /// The bytes that the model needs.
        expected: u64,
        /// The bytes that there are.
        found: u64,
    },
    /// Its content is not what was written.
    Damaged,
    /// There is no room for the weights.
    Memory {
        /// The bytes that one tensor needs.
        bytes: usize,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl fmt::Display for StoreProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { message, .. } => f.write_str(message),
            Self::NoWeights => write!(
                f,
                "is no file of weights for this machine: give the one that the build of this crate has made"
            ),
            Self::Version { found } => write!(
                f,
                "is a file of weights of version {found}, this crate reads version {}: build it again",
                super::VERSION
            ),
            Self::OtherModel { expected, found } => write!(
                f,
                "holds weights of the layout {found:016x}, this crate reads {expected:016x}: they are another model's, or of another \
                 conversion of it"
            ),
            Self::Length { expected, found } => {
                write!(
                    f,
                    "has {found} bytes, the weights of this model are {expected}: is it a whole copy?"
                )
            }
            Self::Damaged => write!(f, "is damaged: its checksum differs"),
            Self::Memory { bytes } => write!(f, "no memory for a tensor of {bytes} bytes"),
        }
    }
}

impl std::error::Error for StoreError {}
