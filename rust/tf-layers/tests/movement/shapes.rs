//! Transposing, joining, cutting, repeating.

use tf_layers::movement::*;
use tf_layers::shape::*;
use tf_layers::{Cpu, Error};

use crate::common::Rng;
use crate::{count, moved, ramp, random_shape};

fn transposed<const R: usize>(shape: [usize; R], perm: [usize; R]) {
    let x = ramp(count(&shape));
    let to = perm.map(|d| shape[d]);
    let expected = moved(&x, &shape, &to, |i| {
        let mut at = vec![0; R];
        perm.iter().zip(i).for_each(|(&d, &i)| at[d] = i);
        at
    });
    let mut y = vec![-1; x.len()];
    Transpose { perm }
        .checked()
        .run(Cpu::new(), shape, &x, &mut y);
    assert_eq!(y, expected, "{shape:?} {perm:?}");
}

#[test]
fn transpose() {
    let mut rng = Rng::new(1);
    for n in [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33] {
        for m in [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 31] {
            transposed([n, m], [1, 0]);
            transposed([2, n, m], [0, 2, 1]);
            transposed([n, m, 3], [1, 0, 2]);
            transposed([n, 2, m], [2, 0, 1]);
        }
    }
    for _ in 0..200 {
        let mut perm = [0, 1, 2, 3];
        (1..4).for_each(|i| perm.swap(i, rng.size(0, i + 1)));
        transposed(random_shape(&mut rng, 12), perm);
        transposed([2, 3, 1, 9, 2], [4, perm[0], perm[1], perm[2], perm[3]]);
    }
    transposed([], []);
    // Types that are not Copy.
    let words = ["a", "b", "c", "d", "e", "f"].map(String::from);
    let mut y = vec![String::new(); 6];
    Transpose { perm: [1, 0] }.run(Cpu::new(), [2, 3], &words, &mut y);
    assert_eq!(y, ["a", "d", "b", "e", "c", "f"]);
}

#[test]
fn concat_and_parts() {
    let mut rng = Rng::new(2);
    for _ in 0..100 {
        let (outer, parts) = (
            rng.size(0, 5),
            [rng.size(0, 20), rng.size(0, 4), rng.size(1, 12)],
        );
        let total = parts.iter().sum();
        let y = ramp(outer * total);
        let offset = |p: usize| parts[..p].iter().sum::<usize>();
        let part = |p: usize| -> Vec<i32> {
            moved(&y, &[outer, total], &[outer, parts[p]], |i| {
                vec![i[0], i[1] + offset(p)]
            })
        };
        let xs = [part(0), part(1), part(2)];
        let mut joined = vec![-1; y.len()];
        Concat
            .run(
                Cpu::new(),
                JoinedParts { outer, parts },
                &[&xs[0], &xs[1], &xs[2]],
                &mut joined,
            )
            .unwrap();
        assert_eq!(joined, y);
    }
}

