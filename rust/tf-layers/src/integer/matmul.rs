//! Products of 8-bit matrices.

use super::Byte;
use super::packed::{self, Kernel, Zero};
use crate::cpu::{Cpu, dispatch};
use crate::error::Result;
use crate::gemm::{DEPTH, Grid, Segments};
use crate::matrices::Matrices;
use crate::pack::PANEL;
use crate::slot::Scratch;

/// What [`MatMulInteger`] takes.
#[derive(Debug, Clone, Copy)]
pub struct MatMulIntegerInputs<'a, A, B> {
    /// `[*batch, m, k]`
    pub a: &'a [A],
    /// `[*batch, k, n]`
    pub b: &'a [B],
    /// The zero points of a: one, or one a row (m); 0 without.
    pub a_zero: Option<&'a [A]>,
    /// The zero points of b: one, or one a column (n); 0 without.
    pub b_zero: Option<&'a [B]>,
}

impl<A, B> Default for MatMulIntegerInputs<'_, A, B> {
    fn default() -> Self {
        Self {
            a: &[],
            b: &[],
            a_zero: None,
            b_zero: None,
        }
    }
}

/// y = (a − a_zero) · (b − b_zero): a `[*batch, m, k]`, b `[*batch, k, n]`, both u8 or i8, y `[*batch, m, n]` i32, exact.
///
/// [`Matrices`] says where elements lie. ONNX `MatMulInteger` with a right side that is computed, and the first half of `QLinearMatMul`; one that is
/// known at conversion is an [`IntegerDense`](super::IntegerDense).
#[derive(Debug, Clone, Copy)]
pub struct MatMulInteger;

impl MatMulInteger {
    /// Elements of scratch that a run needs at most: b packed, its sums, zero points and what a product starts with, and a copy of a.
    #[must_use]
    pub const fn scratch_len<const N: usize>(&self, matrices: Matrices<N>) -> usize {
        let Matrices { m, k, n, .. } = matrices;
        packed::start_len(n) * (k.div_ceil(DEPTH) + 3) + packed::copy_len(m * k)
    }

    /// The product. b is packed into the scratch.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory) if there is none for the scratch.
    pub fn run<A: Byte, B: Byte, const N: usize>(
        &self,
        cpu: Cpu,
        matrices: Matrices<N>,
        inputs: MatMulIntegerInputs<A, B>,
        y: &mut [i32],
        scratch: &mut dyn Scratch,
    ) -> Result<()> {
        let MatMulIntegerInputs {
            a,
            b,
            a_zero,
            b_zero,
        } = inputs;
        let Matrices { m, k, n, .. } = matrices;
        let y = &mut y[..matrices.outputs()];
        if y.is_empty() {
            return Ok(());
        }
        let width = packed::start_len(n);
        let in_place = matrices.a_steps == [k, 1] && packed::is_whole(k) && A::SIGN == 0;
        let words = width * k.div_ceil(DEPTH);
        let scratch = scratch.fit(if in_place {
            words + 3 * width
        } else {
            self.scratch_len(matrices)
        })?;
        let (panels, scratch) = scratch.split_at_mut(words);
        let (sums, scratch) = scratch.split_at_mut(width);
        let (zeros, scratch) = scratch.split_at_mut(width);
        let (start, copy) = scratch.split_at_mut(width);
        let panels: &mut [i32] = bytemuck::cast_slice_mut(panels);
        let sums: &mut [i32] = bytemuck::cast_slice_mut(sums);
        let zeros: &mut [i32] = bytemuck::cast_slice_mut(zeros);
        let copy: &mut [u8] = bytemuck::cast_slice_mut(copy);
        for (c, zero) in zeros[..n].iter_mut().enumerate() {
            *zero = signed_zero(b_zero, c);
        }
        let has_zeros = zeros[..n].iter().any(|zero| *zero != 0);
        let mut packed_at = None;
        for (i, y) in y.chunks_exact_mut(m * n).enumerate() {
            let [a_at, b_at] = matrices.starts(i);
            if packed_at != Some(b_at) {
                packed_at = Some(b_at);
                let (b, steps) = (B::raw(&b[b_at..]), matrices.b_steps);
                dispatch!(cpu.level, _ => pack(b, B::SIGN ^ 0x80, [k, n], steps, panels, sums));
            }
            let x = if in_place {
                A::raw(&a[a_at..][..m * k])
            } else {
                copy_rows(&a[a_at..], matrices.a_steps, [m, k], copy);
                &*copy
            };
            let kernel = Kernel {
                columns: n,
                panels,
                sums,
                zeros: has_zeros.then_some(&zeros[..n]),
            };
            packed::multiply(
                cpu,
                (Grid::matrix(m, k, n), Segments::one(k)),
                kernel,
                x,
                Zero::new(a_zero),
                y,
                bytemuck::cast_slice_mut(start),
            );
        }
        Ok(())
    }
}

