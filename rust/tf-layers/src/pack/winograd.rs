//! Kernels of Winograd convolutions, transformed.

use super::PANEL;
#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};

/// G of F(2×2, 3×3) and F(4×4, 3×3), points 0, 1, −1, ∞ and 0, 1, −1, 2, −2, ∞ (Lavin and Gray, "Fast Algorithms for
/// Convolutional Neural Networks", 2015, section 4).
const G2: &[[f64; 3]] = &[
    [1.0, 0.0, 0.0],
    [0.5, 0.5, 0.5],
    [0.5, -0.5, 0.5],
    [0.0, 0.0, 1.0],
];
const G4: &[[f64; 3]] = &[
    [0.25, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// Transforms a kernel `[o, i, 3, 3]` to U = G·g·Gᵀ (in f64) and packs it: `[(tile + 2)²][ceil(o / 16)][i][16]`, for tiles of 2 × 2 or 4 × 4
/// outputs.
///
/// # Panics
/// If `w` is not such a kernel, or `tile` neither 2 nor 4.
#[cfg(feature = "alloc")]
#[must_use]
#[inline]
pub fn winograd(w: &[f32], shape: &[usize], tile: usize) -> Vec<f32> {
    assert!(
        shape.len() == 4 && shape[2..] == [3, 3],
        "winograd: a kernel of shape {shape:?}"
    );
    assert!(tile == 2 || tile == 4, "winograd: tiles of {tile}");
    let g = if tile == 2 { G2 } else { G4 };
    let (outputs, inputs, size) = (shape[0], shape[1], g.len());
    let plane = outputs.div_ceil(PANEL) * inputs * PANEL;
    let mut packed = vec![0.0; size * size * plane];
    for o in 0..outputs {
        for i in 0..inputs {
            let kernel = &w[(o * inputs + i) * 9..][..9];
            let at = (o / PANEL * inputs + i) * PANEL + o % PANEL;
            for a in 0..size {
                let mut row = [0.0; 3];
                for x in 0..3 {
                    for y in 0..3 {
                        row[x] += g[a][y] * f64::from(kernel[y * 3 + x]);
                    }
                }
                for b in 0..size {
                    let value = row[0] * g[b][0] + row[1] * g[b][1] + row[2] * g[b][2];
                    packed[(a * size + b) * plane + at] = value as f32;
                }
            }
        }
    }
    packed
}
