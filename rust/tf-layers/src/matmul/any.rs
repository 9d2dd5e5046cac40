//! Matrix products of the other element types.

use crate::cpu::{Cpu, dispatch};
use crate::matrices::Matrices;
use crate::number::Number;

/// y = a · b for any element type, as [`MatMul`](super::MatMul) in its arguments: f64 and the integers, which wrap.
#[derive(Debug, Clone, Copy)]
pub struct MatMulAny;

impl MatMulAny {
    /// y = a · b.
    pub fn run<T: Number, const B: usize>(
        &self,
        cpu: Cpu,
        matrices: Matrices<B>,
        a: &[T],
        b: &[T],
        y: &mut [T],
    ) {
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
            dispatch!(cpu.level, _ => matrix([m, k, n], (&a[a_at..], a_steps), (&b[b_at..], b_steps), y));
        }
    }
}

#[inline(always)]
fn matrix<T: Number>(
    [_, k, n]: [usize; 3],
    a: (&[T], [usize; 2]),
    b: (&[T], [usize; 2]),
    y: &mut [T],
) {
    let ((a, a_steps), (b, b_steps)) = (a, b);
    for (i, y) in y.chunks_exact_mut(n).enumerate() {
        y.fill(T::ZERO);
        for j in 0..k {
            let x = a[i * a_steps[0] + j * a_steps[1]];
            let row = &b[j * b_steps[0]..];
            if b_steps[1] == 1 {
                for (y, b) in y.iter_mut().zip(row) {
                    *y = y.plus(x.times(*b));
                }
            } else {
                for (c, y) in y.iter_mut().enumerate() {
                    *y = y.plus(x.times(row[c * b_steps[1]]));
                }
            }
        }
    }
}