/// The zero point of a column of weights that have lost 128 if they had no sign.
fn signed_zero<B: Byte>(zeros: Option<&[B]>, column: usize) -> i32 {
    let zero = match zeros {
        None => B::default(),
        Some([one]) => *one,
        Some(many) => many[column],
    };
    i32::from(zero.unsigned()) - 128
}

/// Copies rows one behind the other, as bytes without a sign.
fn copy_rows<A: Byte>(a: &[A], steps: [usize; 2], [m, k]: [usize; 2], to: &mut [u8]) {
    if k == 0 {
        return;
    }
    for (i, to) in to.chunks_exact_mut(k).enumerate().take(m) {
        let row = a[i * steps[0]..].iter().step_by(steps[1].max(1));
        for (to, value) in to.iter_mut().zip(row) {
            *to = value.unsigned();
        }
    }
}

/// Packs a matrix `[k, n]` as [`integer_panels`](crate::pack::integer_panels) does, with the bits of `sign` turned.
#[inline(always)]
fn pack(
    b: &[u8],
    sign: u8,
    [k, n]: [usize; 2],
    steps: [usize; 2],
    panels: &mut [i32],
    sums: &mut [i32],
) {
    let panel_len = k.div_ceil(DEPTH) * PANEL;
    let signs = i32::from_le_bytes([sign; DEPTH]);
    for (p, sums) in sums.as_chunks_mut::<PANEL>().0.iter_mut().enumerate() {
        *sums = [0; PANEL];
        let columns = (n - p * PANEL).min(PANEL);
        let words = &mut panels[p * panel_len..][..panel_len];
        for (w, word) in words.as_chunks_mut::<PANEL>().0.iter_mut().enumerate() {
            let start = w * DEPTH * steps[0] + p * PANEL * steps[1];
            let rows = (k - w * DEPTH).min(DEPTH);
            if columns < PANEL || rows < DEPTH {
                *word = [0; PANEL];
                for (c, word) in word.iter_mut().enumerate().take(columns) {
                    let mut bytes = [0; DEPTH];
                    for (i, byte) in bytes.iter_mut().enumerate().take(rows) {
                        *byte = b[start + i * steps[0] + c * steps[1]] ^ sign;
                    }
                    *word = i32::from_le_bytes(bytes);
                }
            } else if steps[0] == 1 {
                for c in 0..PANEL {
                    let bytes = b[start + c * steps[1]..].first_chunk();
                    word[c] = i32::from_le_bytes(*bytes.unwrap_or(&[0; DEPTH])) ^ signs;
                }
            } else {
                let mut bytes = [[0; PANEL]; DEPTH];
                for (i, bytes) in bytes.iter_mut().enumerate() {
                    let row = &b[start + i * steps[0]..];
                    match row.first_chunk() {
                        Some(row) if steps[1] == 1 => *bytes = *row,
                        _ => {
                            for (c, byte) in bytes.iter_mut().enumerate() {
                                *byte = row[c * steps[1]];
                            }
                        }
                    }
                }
                let [r0, r1, r2, r3] = bytes;
                for c in 0..PANEL {
                    word[c] = i32::from_le_bytes([r0[c], r1[c], r2[c], r3[c]]) ^ signs;
                }
            }
            for c in 0..PANEL {
                let word = word[c];
                let pairs = [
                    word << 24 >> 24,
                    word << 16 >> 24,
                    word << 8 >> 24,
                    word >> 24,
                ];
                sums[c] = sums[c].wrapping_add(pairs[0] + pairs[1] + pairs[2] + pairs[3]);
            }
        }
    }
}
