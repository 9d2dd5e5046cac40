//! The largest of a model's outputs: `outputs.scores.rows().map(argmax)`.

use crate::slot::TensorView;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;
#[cfg(feature = "alloc")]
use core::cmp::Ordering;

/// The place of the largest value, the first one of several that are equal. NaN is never the largest: `None` where there is nothing else.
#[must_use]
pub fn argmax<T: Copy + PartialOrd>(values: &[T]) -> Option<usize> {
    let mut best: Option<(usize, T)> = None;
    for (place, value) in numbers(values) {
        if best.is_none_or(|(_, largest)| value > largest) {
            best = Some((place, value));
        }
    }
    best.map(|(place, _)| place)
}

/// The `k` largest values with their places, the largest first; of equal ones that which comes first. NaN is left out, so there may be fewer.
#[must_use]
#[cfg(feature = "alloc")]
pub fn top_k<T: Copy + PartialOrd>(values: &[T], k: usize) -> Vec<(usize, T)> {
    let mut found: Vec<(usize, T)> = numbers(values).collect();
    // stable: equal values stay in their order
    found.sort_by(|(_, a), (_, b)| b.partial_cmp(a).unwrap_or(Ordering::Equal));
    found.truncate(k);
    found
}

/// All that is not NaN, with its place.
fn numbers<T: Copy + PartialOrd>(values: &[T]) -> impl Iterator<Item = (usize, T)> {
    let numbered = values.iter().copied().enumerate();
    numbered.filter(|(_, v)| v.partial_cmp(v).is_some())
}

impl<'a, T, const R: usize> TensorView<'a, T, R> {
    /// The rows along the last axis: of `[batch, 10]`, ten values for each of the batch. None where that axis is empty.
    pub fn rows(&self) -> impl Iterator<Item = &'a [T]> + use<'a, T, R> {
        let width = self.shape.last().copied().unwrap_or(1);
        self.data.chunks_exact(width.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f32 = f32::NAN;

    #[test]
    fn the_first_of_the_largest() {
        assert_eq!(argmax(&[1.0, 3.0, 2.0, 3.0]), Some(1));
        assert_eq!(argmax(&[-0.0, 0.0]), Some(0), "they are equal");
        assert_eq!(argmax(&[i64::MIN, 7, i64::MAX]), Some(2));
        assert_eq!(argmax(&[false, true, true]), Some(1));
        assert_eq!(argmax::<f32>(&[]), None);
    }

    #[test]
    fn nan_is_never_the_largest() {
        assert_eq!(argmax(&[NAN, f32::NEG_INFINITY, NAN]), Some(1));
        assert_eq!(argmax(&[NAN, NAN]), None);
        assert_eq!(top_k(&[NAN, 1.0, NAN, 2.0], 3), [(3, 2.0), (1, 1.0)]);
    }

    #[test]
    fn the_largest_come_first_and_equal_ones_in_their_order() {
        assert_eq!(
            top_k(&[2, 5, 5, 1, 5, 3], 4),
            [(1, 5), (2, 5), (4, 5), (5, 3)]
        );
        assert_eq!(top_k(&[2, 1], 9), [(0, 2), (1, 1)]);
        assert_eq!(top_k(&[2, 1], 0), []);
        assert_eq!(top_k::<f32>(&[], 3), []);
    }

    #[test]
    fn rows_are_those_of_the_last_axis() {
        let scores = TensorView {
            data: &[0.1, 0.9, 0.8, 0.2],
            shape: [2, 2],
        };
        assert_eq!(
            scores.rows().map(argmax).collect::<Vec<_>>(),
            [Some(1), Some(0)]
        );
        let one = TensorView {
            data: &[4],
            shape: [],
        };
        assert_eq!(one.rows().collect::<Vec<_>>(), [[4]]);
        let none = TensorView::<f32, 2> {
            data: &[],
            shape: [3, 0],
        };
        assert_eq!(none.rows().count(), 0);
    }
}
