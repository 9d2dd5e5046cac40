//! Laying weights out for the kernels; runs in a generated crate's build script.
//!
//! One layout serves every vector level: panels of [`PANEL`] output columns, zero-padded.

mod conv;
mod integer;
pub mod recurrent;
mod transpose;
mod winograd;

#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};
#[cfg(feature = "conv-dynamic")]
pub(crate) use conv::conv_into;
#[cfg(feature = "alloc")]
pub use conv::{conv, depthwise};
pub use integer::integer_len;
#[cfg(feature = "alloc")]
pub use integer::{integer_conv, integer_panels};
#[cfg(feature = "alloc")]
pub use transpose::conv_transpose;
#[cfg(feature = "conv-dynamic")]
pub(crate) use transpose::conv_transpose_into;
#[cfg(feature = "conv-transpose")]
pub(crate) use transpose::{Axis, for_each_phase};
#[cfg(feature = "alloc")]
pub use winograd::winograd;

/// Columns of one panel.
pub const PANEL: usize = 16;

/// How one tensor is laid out in the embedded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packing {
    /// As it is.
    Copy,
    /// [`panels`] of a matrix `[k, n]`, or of `[n, k]` if `transposed`.
    Panels {
        /// Whether the columns of the product are the rows of the tensor.
        transposed: bool,
    },
    /// [`conv`]: a convolution's kernel `[o, i / group, *k]`.
    Conv {
        /// Groups of channels.
        group: usize,
    },
    /// [`depthwise`]: a depthwise convolution's kernel `[o, 1, *k]`.
    Depthwise,
    /// [`recurrent::input_gates`]: W of LSTM (4 gates), GRU (3) or RNN (1).
    InputGates {
        /// Gates per hidden unit.
        gates: usize,
    },
    /// [`recurrent::recurrent_gates`]: R of the same.
    RecurrentGates {
        /// Gates per hidden unit.
        gates: usize,
        /// Gates that are computed together first.
        split: usize,
    },
    /// [`recurrent::gate_bias`]: B of the same.
    GateBias {
        /// Gates per hidden unit.
        gates: usize,
        /// Gates whose two biases are added.
        summed: usize,
    },
    /// [`recurrent::last_recurrent_bias`]: what [`Packing::GateBias`] left out of a GRU's B.
    LastRecurrentBias {
        /// Gates per hidden unit.
        gates: usize,
    },
    /// [`recurrent::gate_vectors`]: P of an LSTM (3 gates).
    GateVectors {
        /// Gates per hidden unit.
        gates: usize,
    },
    /// [`conv_transpose`]: a transposed convolution's kernel `[i, o / group, *k]`; the axes are depth, height and width.
    ConvTranspose {
        /// Groups of channels.
        group: usize,
        /// Outputs per input.
        strides: [usize; 3],
        /// Steps between taps.
        dilations: [usize; 3],
        /// Outputs cut off at the begin.
        pads_begin: [usize; 3],
    },
    /// [`winograd`]: a kernel `[o, i, 3, 3]`, transformed for tiles of 2 × 2 or 4 × 4 outputs.
    Winograd {
        /// Outputs of a tile along each axis: 2 or 4.
        tile: usize,
    },
    /// [`integer_panels`] of a matrix of 8-bit integers `[k, n]`, or of `[n, k]` if `transposed`.
    IntegerPanels {
        /// Whether the columns of the product are the rows of the tensor.
        transposed: bool,
    },
    /// [`integer_conv`]: a convolution's kernel of 8-bit integers `[o, i / group, *k]`.
    IntegerConv {
        /// Groups of channels.
        group: usize,
        /// Whether a run is one tap, not a line.
        by_tap: bool,
    },
}

impl Packing {
    /// Whether it lays out 8-bit integers, and not floats.
    #[must_use]
    pub const fn is_integer(&self) -> bool {
        matches!(
            self,
            Packing::IntegerPanels { .. } | Packing::IntegerConv { .. }
        )
    }

    /// The packed elements of `w`, whose shape is `shape`: of floats, as all layouts are but those whose names begin with `Integer`, which
    /// leave them as they are.
    #[cfg(feature = "alloc")]
    #[must_use]
    #[inline]
    pub fn pack(&self, shape: &[usize], w: &[f32]) -> Vec<f32> {
        match self {
            Packing::Copy | Packing::IntegerPanels { .. } | Packing::IntegerConv { .. } => {
                w.to_vec()
            }
            Packing::Panels { transposed } => {
                let (k, n) = matrix(shape, *transposed);
                panels(w, k, n, *transposed)
            }
            Packing::Conv { group } => conv(w, shape, *group),
            Packing::Depthwise => depthwise(w, shape),
            Packing::Winograd { tile } => winograd(w, shape, *tile),
            Packing::ConvTranspose {
                group,
                strides,
                dilations,
                pads_begin,
            } => conv_transpose(w, shape, *group, *strides, *dilations, *pads_begin),
            Packing::InputGates { gates } => recurrent::input_gates(shape, w, *gates),
            Packing::RecurrentGates { gates, split } => {
                recurrent::recurrent_gates(shape, w, *gates, *split)
            }
            Packing::GateBias { gates, summed } => recurrent::gate_bias(shape, w, *gates, *summed),
            Packing::LastRecurrentBias { gates } => {
                recurrent::last_recurrent_bias(shape, w, *gates)
            }
            Packing::GateVectors { gates } => recurrent::gate_vectors(shape, w, *gates),
        }
    }

    /// The packed words of 8-bit integers `w`, whose shape is `shape`; `None` if this is a layout of floats.
    #[cfg(feature = "alloc")]
    #[must_use]
    #[inline]
    pub fn pack_integers(&self, shape: &[usize], w: &[i8]) -> Option<Vec<i32>> {
        match self {
            Packing::IntegerPanels { transposed } => {
                let (k, n) = matrix(shape, *transposed);
                Some(integer_panels(w, k, n, *transposed))
            }
            Packing::IntegerConv { group, by_tap } => Some(integer_conv(w, shape, *group, *by_tap)),
            _ => None,
        }
    }
}

/// Rows and columns of the matrix that a tensor is, or is the transpose of.
#[inline]
fn matrix(shape: &[usize], transposed: bool) -> (usize, usize) {
    if transposed {
        (shape[1], shape[0])
    } else {
        (shape[0], shape[1])
    }
}

/// Packs a matrix `[k, n]` (or, `transposed`, `[n, k]`) into `[ceil(n / 16)][k][16]`, zero-padded.
#[cfg(feature = "alloc")]
#[must_use]
#[inline]
pub fn panels(w: &[f32], k: usize, n: usize, transposed: bool) -> Vec<f32> {
    assert_eq!(w.len(), k * n, "panels: a matrix of {k} × {n}");
    let mut packed = vec![0.0; n.div_ceil(PANEL) * k * PANEL];
    for (p, panel) in packed.chunks_exact_mut((k * PANEL).max(1)).enumerate() {
        let columns = p * PANEL..((p + 1) * PANEL).min(n);
        for (i, row) in panel.as_chunks_mut::<PANEL>().0.iter_mut().enumerate() {
            if transposed {
                for (value, j) in row.iter_mut().zip(columns.clone()) {
                    *value = w[j * k + i];
                }
            } else {
                row[..columns.len()].copy_from_slice(&w[i * n..][columns.clone()]);
            }
        }
    }
    packed
}
