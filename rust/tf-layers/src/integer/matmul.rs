//! Products of 8-bit matrices.

use super::{Byte, zero_at};
use crate::cpu::{Cpu, dispatch};
use crate::matrices::Matrices;

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

/// y = (a − a_zero) · (b − b_zero): a `[*batch, m, k]`, b `[*batch, k, n]`, both u8 or i8, y `[*batch, m, n]` i32.
///
/// [`Matrices`] says where elements lie. ONNX `MatMulInteger`, and the first half of `QLinearMatMul`.
#[derive(Debug, Clone, Copy)]
pub struct MatMulInteger;

impl MatMulInteger {
    /// The product.
    pub fn run<A: Byte, B: Byte, const N: usize>(
        &self,
        cpu: Cpu,
        matrices: Matrices<N>,
        inputs: MatMulIntegerInputs<A, B>,
        y: &mut [i32],
    ) {
        let MatMulIntegerInputs {
            a,
            b,
            a_zero,
            b_zero,
        } = inputs;
        let Matrices {
            m,
            k,
            n,
            a_steps,
            b_steps,
            ..
        } = matrices;
        let y = &mut y[..matrices.outputs()];
        if y.is_empty() {
            return;
        }
        for (i, y) in y.chunks_exact_mut(m * n).enumerate() {
            let [a_at, b_at] = matrices.starts(i);
            dispatch!(cpu.level, _ => matrix([m, k, n], (&a[a_at..], a_steps, a_zero), (&b[b_at..], b_steps, b_zero), y));
        }
    }
}

/// Elements, their steps and zero points.
type Operand<'a, T> = (&'a [T], [usize; 2], Option<&'a [T]>);

#[inline(always)]
fn matrix<A: Byte, B: Byte>([_, k, n]: [usize; 3], a: Operand<A>, b: Operand<B>, y: &mut [i32]) {
    let (a, a_steps, a_zero) = a;
    let (b, b_steps, b_zero) = b;
    for (i, y) in y.chunks_exact_mut(n).enumerate() {
        y.fill(0);
        let zero = zero_at(a_zero, i);
        for j in 0..k {
            let x = a[i * a_steps[0] + j * a_steps[1]].into() - zero;
            let row = &b[j * b_steps[0]..];
            match b_zero {
                None => add_row(y, row, b_steps[1], x, |_| 0),
                Some([one]) => add_row(y, row, b_steps[1], x, |_| (*one).into()),
                Some(many) => add_row(y, row, b_steps[1], x, |c| many[c].into()),
            }
        }
    }
}

/// y += x · (row − zero)
#[inline(always)]
fn add_row<B: Byte>(y: &mut [i32], row: &[B], step: usize, x: i32, zero: impl Fn(usize) -> i32) {
    if step == 1 {
        let row = &row[..y.len()];
        for (c, (y, b)) in y.iter_mut().zip(row).enumerate() {
            *y = y.wrapping_add(x * ((*b).into() - zero(c)));
        }
    } else {
        for (c, y) in y.iter_mut().enumerate() {
            *y = y.wrapping_add(x * (row[c * step].into() - zero(c)));
        }
    }
}