#[test]
fn slice() {
    let mut rng = Rng::new(3);
    for _ in 0..500 {
        let shape: [usize; 3] = random_shape(&mut rng, 10);
        let x = ramp(count(&shape));
        let number = |rng: &mut Rng| match rng.size(0, 12) {
            0 => i64::MIN,
            1 => i64::MAX,
            _ => rng.size(0, 26) as i64 - 13,
        };
        let axes = [2, 0];
        let starts = [number(&mut rng), number(&mut rng)];
        let ends = [number(&mut rng), number(&mut rng)];
        let steps = [0, 1].map(|_| match rng.size(0, 12) {
            0 => i64::MIN,
            1 => i64::MAX,
            n => [1, -1, 2, -3][n % 4],
        });
        // Every position that the specification's loop visits (it differs from Python's where a backward slice
        // starts before the axis: the start is clamped to 0).
        let mut picked: Vec<Vec<usize>> = shape.iter().map(|&n| (0..n).collect()).collect();
        for (i, &d) in axes.iter().enumerate() {
            let n = shape[d] as i128;
            let wrap = |v: i64| {
                if v < 0 {
                    i128::from(v) + n
                } else {
                    i128::from(v)
                }
            };
            let step = i128::from(steps[i]);
            let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
            let (mut at, end) = (
                wrap(starts[i]).clamp(0, high.max(0)),
                wrap(ends[i]).clamp(low, high),
            );
            picked[d].clear();
            while n > 0 && (step > 0 && at < end) || (n > 0 && step < 0 && at > end) {
                picked[d].push(at as usize);
                at += step;
            }
        }
        let to: Vec<usize> = picked.iter().map(Vec::len).collect();
        let expected = moved(&x, &shape, &to, |i| {
            i.iter().zip(&picked).map(|(&i, p)| p[i]).collect()
        });
        let layer = DynamicSlice { axes }.checked();
        let (starts, ends) = (&starts, &ends);
        let bounds = SliceBounds {
            starts,
            ends,
            steps: Some(&steps),
        };
        let sizes = layer.sizes(Cpu::new(), shape, bounds).unwrap();
        assert_eq!(
            sizes,
            axes.map(|d| to[d]),
            "{shape:?} {starts:?} {ends:?} {steps:?}"
        );
        let mut y = vec![-1; count(&to)];
        layer.run(Cpu::new(), shape, &x, bounds, &mut y).unwrap();
        assert_eq!(y, expected, "{shape:?} {starts:?} {ends:?} {steps:?}");
        if steps.iter().all(|&step| step == 1) {
            let bounds = SliceBounds {
                starts,
                ends,
                ..Default::default()
            };
            assert_eq!(layer.sizes(Cpu::new(), shape, bounds), Ok(sizes));
            let mut without = vec![-1; count(&to)];
            layer
                .run(Cpu::new(), shape, &x, bounds, &mut without)
                .unwrap();
            assert_eq!(y, without);
        }
    }
    let x = ramp(12);
    let mut y = vec![0; 4];
    Slice { steps: [-1, 2] }.checked().run(
        Cpu::new(),
        SlicedPart {
            shape: [3, 4],
            start: [2, 1],
            size: [2, 2],
        },
        &x,
        &mut y,
    );
    assert_eq!(y, [9, 11, 5, 7]);
    let (starts, ends): (&[i64], &[i64]) = (&[0], &[3]);
    let bounds = SliceBounds {
        starts,
        ends,
        steps: Some(&[0]),
    };
    let zero = DynamicSlice { axes: [0] }.sizes(Cpu::new(), [3], bounds);
    assert_eq!(
        zero,
        Err(Error::Size {
            what: "step of a slice",
            value: 0
        })
    );
    let bounds = SliceBounds {
        starts,
        ..Default::default()
    };
    assert_eq!(
        DynamicSlice { axes: [0] }.sizes(Cpu::new(), [3], bounds),
        Err(Error::InputLength {
            name: "ends",
            expected: 1,
            actual: 0
        })
    );
}

#[test]
fn expand_and_tile() {
    let mut rng = Rng::new(4);
    for _ in 0..100 {
        let to: [usize; 4] = random_shape(&mut rng, 6);
        let from = to.map(|n| if rng.size(0, 2) == 0 { 1 } else { n });
        let x = ramp(count(&from));
        let expected = moved(&x, &from, &to, |i| {
            i.iter()
                .zip(from)
                .map(|(&i, n)| if n == 1 { 0 } else { i })
                .collect()
        });
        let mut y = vec![-1; expected.len()];
        Expand::<4>.run(Cpu::new(), from, &x, to, &mut y);
        assert_eq!(y, expected, "{from:?} {to:?}");

        let repeats: [usize; 4] = std::array::from_fn(|_| rng.size(0, 4));
        let tiled: Vec<usize> = from.iter().zip(repeats).map(|(n, r)| n * r).collect();
        let expected = moved(&x, &from, &tiled, |i| {
            i.iter().zip(from).map(|(&i, n)| i % n).collect()
        });
        let mut y = vec![-1; expected.len()];
        let repeated = Repeated {
            shape: from,
            repeats,
        };
        Tile.run(Cpu::new(), repeated, &x, &mut y);
        assert_eq!(y, expected, "{from:?} {repeats:?}");
    }
    let cpu = Cpu::new();
    assert_eq!(
        ExpandSizes.sizes::<2, 3>(cpu, [3, 1], &[2, 1, 6]),
        Ok([2, 3, 6])
    );
    assert_eq!(ExpandSizes.sizes(cpu, [3, 1], &[4]), Ok([3, 4]));
    assert_eq!(ExpandSizes.sizes(cpu, [3, 1], &[0]), Ok([3, 0]));
    assert!(ExpandSizes.sizes::<2, 2>(cpu, [3, 2], &[4]).is_err());
    assert!(ExpandSizes.sizes::<2, 2>(cpu, [3, 2], &[-1]).is_err());
    let (what, value) = ("an expanded axis", i64::MAX);
    assert_eq!(
        ExpandSizes.sizes::<2, 2>(cpu, [3, 1], &[value]),
        Err(Error::Size { what, value })
    );
}

