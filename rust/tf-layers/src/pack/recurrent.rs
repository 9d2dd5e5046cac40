//! Layouts for recurrent layers: hidden units in blocks of 16, the gates of a block side by side.
//!
//! ONNX tensors in: W `[directions, gates · hidden, inputs]`, R `[directions, gates · hidden, hidden]`,
//! B `[directions, 2 · gates · hidden]` (input half, recurrent half), P `[directions, gates · hidden]`.

#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};
use core::ops::Range;

use super::PANEL;

/// Steps of k that the recurrent kernel takes at once: k is zero-padded to a multiple.
pub const STEP: usize = 4;

/// The hidden units of each block of 16.
#[inline]
fn blocks(hidden: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    (0..hidden)
        .step_by(PANEL)
        .map(move |first| first..(first + PANEL).min(hidden))
}

/// W as panels of the product with x: `[directions][blocks][gates][inputs][16]`, zero-padded.
#[cfg(feature = "alloc")]
#[must_use]
#[inline]
pub fn input_gates(shape: &[usize], w: &[f32], gates: usize) -> Vec<f32> {
    let mut packed = vec![0.0; input_gates_len(shape, gates)];
    input_gates_into(shape, w, gates, &mut packed);
    packed
}

/// Elements of [`input_gates`].
pub(crate) fn input_gates_len(shape: &[usize], gates: usize) -> usize {
    vectors_len(shape[0], shape[1], gates) * shape[2]
}

/// [`input_gates`] into zeros.
#[inline]
pub(crate) fn input_gates_into(shape: &[usize], w: &[f32], gates: usize, packed: &mut [f32]) {
    let (directions, rows, inputs) = (shape[0], shape[1], shape[2]);
    let hidden = rows / gates;
    let mut panels = packed.chunks_exact_mut((inputs * PANEL).max(1));
    for w in w.chunks_exact((rows * inputs).max(1)).take(directions) {
        for units in blocks(hidden) {
            for (gate, panel) in (0..gates).zip(&mut panels) {
                columns(w, inputs, gate * hidden, &units, panel, PANEL);
            }
        }
    }
}

/// R for the recurrence: `[directions]`, each `[blocks][k][split][16]` with the first `split` gates, then
/// `[blocks][k][gates − split][16]` with the others; k is `hidden` rounded up to a multiple of [`STEP`].
#[cfg(feature = "alloc")]
#[must_use]
#[inline]
pub fn recurrent_gates(shape: &[usize], r: &[f32], gates: usize, split: usize) -> Vec<f32> {
    let mut packed = vec![0.0; recurrent_gates_len(shape, gates)];
    recurrent_gates_into(shape, r, gates, split, &mut packed);
    packed
}

/// Elements of [`recurrent_gates`].
pub(crate) fn recurrent_gates_len(shape: &[usize], gates: usize) -> usize {
    vectors_len(shape[0], shape[1], gates) * shape[2].next_multiple_of(STEP)
}

/// [`recurrent_gates`] into zeros.
#[inline]
pub(crate) fn recurrent_gates_into(
    shape: &[usize],
    r: &[f32],
    gates: usize,
    split: usize,
    packed: &mut [f32],
) {
    let (directions, rows, hidden) = (shape[0], shape[1], shape[2]);
    let k = hidden.next_multiple_of(STEP);
    let mut rest = packed;
    for r in r.chunks_exact((rows * hidden).max(1)).take(directions) {
        for part in [0..split, split..gates] {
            for units in blocks(hidden) {
                let step = part.len() * PANEL;
                let (block, behind) = rest.split_at_mut(k * step);
                rest = behind;
                for (i, gate) in part.clone().enumerate() {
                    let block = &mut block[i * PANEL..];
                    columns(r, hidden, gate * hidden, &units, block, step);
                }
            }
        }
    }
}

