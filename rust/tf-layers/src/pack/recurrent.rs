//! Layouts for recurrent layers: hidden units in blocks of 16, the gates of a block side by side.
//!
//! ONNX tensors in: W `[directions, gates · hidden, inputs]`, R `[directions, gates · hidden, hidden]`,
//! B `[directions, 2 · gates · hidden]` (input half, recurrent half), P `[directions, gates · hidden]`.

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
#[must_use]
#[inline]
pub fn input_gates(shape: &[usize], w: &[f32], gates: usize) -> Vec<f32> {
    let (directions, rows, inputs) = (shape[0], shape[1], shape[2]);
    let hidden = rows / gates;
    let mut packed =
        Vec::with_capacity(directions * hidden.div_ceil(PANEL) * gates * inputs * PANEL);
    for w in w.chunks_exact((rows * inputs).max(1)).take(directions) {
        for units in blocks(hidden) {
            for gate in 0..gates {
                packed.extend(columns(w, inputs, gate * hidden, &units, inputs));
            }
        }
    }
    packed
}

/// R for the recurrence: `[directions]`, each `[blocks][k][split][16]` with the first `split` gates, then
/// `[blocks][k][gates − split][16]` with the others; k is `hidden` rounded up to a multiple of [`STEP`].
#[must_use]
#[inline]
pub fn recurrent_gates(shape: &[usize], r: &[f32], gates: usize, split: usize) -> Vec<f32> {
    let (directions, rows, hidden) = (shape[0], shape[1], shape[2]);
    let k = hidden.next_multiple_of(STEP);
    let mut packed = Vec::with_capacity(directions * hidden.div_ceil(PANEL) * gates * k * PANEL);
    for r in r.chunks_exact((rows * hidden).max(1)).take(directions) {
        for part in [0..split, split..gates] {
            for units in blocks(hidden) {
                let panels: Vec<_> = part
                    .clone()
                    .map(|gate| columns(r, hidden, gate * hidden, &units, k))
                    .collect();
                for i in 0..k {
                    for panel in &panels {
                        packed.extend_from_slice(&panel[i * PANEL..][..PANEL]);
                    }
                }
            }
        }
    }
    packed
}

/// The rows `first + units` of a matrix with `inputs` columns, transposed: `[k][16]`, zero-padded.
#[inline]
fn columns(w: &[f32], inputs: usize, first: usize, units: &Range<usize>, k: usize) -> Vec<f32> {
    let mut panel = vec![0.0; k * PANEL];
    for (lane, unit) in units.clone().enumerate() {
        let row = &w[(first + unit) * inputs..][..inputs];
        for (to, &value) in panel[lane..].iter_mut().step_by(PANEL).zip(row) {
            *to = value;
        }
    }
    panel
}

/// Vectors `[directions, gates · hidden]` (peepholes) as `[directions][blocks][gates][16]`, zero-padded.
#[must_use]
#[inline]
pub fn gate_vectors(shape: &[usize], p: &[f32], gates: usize) -> Vec<f32> {
    let hidden = shape[1] / gates;
    let mut packed = Vec::with_capacity(shape[0] * hidden.div_ceil(PANEL) * gates * PANEL);
    for p in p.chunks_exact(shape[1].max(1)).take(shape[0]) {
        for units in blocks(hidden) {
            for gate in p.chunks_exact(hidden) {
                let units = &gate[units.clone()];
                packed.extend_from_slice(units);
                packed.resize(packed.len() + PANEL - units.len(), 0.0);
            }
        }
    }
    packed
}

/// B's input half, plus its recurrent half for the first `summed` gates: `[directions][blocks][gates][16]`.
#[must_use]
#[inline]
pub fn gate_bias(shape: &[usize], b: &[f32], gates: usize, summed: usize) -> Vec<f32> {
    let rows = shape[1] / 2;
    let joined: Vec<f32> = b
        .chunks_exact(shape[1].max(1))
        .flat_map(|b| {
            let (input, recurrent) = b.split_at(rows);
            let reach = summed * rows / gates;
            (0..rows).map(move |i| {
                if i < reach {
                    input[i] + recurrent[i]
                } else {
                    input[i]
                }
            })
        })
        .collect();
    gate_vectors(&[shape[0], rows], &joined, gates)
}

/// The recurrent half of B for the last gate only: `[directions][blocks][16]`.
#[must_use]
#[inline]
pub fn last_recurrent_bias(shape: &[usize], b: &[f32], gates: usize) -> Vec<f32> {
    let hidden = shape[1] / 2 / gates;
    let last: Vec<f32> = b
        .chunks_exact(shape[1].max(1))
        .flat_map(|b| b[b.len() - hidden..].iter().copied())
        .collect();
    gate_vectors(&[shape[0], hidden], &last, 1)
}
