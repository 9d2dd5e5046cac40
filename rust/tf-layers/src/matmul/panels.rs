//! Bringing operands into the order that the product kernel wants, while the model runs.

use super::Operand;
use crate::cpu::Simd;
use crate::pack::PANEL;

/// Steps of k that are transposed at a time.
const BLOCK: usize = 8;

/// Copies an operand of `m` × `k` to rows one behind the other.
pub(super) fn rows(a: Operand, [m, k]: [usize; 2], to: &mut [f32]) {
    for (i, to) in to.chunks_exact_mut(k.max(1)).enumerate().take(m) {
        let row = a.data[i * a.steps[0]..].iter().step_by(a.steps[1].max(1));
        for (to, value) in to.iter_mut().zip(row) {
            *to = *value;
        }
    }
}

/// Packs an operand of `k` × `n`, times `alpha`, into panels `[ceil(n / 16)][k][16]`, zero-padded.
#[inline(always)]
pub(super) fn pack<S: Simd>(_s: S, b: Operand, [k, n]: [usize; 2], alpha: f32, to: &mut [f32]) {
    for (p, panel) in to.chunks_exact_mut((k * PANEL).max(1)).enumerate() {
        let columns = (n - p * PANEL).min(PANEL);
        let start = p * PANEL * b.steps[1];
        let panel = panel.as_chunks_mut::<PANEL>().0;
        match b.steps {
            [step, 1] if columns == PANEL => {
                for (i, to) in panel.iter_mut().enumerate() {
                    if let Some(row) = b.data[start + i * step..].first_chunk::<PANEL>() {
                        *to = row.map(
                            #[inline(always)]
                            |v| alpha * v,
                        );
                    }
                }
            }
            [1, step] if columns == PANEL => transpose(&b.data[start..], step, alpha, panel),
            [down, across] => {
                for (i, to) in panel.iter_mut().enumerate() {
                    *to = [0.0; PANEL];
                    for (j, to) in to.iter_mut().enumerate().take(columns) {
                        *to = alpha * b.data[start + i * down + j * across];
                    }
                }
            }
        }
    }
}

/// A panel whose 16 columns are runs of memory, `step` apart.
#[inline(always)]
fn transpose(data: &[f32], step: usize, alpha: f32, panel: &mut [[f32; PANEL]]) {
    let k = panel.len();
    let mut columns: [&[f32]; PANEL] = [&[]; PANEL];
    for (j, column) in columns.iter_mut().enumerate() {
        *column = &data[j * step..][..k];
    }
    let (blocks, tail) = panel.as_chunks_mut::<BLOCK>();
    for (c, block) in blocks.iter_mut().enumerate() {
        let mut x = [[0.0; BLOCK]; PANEL];
        for (x, column) in x.iter_mut().zip(&columns) {
            *x = column.as_chunks::<BLOCK>().0[c];
        }
        for (i, to) in block.iter_mut().enumerate() {
            for (to, x) in to.iter_mut().zip(&x) {
                *to = alpha * x[i];
            }
        }
    }
    let done = k - tail.len();
    for (i, to) in tail.iter_mut().enumerate() {
        for (to, column) in to.iter_mut().zip(&columns) {
            *to = alpha * column[done + i];
        }
    }
}
