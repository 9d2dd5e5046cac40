//! Tensors that are made from parameters.

use tf_layers::generator::*;
use tf_layers::{Cpu, Error};

use crate::common::indices;

#[test]
fn range() {
    let cpu = Cpu::new();
    for (start, limit, delta, expected) in [
        (3, 9, 3, vec![3, 6]),
        (10, 4, -2, vec![10, 8, 6]),
        (0, 5, 2, vec![0, 2, 4]),
        (5, 0, -2, vec![5, 3, 1]),
        (0, -5, 2, vec![]),
        (5, 5, 1, vec![]),
        (i64::MAX - 1, i64::MAX, 7, vec![i64::MAX - 1]),
    ] {
        let [n] = Range.sizes(cpu, &[start], &[limit], &[delta]).unwrap();
        let mut y = vec![0; n];
        Range
            .run(cpu, &[start], &[limit], &[delta], &mut y)
            .unwrap();
        assert_eq!(y, expected, "{start} {limit} {delta}");
    }
    assert_eq!(Range.sizes(cpu, &[1.0f32], &[2.0], &[0.3]), Ok([4]));
    assert!(Range.sizes(cpu, &[0], &[1], &[0]).is_err());
    assert!(Range.sizes(cpu, &[0.0], &[1.0], &[0.0]).is_err());
    assert!(Range.sizes(cpu, &[0.0], &[f32::INFINITY], &[1.0]).is_err());
    assert!(Range.sizes(cpu, &[0.0], &[f64::NAN], &[1.0]).is_err());
    let what = "elements of a range";
    assert_eq!(Range.sizes(cpu, &[0], &[1_i64 << 31], &[1]), Ok([1 << 31]));
    for (start, limit, value) in [
        (0, (1_i64 << 31) + 1, (1_i64 << 31) + 1),
        (0, i64::MAX, i64::MAX),
        (i64::MIN, i64::MAX, i64::MAX),
    ] {
        let refused = Range.sizes(cpu, &[start], &[limit], &[1]);
        assert_eq!(refused, Err(Error::Size { what, value }));
    }
    assert!(Range.sizes(cpu, &[0.0], &[1e12], &[1.0]).is_err());
    assert!(Range.sizes(cpu, &[0, 1], &[1], &[1]).is_err());
}

#[test]
fn diagonals() {
    let cpu = Cpu::new();
    for (rows, columns) in [(1, 1), (3, 5), (5, 3), (0, 4), (4, 0)] {
        for k in [-6, -2, -1, 0, 1, 2, 9, i64::MAX, i64::MIN] {
            let mut y = vec![7; rows * columns];
            EyeLike { k, one: 1 }
                .checked()
                .run(cpu, [rows, columns], &mut y);
            let one = |i: Vec<usize>| i32::from(i[1] as i64 - i[0] as i64 == k);
            assert_eq!(y, indices(&[rows, columns]).map(one).collect::<Vec<_>>());
        }
    }
}
