//! Kernels of 8-bit products.
//!
//! Four neighbours of a column make a word, the first in its lowest bits; a run whose length is no multiple of four ends with zeros, and so
//! may be multiplied with whatever lies behind the row. Behind all panels stand the sums of the columns, by which the product takes x's
//! zero point into account.

use super::PANEL;
#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};

/// Bytes in a word.
const DEPTH: usize = 4;

/// Words of packed kernels: `group` of them, with `outputs` columns in all, of `runs` runs of `len` bytes.
#[must_use]
pub const fn integer_len(outputs: usize, group: usize, runs: usize, len: usize) -> usize {
    group * (outputs / group).div_ceil(PANEL) * PANEL * (runs * len.div_ceil(DEPTH) + 1)
}

/// Packs a matrix `[k, n]` (or, `transposed`, `[n, k]`) into `[ceil(n / 16)][ceil(k / 4)][16]` words of four, and `[ceil(n / 16)][16]` sums.
///
/// # Panics
/// If `w` is not such a matrix.
#[cfg(feature = "alloc")]
#[must_use]
#[inline]
pub fn integer_panels(w: &[i8], k: usize, n: usize, transposed: bool) -> Vec<i32> {
    assert_eq!(w.len(), k * n, "integer_panels: a matrix of {k} × {n}");
    let steps = if transposed { [1, k] } else { [n, 1] };
    packed([1, n, 1, k], |_, _, i, column| {
        w[i * steps[0] + column * steps[1]]
    })
}

/// Packs a convolution's kernel `[o, i / group, *k]` into `[group][ceil(o / group / 16)][runs][ceil(len / 4)][16]` words of four, and
/// `[group][ceil(o / group / 16)][16]` sums. A run is a line of the kernel with all its channels, or one tap's channels where a line's
/// inputs are no neighbours in an image (`by_tap`: several groups, or a dilated line).
///
/// # Panics
/// If `w` has not as many elements as `shape` says, or `group` does not divide the outputs.
#[cfg(feature = "alloc")]
#[must_use]
#[inline]
pub fn integer_conv(w: &[i8], shape: &[usize], group: usize, by_tap: bool) -> Vec<i32> {
    let [outputs, inputs, taps] = super::conv::axes(w.len(), shape);
    assert!(
        group > 0 && outputs.is_multiple_of(group),
        "integer_conv: {outputs} outputs in {group} groups"
    );
    let line = match shape.last() {
        Some(&width) if !by_tap && shape.len() > 2 => width,
        _ => 1,
    };
    let runs = taps / line.max(1);
    packed([group, outputs, runs, line * inputs], |g, run, i, o| {
        let (tap, channel) = (run * line + i / inputs, i % inputs);
        w[((g * (outputs / group) + o) * inputs + channel) * taps + tap]
    })
}

/// Packs what `w` has for a group, a run, a place in it, and a column.
#[cfg(feature = "alloc")]
#[inline]
fn packed(
    [group, outputs, runs, len]: [usize; 4],
    w: impl Fn(usize, usize, usize, usize) -> i8,
) -> Vec<i32> {
    let (columns, words) = (outputs / group, len.div_ceil(DEPTH));
    let panels = columns.div_ceil(PANEL);
    let mut packed = vec![0; integer_len(outputs, group, runs, len)];
    let (kernels, sums) = packed.split_at_mut(group * panels * runs * words * PANEL);
    for g in 0..group {
        for column in 0..columns {
            let panel = g * panels + column / PANEL;
            let mut sum = 0_i32;
            for run in 0..runs {
                for word in 0..words {
                    let mut bytes = [0; DEPTH];
                    for (i, byte) in bytes.iter_mut().enumerate() {
                        if word * DEPTH + i < len {
                            let value = w(g, run, word * DEPTH + i, column);
                            sum = sum.wrapping_add(value.into());
                            *byte = value as u8;
                        }
                    }
                    let at = ((panel * runs + run) * words + word) * PANEL + column % PANEL;
                    kernels[at] = i32::from_le_bytes(bytes);
                }
            }
            sums[panel * PANEL + column % PANEL] = sum;
        }
    }
    packed
}