/// The rows `first + units` of a matrix with `inputs` columns, transposed: 16 lanes every `step` elements.
#[inline]
fn columns(
    w: &[f32],
    inputs: usize,
    first: usize,
    units: &Range<usize>,
    to: &mut [f32],
    step: usize,
) {
    for (lane, unit) in units.clone().enumerate() {
        let row = &w[(first + unit) * inputs..][..inputs];
        for (to, &value) in to[lane..].iter_mut().step_by(step).zip(row) {
            *to = value;
        }
    }
}

/// Elements of vectors of `rows` for all gates together.
pub(crate) fn vectors_len(directions: usize, rows: usize, gates: usize) -> usize {
    directions * (rows / gates).div_ceil(PANEL) * gates * PANEL
}

/// `[directions][blocks][gates][16]` into zeros: `value(direction, gate, unit)`.
#[inline]
fn vectors(
    [directions, hidden, gates]: [usize; 3],
    packed: &mut [f32],
    value: impl Fn(usize, usize, usize) -> f32,
) {
    let mut panels = packed.chunks_exact_mut(PANEL);
    for direction in 0..directions {
        for units in blocks(hidden) {
            for (gate, panel) in (0..gates).zip(&mut panels) {
                for (to, unit) in panel.iter_mut().zip(units.clone()) {
                    *to = value(direction, gate, unit);
                }
            }
        }
    }
}

/// Vectors `[directions, gates · hidden]` (peepholes) as `[directions][blocks][gates][16]`, zero-padded.
#[cfg(feature = "alloc")]
#[must_use]
#[inline]
pub fn gate_vectors(shape: &[usize], p: &[f32], gates: usize) -> Vec<f32> {
    let mut packed = vec![0.0; vectors_len(shape[0], shape[1], gates)];
    gate_vectors_into(shape, p, gates, &mut packed);
    packed
}

/// [`gate_vectors`] into zeros.
#[inline]
pub(crate) fn gate_vectors_into(shape: &[usize], p: &[f32], gates: usize, packed: &mut [f32]) {
    let hidden = shape[1] / gates;
    vectors(
        [shape[0], hidden, gates],
        packed,
        |direction, gate, unit| p[direction * shape[1] + gate * hidden + unit],
    );
}

/// B's input half, plus its recurrent half for the first `summed` gates: `[directions][blocks][gates][16]`.
#[cfg(feature = "alloc")]
#[must_use]
#[inline]
pub fn gate_bias(shape: &[usize], b: &[f32], gates: usize, summed: usize) -> Vec<f32> {
    let mut packed = vec![0.0; vectors_len(shape[0], shape[1] / 2, gates)];
    gate_bias_into(shape, b, gates, summed, &mut packed);
    packed
}

/// [`gate_bias`] into zeros.
#[inline]
pub(crate) fn gate_bias_into(
    shape: &[usize],
    b: &[f32],
    gates: usize,
    summed: usize,
    packed: &mut [f32],
) {
    let rows = shape[1] / 2;
    let hidden = rows / gates;
    vectors(
        [shape[0], hidden, gates],
        packed,
        |direction, gate, unit| {
            let (input, recurrent) = b[direction * shape[1]..][..shape[1]].split_at(rows);
            let row = gate * hidden + unit;
            if gate < summed {
                input[row] + recurrent[row]
            } else {
                input[row]
            }
        },
    );
}

/// The recurrent half of B for the last gate only: `[directions][blocks][16]`.
#[cfg(feature = "alloc")]
#[must_use]
#[inline]
pub fn last_recurrent_bias(shape: &[usize], b: &[f32], gates: usize) -> Vec<f32> {
    let hidden = shape[1] / 2 / gates;
    let mut packed = vec![0.0; vectors_len(shape[0], hidden, 1)];
    last_recurrent_bias_into(shape, b, gates, &mut packed);
    packed
}

/// [`last_recurrent_bias`] into zeros.
#[inline]
pub(crate) fn last_recurrent_bias_into(
    shape: &[usize],
    b: &[f32],
    gates: usize,
    packed: &mut [f32],
) {
    let hidden = shape[1] / 2 / gates;
    vectors([shape[0], hidden, 1], packed, |direction, _, unit| {
        b[(direction + 1) * shape[1] - hidden + unit]
    });
}
