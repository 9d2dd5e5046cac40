//! Which matrices a product multiplies.

/// Sizes and places of the matrices of a product: a `[*batch, m, k]`, b `[*batch, k, n]`, y `[*batch, m, n]`.
///
/// Where elements lie is said by steps, in elements: an operand may be transposed, have its axes in another order, or be the same for all of a
/// batch axis (step 0), and needs no copy for it. y has no gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matrices<const B: usize> {
    /// Axes in front of the matrices.
    pub batch: [usize; B],
    /// Rows of a and y.
    pub m: usize,
    /// Columns of a, and rows of b.
    pub k: usize,
    /// Columns of b and y.
    pub n: usize,
    /// Steps of a along the batch axes.
    pub a_batch: [usize; B],
    /// Steps of a along its rows and its columns.
    pub a_steps: [usize; 2],
    /// Steps of b along the batch axes.
    pub b_batch: [usize; B],
    /// Steps of b along its rows and its columns.
    pub b_steps: [usize; 2],
}

impl<const B: usize> Matrices<B> {
    /// Elements of y.
    pub(crate) fn outputs(&self) -> usize {
        self.batch.iter().product::<usize>() * self.m * self.n
    }

    /// Where matrix `i` of a, and of b, begins.
    pub(crate) fn starts(&self, i: usize) -> [usize; 2] {
        let (mut rest, mut starts) = (i, [0, 0]);
        for axis in (0..B).rev() {
            let index = rest % self.batch[axis];
            rest /= self.batch[axis];
            starts[0] += index * self.a_batch[axis];
            starts[1] += index * self.b_batch[axis];
        }
        starts
    }
}
