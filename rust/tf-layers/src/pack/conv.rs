//! Kernels of convolutions.

use super::PANEL;
#[cfg(feature = "alloc")]
use super::panels;
#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};

/// Packs a convolution's kernel `[o, i / group, *k]` into `[group][ceil(o / group / 16)][*k][i / group][16]`: per group the panels of a
/// matrix whose rows are in the order in which a channels-last image has its inputs.
///
/// # Panics
/// If `w` has not as many elements as `shape` says, or `group` does not divide the outputs.
#[cfg(feature = "alloc")]
#[must_use]
#[inline]
pub fn conv(w: &[f32], shape: &[usize], group: usize) -> Vec<f32> {
    let [outputs, inputs, taps] = axes(w.len(), shape);
    assert!(
        group > 0 && outputs.is_multiple_of(group),
        "conv: {outputs} outputs in {group} groups"
    );
    let mut packed = vec![0.0; group * (outputs / group).div_ceil(PANEL) * taps * inputs * PANEL];
    conv_into(w, [outputs, inputs, taps], group, &mut packed);
    packed
}

/// [`conv`] into a slice of the right length whose padding is zero; `shape` is `[o, i / group, taps]`.
#[inline]
pub(crate) fn conv_into(
    w: &[f32],
    [outputs, inputs, taps]: [usize; 3],
    group: usize,
    packed: &mut [f32],
) {
    let outputs = outputs / group;
    let group_len = outputs.div_ceil(PANEL) * taps * inputs * PANEL;
    // Index loops throughout: build scripts are not optimised, and iterators cost more than indices there.
    for o in 0..group * outputs {
        let (g, column) = (o / outputs, o % outputs);
        let start = g * group_len + column / PANEL * taps * inputs * PANEL + column % PANEL;
        let kernel = &w[o * inputs * taps..][..inputs * taps];
        for i in 0..inputs {
            for t in 0..taps {
                packed[start + (t * inputs + i) * PANEL] = kernel[i * taps + t];
            }
        }
    }
}

/// Packs a depthwise convolution's kernel `[channels * multiplier, 1, *k]` into `[ceil(o / 16)][*k][16]`.
///
/// # Panics
/// If `w` has not as many elements as `shape` says.
#[cfg(feature = "alloc")]
#[must_use]
#[inline]
pub fn depthwise(w: &[f32], shape: &[usize]) -> Vec<f32> {
    let [outputs, inputs, taps] = axes(w.len(), shape);
    assert_eq!(inputs, 1, "depthwise: one input per output");
    panels(w, taps, outputs, true)
}

/// A kernel's first two axes and the number of taps, which make up `len` elements.
#[inline]
pub(super) fn axes(len: usize, shape: &[usize]) -> [usize; 3] {
    let taps = shape[2..].iter().product();
    assert_eq!(
        len,
        shape[0] * shape[1] * taps,
        "a kernel of shape {shape:?}"
    );
    [shape[0], shape[1], taps]
}
