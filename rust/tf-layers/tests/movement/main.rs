//! Data movement against naive loops over every index.

#[path = "../common/mod.rs"]
mod common;
mod generator;
mod indexing;
mod padding;
mod resizing;
mod shapes;

use common::{Rng, flat, indices};

fn count(shape: &[usize]) -> usize {
    shape.iter().product()
}

fn ramp(n: usize) -> Vec<i32> {
    (0..n as i32).collect()
}

/// y\[index\] = x\[from(index)\] for every index of `to`.
fn moved(x: &[i32], from: &[usize], to: &[usize], f: impl Fn(&[usize]) -> Vec<usize>) -> Vec<i32> {
    indices(to).map(|index| x[flat(from, &f(&index))]).collect()
}

fn random_shape<const R: usize>(rng: &mut Rng, max: usize) -> [usize; R] {
    std::array::from_fn(|_| {
        rng.size(0, 20).saturating_sub(18) + rng.size(1, max) - usize::from(rng.size(0, 40) == 0)
    })
}
