//! Kernels of transposed convolutions, sorted by phase.
//!
//! Along one axis the outputs `o = phase + stride · j` see the same taps, those t for which `o + pad − dilation · t` is a multiple of the stride;
//! tap t reads input `(o + pad − dilation · t) / stride`. So each phase is an ordinary convolution with its share of the taps, read from the
//! last to the first.

use super::PANEL;
#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};

/// One axis of a transposed convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    /// Outputs cut off at the begin.
    pub begin: usize,
}

/// The taps of one phase of an [`Axis`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Phase {
    /// How many.
    pub taps: usize,
    /// The last of them, the first to be read.
    pub last: usize,
    /// Distance between them.
    pub step: usize,
    /// The input that the last tap reads for the phase's first output.
    #[cfg_attr(
        not(feature = "conv-transpose"),
        expect(
            dead_code,
            reason = "packing needs the taps alone, the kernel their places"
        )
    )]
    pub input: isize,
}

impl Axis {
    /// Phase `phase` (below the stride).
    #[inline]
    pub(crate) const fn phase(&self, phase: usize) -> Phase {
        let (first, stride) = (phase + self.begin, self.stride);
        let step = stride / greatest_common_divisor(stride, self.dilation);
        let (mut taps, mut last, mut t) = (0, 0, 0);
        while t < self.kernel {
            if first % stride == (self.dilation * t) % stride {
                (taps, last) = (taps + 1, t);
            }
            t += 1;
        }
        let input = (first as isize - (self.dilation * last) as isize).div_euclid(stride as isize);
        Phase {
            taps,
            last,
            step,
            input,
        }
    }

    /// Distance of the inputs that neighbouring taps of a phase read.
    #[cfg_attr(
        not(feature = "conv-transpose"),
        expect(
            dead_code,
            reason = "packing needs the taps alone, the kernel their places"
        )
    )]
    #[inline]
    pub(crate) const fn input_step(&self) -> usize {
        self.dilation / greatest_common_divisor(self.stride, self.dilation)
    }
}

#[inline]
const fn greatest_common_divisor(mut a: usize, mut b: usize) -> usize {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Packs a transposed convolution's kernel `[i, o / group, *k]`: per group and phase (depth, height, width, the last fastest) the panels
/// `[ceil(o / group / 16)][taps of the phase, last tap first][i / group][16]`.
///
/// # Panics
/// If `w` has not as many elements as `shape` says, or `group` does not divide the inputs.
#[must_use]
#[inline]
#[cfg(feature = "alloc")]
pub fn conv_transpose(
    w: &[f32],
    shape: &[usize],
    group: usize,
    strides: [usize; 3],
    dilations: [usize; 3],
    pads_begin: [usize; 3],
) -> Vec<f32> {
    let mut kernel = [1; 3];
    kernel[3 - (shape.len() - 2)..].copy_from_slice(&shape[2..]);
    let axes: [Axis; 3] = core::array::from_fn(|i| Axis {
        kernel: kernel[i],
        stride: strides[i],
        dilation: dilations[i],
        begin: pads_begin[i],
    });
    let [all_inputs, outputs] = [shape[0], shape[1]];
    let taps: usize = kernel.iter().product();
    assert_eq!(
        w.len(),
        all_inputs * outputs * taps,
        "a kernel of shape {shape:?}"
    );
    assert!(
        group > 0 && all_inputs.is_multiple_of(group),
        "conv_transpose: {all_inputs} inputs in {group} groups"
    );
    let mut packed =
        vec![0.0; group * outputs.div_ceil(PANEL) * taps * (all_inputs / group) * PANEL];
    conv_transpose_into(w, [all_inputs, outputs], group, axes, &mut packed);
    packed
}

/// [`conv_transpose`] into a slice of the right length whose padding is zero; `channels` are `[i, o / group]`.
#[inline]
pub(crate) fn conv_transpose_into(
    w: &[f32],
    [inputs, outputs]: [usize; 2],
    group: usize,
    axes: [Axis; 3],
    packed: &mut [f32],
) {
    let inputs = inputs / group;
    let kernel = axes.map(|axis| axis.kernel);
    let taps: usize = kernel.iter().product();
    let mut at = 0;
    for g in 0..group {
        for_each_phase(axes.map(|axis| axis.stride), |phases| {
            let [depth, height, width] = [0, 1, 2].map(|i| axes[i].phase(phases[i]));
            for panel in 0..outputs.div_ceil(PANEL) {
                let columns = (outputs - panel * PANEL).min(PANEL);
                for z in 0..depth.taps {
                    for y in 0..height.taps {
                        for x in 0..width.taps {
                            let line = (depth.last - z * depth.step) * kernel[1] + height.last
                                - y * height.step;
                            let tap = line * kernel[2] + width.last - x * width.step;
                            for i in 0..inputs {
                                let start =
                                    ((g * inputs + i) * outputs + panel * PANEL) * taps + tap;
                                for o in 0..columns {
                                    packed[at + o] = w[start + o * taps];
                                }
                                at += PANEL;
                            }
                        }
                    }
                }
            }
        });
    }
}

/// Calls `f` with every phase of three axes, the last axis fastest.
#[inline]
pub(crate) fn for_each_phase(strides: [usize; 3], mut f: impl FnMut([usize; 3])) {
    for z in 0..strides[0] {
        for y in 0..strides[1] {
            for x in 0..strides[2] {
                f([z, y, x]);
            }
        }
    }
}