#[test]
fn reshape_sizes() {
    let cpu = Cpu::new();
    let keep = ReshapeSizes { allow_zero: false }.checked();
    assert_eq!(
        keep.sizes::<3, 3>(cpu, [2, 3, 4], &[4, 2, 3]),
        Ok([4, 2, 3])
    );
    assert_eq!(
        keep.sizes::<3, 3>(cpu, [2, 3, 4], &[0, -1, 2]),
        Ok([2, 6, 2])
    );
    assert_eq!(
        keep.sizes::<3, 3>(cpu, [0, 3, 4], &[3, 4, 0]).unwrap_err(),
        {
            Error::SizeMismatch {
                what: "elements of a reshaped tensor",
                left: 0,
                right: 48,
            }
        }
    );
    assert_eq!(
        ReshapeSizes { allow_zero: true }.sizes::<3, 3>(cpu, [0, 3, 4], &[3, 4, 0]),
        Ok([3, 4, 0])
    );
    assert!(keep.sizes::<3, 3>(cpu, [2, 3, 4], &[-1, -1, 2]).is_err());
    assert!(keep.sizes::<3, 3>(cpu, [2, 3, 4], &[5, -1, 2]).is_err());
    assert!(keep.sizes::<3, 3>(cpu, [2, 3, 4], &[-2, 3, 4]).is_err());
    assert!(keep.sizes::<1, 3>(cpu, [24], &[2, 0, 12]).is_err());
    assert!(keep.sizes::<3, 3>(cpu, [2, 3, 4], &[24]).is_err());
    assert!(
        keep.sizes::<3, 3>(cpu, [2, 3, 4], &[i64::MAX, 4, 4])
            .is_err()
    );
    assert!(
        keep.sizes::<3, 3>(cpu, [0, 3, 4], &[0, -1, 2]).is_err(),
        "−1 beside an empty axis says nothing"
    );
    assert_eq!(SameSize.sizes(cpu, [3, 3]), Ok([3]));
    assert_eq!(
        SameSize.sizes(cpu, [3, 4]).unwrap_err().to_string(),
        "sizes that have to be the same: 3 does not fit 4"
    );
    assert_eq!(ReadSizes.sizes(cpu, &[3, 0]), Ok([3, 0]));
    assert_eq!(
        ReadSizes.sizes::<2>(cpu, &[1, -1]),
        Err(Error::Size {
            what: "size",
            value: -1
        })
    );
    assert!(ReadSizes.sizes::<2>(cpu, &[1]).is_err());
    assert_eq!(ReadSizes.sizes(cpu, &[1 << 31]), Ok([1 << 31]));
    let (what, value) = ("size", (1 << 31) + 1);
    assert_eq!(
        ReadSizes.sizes::<1>(cpu, &[value]),
        Err(Error::Size { what, value })
    );
    assert_eq!(SplitSizes.sizes(cpu, 5, &[2, 3]), Ok([2, 3]));
    assert!(SplitSizes.sizes::<2>(cpu, 4, &[2, 3]).is_err());
    assert!(SplitSizes.sizes::<2>(cpu, 1, &[2, -1]).is_err());
    let (mut wide, mut narrow) = ([0i64; 2], [0i32; 2]);
    WriteSizes.run(cpu, [7, -1], &mut wide);
    WriteSizes.run(cpu, [7, -1], &mut narrow);
    assert_eq!((wide, narrow), ([7, -1], [7, -1]));
    let mut y = [0; 2];
    assert_eq!(CheckedCopy.run(cpu, &[1, 2], &mut y), Ok(()));
    assert!(CheckedCopy.run(cpu, &[1, 2, 3], &mut y).is_err());
    assert_eq!(broadcast_sizes::<3>(&[2, 1, 4], &[3, 1]), Ok([2, 3, 4]));
    assert!(broadcast_sizes::<3>(&[2, 2, 4], &[3, 1]).is_err());
}
