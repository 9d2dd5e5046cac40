//! Rows of 8-bit integers times a packed kernel: what [`IntegerDense`](super::IntegerDense) and [`IntegerConv`](super::IntegerConv) share.

use super::Byte;
use crate::cpu::Cpu;
use crate::gemm::{Addend, DEPTH, Grid, Product, Segments};

/// A kernel as [`pack`](crate::pack) lays it out, or one group of it.
#[derive(Clone, Copy)]
pub(super) struct Kernel<'a> {
    pub columns: usize,
    pub panels: &'a [i32],
    /// Sums of the columns.
    pub sums: &'a [i32],
    /// Zero points of the columns, if any is not 0.
    pub zeros: Option<&'a [i32]>,
}

/// Zero points of x, as an unsigned byte.
#[derive(Clone, Copy)]
pub(super) enum Zero<'a, X> {
    /// One for all.
    One(i32),
    /// One for each row.
    Rows(&'a [X]),
}

impl<'a, X: Byte> Zero<'a, X> {
    /// What an optional input holds.
    pub(super) fn new(zeros: Option<&'a [X]>) -> Self {
        match zeros {
            None => Self::One(X::default().unsigned().into()),
            Some([one]) => Self::One(one.unsigned().into()),
            Some(rows) => Self::Rows(rows),
        }
    }
}

/// Words of scratch that [`multiply`] needs for a kernel of so many columns.
pub(super) const fn start_len(columns: usize) -> usize {
    columns.next_multiple_of(16)
}

/// Bytes that lie behind the last row, at most: runs are read in whole words.
const SPARE: usize = DEPTH - 1;

/// Words of scratch for a copy of so many bytes, and [`SPARE`] more.
pub(super) const fn copy_len(bytes: usize) -> usize {
    (bytes + SPARE).div_ceil(size_of::<f32>())
}

/// Whether rows whose runs are so long can be read where they lie, without [`SPARE`] bytes behind them.
pub(super) const fn is_whole(len: usize) -> bool {
    len.is_multiple_of(DEPTH)
}

/// y = (x − zero) · (w − w_zero), where x holds unsigned bytes, and [`SPARE`] more.
///
/// With x and w as they are: Σ (x − z)(w − v) = Σ x·w − z·(Σ w − k·v) − v·Σ x. The second term is the same for all rows, and what a tile
/// starts with.
pub(super) fn multiply<X: Byte>(
    cpu: Cpu,
    (grid, segments): (Grid, Segments),
    kernel: Kernel,
    x: &[u8],
    zero: Zero<X>,
    y: &mut [i32],
    start: &mut [i32],
) {
    let Kernel {
        columns,
        panels,
        sums,
        zeros,
    } = kernel;
    let k = segments.total() as i32;
    // Σ w − k·v
    let start = &mut start[..columns];
    start.copy_from_slice(&sums[..columns]);
    if let Some(zeros) = zeros {
        for (start, v) in start.iter_mut().zip(zeros) {
            *start = start.wrapping_sub(k.wrapping_mul(*v));
        }
    }
    if let Zero::One(zero) = zero {
        for start in start.iter_mut() {
            *start = start.wrapping_mul(-zero);
        }
    }
    let product = Product {
        grid,
        segments: Segments {
            len: segments.len.next_multiple_of(DEPTH),
            ..segments
        },
        columns,
        panels,
        bias: matches!(zero, Zero::One(_)).then_some(&*start),
        activation: (),
    };
    product.run(cpu, x, Addend::Nothing, y);
    if let Zero::Rows(rows) = zero {
        product.subtract(start, y, |row, _| rows[row].unsigned().into());
    }
    if let Some(zeros) = zeros {
        product.subtract(zeros, y, |_, begin| sum(&segments, &x[begin..]));
    }
}

/// The sum of a row's bytes.
fn sum(segments: &Segments, row: &[u8]) -> i32 {
    let mut sum = 0_u32;
    for i in 0..segments.count() {
        for &byte in &row[segments.offset(i)..][..segments.len] {
            sum = sum.wrapping_add(byte.into());
        }
    }
    sum as i32
}
