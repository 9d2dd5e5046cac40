//! Data movement against naive loops over every index.

mod common;

use common::{Rng, error, flat, indices};
use tf_layers::movement::*;
use tf_layers::{Cpu, Error};

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
                outer,
                parts,
                &[&xs[0], &xs[1], &xs[2]],
                &mut joined,
            )
            .unwrap();
        assert_eq!(joined, y);
        joined.fill(-1);
        for p in 0..3 {
            CopyPart.run(
                Cpu::new(),
                outer,
                parts[p],
                offset(p),
                total,
                &xs[p],
                &mut joined,
            );
        }
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
        let sizes = layer
            .sizes(Cpu::new(), shape, &x, &starts, &ends, Some(&steps))
            .unwrap();
        assert_eq!(
            sizes,
            axes.map(|d| to[d]),
            "{shape:?} {starts:?} {ends:?} {steps:?}"
        );
        let mut y = vec![-1; count(&to)];
        layer
            .run(Cpu::new(), shape, &x, &starts, &ends, Some(&steps), &mut y)
            .unwrap();
        assert_eq!(y, expected, "{shape:?} {starts:?} {ends:?} {steps:?}");
    }
    let x = ramp(12);
    let mut y = vec![0; 4];
    Slice { steps: [-1, 2] }
        .checked()
        .run(Cpu::new(), [3, 4], [2, 1], [2, 2], &x, &mut y);
    assert_eq!(y, [9, 11, 5, 7]);
    let zero = DynamicSlice { axes: [0] }.sizes(Cpu::new(), [3], &[1; 3], &[0], &[3], Some(&[0]));
    assert_eq!(
        zero,
        Err(Error::Size {
            what: "step of a slice",
            value: 0
        })
    );
    assert!(
        DynamicSlice { axes: [0] }
            .sizes(Cpu::new(), [3], &[1; 3], &[0], &[], None)
            .is_err()
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
        Expand::<4>.run(Cpu::new(), from, to, &x, &mut y);
        assert_eq!(y, expected, "{from:?} {to:?}");

        let repeats: [usize; 4] = std::array::from_fn(|_| rng.size(0, 4));
        let tiled: Vec<usize> = from.iter().zip(repeats).map(|(n, r)| n * r).collect();
        let expected = moved(&x, &from, &tiled, |i| {
            i.iter().zip(from).map(|(&i, n)| i % n).collect()
        });
        let mut y = vec![-1; expected.len()];
        Tile.run(Cpu::new(), from, repeats, &x, &mut y);
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
    assert_eq!(SameSize.sizes(cpu, 3, 3), Ok([3]));
    assert_eq!(
        SameSize.sizes(cpu, 3, 4).unwrap_err().to_string(),
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

#[test]
fn gather() {
    let mut rng = Rng::new(5);
    for _ in 0..50 {
        let [outer, axis, inner, n] = [
            rng.size(1, 4),
            rng.size(1, 6),
            rng.size(1, 12),
            rng.size(0, 5),
        ];
        let x = ramp(outer * axis * inner);
        let at: Vec<i64> = (0..n)
            .map(|_| rng.size(0, 2 * axis) as i64 - axis as i64)
            .collect();
        let expected = moved(&x, &[outer, axis, inner], &[outer, n, inner], |i| {
            vec![i[0], at[i[1]].rem_euclid(axis as i64) as usize, i[2]]
        });
        let mut y = vec![-1; expected.len()];
        Gather
            .run(Cpu::new(), outer, axis, inner, &x, &at, &mut y)
            .unwrap();
        assert_eq!(y, expected);
    }
    let mut y = [0];
    for index in [3, -4, i64::MAX, i64::MIN] {
        let result = Gather.run(Cpu::new(), 1, 3, 1, &[1, 2, 3], &[index], &mut y);
        assert_eq!(result, Err(Error::IndexOutOfRange { index, size: 3 }));
    }
    let result = Gather.run(Cpu::new(), 1, 0, 1, &[], &[0i32], &mut y);
    assert_eq!(result, Err(Error::IndexOutOfRange { index: 0, size: 0 }));
}

#[test]
fn gather_and_scatter_elements() {
    let mut rng = Rng::new(6);
    for round in 0..100 {
        let shape = random_shape::<3>(&mut rng, 5).map(|n| n.max(1));
        let axis = round % 3;
        let mut some = shape.map(|n| rng.size(0, n) + 1);
        some[axis] = rng.size(1, 6);
        let x = ramp(count(&shape));
        let n = shape[axis] as i64;
        let at: Vec<i32> = (0..count(&some))
            .map(|_| rng.size(0, 2 * n as usize) as i32 - n as i32)
            .collect();
        let target = |i: &[usize]| {
            let mut to = i.to_vec();
            to[axis] = i64::from(at[flat(&some, i)]).rem_euclid(n) as usize;
            to
        };
        let expected = moved(&x, &shape, &some, target);
        let mut y = vec![-1; expected.len()];
        GatherElements { axis }
            .checked()
            .run(Cpu::new(), shape, some, &x, &at, &mut y)
            .unwrap();
        assert_eq!(y, expected, "{shape:?} {some:?} {axis}");

        let updates: Vec<i32> = (0..at.len())
            .map(|_| rng.size(0, 100) as i32 - 50)
            .collect();
        let scattered = |f: &dyn Fn(i32, i32) -> i32| {
            let mut y = x.clone();
            for i in indices(&some) {
                let to = &mut y[flat(&shape, &target(&i))];
                *to = f(*to, updates[flat(&some, &i)]);
            }
            y
        };
        let mut y = vec![-1; x.len()];
        ScatterElements { axis }
            .checked()
            .run(Cpu::new(), shape, some, &x, &at, &updates, &mut y)
            .unwrap();
        assert_eq!(y, scattered(&|_, u| u));
        for (reduction, f) in reductions() {
            let layer = ScatterElementsReduce { axis, reduction }.checked();
            layer
                .run(Cpu::new(), shape, some, &x, &at, &updates, &mut y)
                .unwrap();
            assert_eq!(y, scattered(&f));
        }
    }
    let mut y = vec![0; 2];
    let wrong =
        ScatterElements { axis: 0 }.run(Cpu::new(), [2], [1], &[1, 2], &[2i64], &[5], &mut y);
    assert_eq!(wrong, Err(Error::IndexOutOfRange { index: 2, size: 2 }));
}

type Combination = fn(i32, i32) -> i32;

fn reductions() -> [(Reduction, Combination); 4] {
    [
        (Reduction::Add, i32::wrapping_add),
        (Reduction::Mul, i32::wrapping_mul),
        (Reduction::Max, |a, b| a.max(b)),
        (Reduction::Min, |a, b| a.min(b)),
    ]
}

#[test]
fn gather_and_scatter_nd() {
    let mut rng = Rng::new(7);
    for _ in 0..60 {
        let [batch, a, b, inner, n] = [
            rng.size(1, 3),
            rng.size(1, 4),
            rng.size(1, 5),
            rng.size(1, 10),
            rng.size(0, 5),
        ];
        let x = ramp(batch * a * b * inner);
        let at: Vec<i64> = (0..batch * n)
            .flat_map(|_| [a, b].map(|n| rng.size(0, 2 * n) as i64 - n as i64))
            .collect();
        let tuple = |i: usize| {
            [
                at[2 * i].rem_euclid(a as i64) as usize,
                at[2 * i + 1].rem_euclid(b as i64) as usize,
            ]
        };
        let expected = moved(&x, &[batch, a, b, inner], &[batch, n, inner], |i| {
            let [p, q] = tuple(i[0] * n + i[1]);
            vec![i[0], p, q, i[2]]
        });
        let mut y = vec![-1; expected.len()];
        GatherNd::<2>
            .run(Cpu::new(), batch, [a, b], inner, n, &x, &at, &mut y)
            .unwrap();
        assert_eq!(y, expected);

        let x = &x[..a * b * inner];
        let updates: Vec<i32> = (0..n * inner)
            .map(|_| rng.size(0, 100) as i32 - 50)
            .collect();
        let scattered = |f: &dyn Fn(i32, i32) -> i32| {
            let mut y = x.to_vec();
            for i in indices(&[n, inner]) {
                let [p, q] = tuple(i[0]);
                let to = &mut y[flat(&[a, b, inner], &[p, q, i[1]])];
                *to = f(*to, updates[flat(&[n, inner], &i)]);
            }
            y
        };
        let (mut y, at) = (vec![-1; x.len()], &at[..2 * n]);
        ScatterNd::<2>
            .run(Cpu::new(), [a, b], inner, n, x, at, &updates, &mut y)
            .unwrap();
        assert_eq!(y, scattered(&|_, u| u));
        for (reduction, f) in reductions() {
            let layer = ScatterNdReduce::<2> { reduction };
            layer
                .run(Cpu::new(), [a, b], inner, n, x, at, &updates, &mut y)
                .unwrap();
            assert_eq!(y, scattered(&f));
        }
    }
    let nan = f32::NAN;
    assert!(
        1f32.combine(Reduction::Max, nan).is_nan() && nan.combine(Reduction::Min, 1.0).is_nan()
    );
    assert!(true.combine(Reduction::Add, true) && !true.combine(Reduction::Mul, false));
}

#[test]
fn pad() {
    let mut rng = Rng::new(8);
    for round in 0..300 {
        let shape = random_shape::<3>(&mut rng, 6).map(|n| n.max(1));
        let mode = [
            PadMode::Constant,
            PadMode::Reflect,
            PadMode::Edge,
            PadMode::Wrap,
        ][round % 4];
        let x = ramp(count(&shape));
        let negative = round % 8 >= 4;
        let amount = |rng: &mut Rng| {
            let n = rng.size(0, 9) as i64;
            if negative && n > 6 { -1 } else { n % 7 }
        };
        // Axis 1 is not padded; the others come in another order.
        let pads = [
            amount(&mut rng),
            amount(&mut rng),
            amount(&mut rng),
            amount(&mut rng),
        ];
        let (before, after) = ([pads[1], 0, pads[0]], [pads[3], 0, pads[2]]);
        let left: Vec<i64> = (0..3)
            .map(|d| shape[d] as i64 + before[d].min(0) + after[d].min(0))
            .collect();
        let layer = DynamicPad { mode, axes: [2, 0] }.checked();
        let found = layer.sizes(Cpu::new(), shape, &x, &pads, Some(&[-7]));
        if left.iter().any(|&n| n <= 0) {
            continue;
        }
        let to: Vec<usize> = (0..3)
            .map(|d| (shape[d] as i64 + before[d] + after[d]) as usize)
            .collect();
        assert_eq!(found.unwrap(), [to[2], to[0]]);
        let source = |d: usize, i: usize| -> Option<usize> {
            // Position in what cropping left, bounced or wrapped step by step.
            let (n, mut i) = (left[d], i as i64 - before[d].max(0));
            while i < 0 || i >= n {
                i = match mode {
                    PadMode::Constant => return None,
                    PadMode::Edge => i.clamp(0, n - 1),
                    PadMode::Wrap => i.rem_euclid(n),
                    PadMode::Reflect if n == 1 => 0,
                    _ if i < 0 => -i,
                    _ => 2 * (n - 1) - i,
                };
            }
            Some((i - before[d].min(0)) as usize)
        };
        let expected: Vec<i32> = indices(&to)
            .map(|index| {
                let from: Option<Vec<usize>> = (0..3).map(|d| source(d, index[d])).collect();
                from.map_or(-7, |from| x[flat(&shape, &from)])
            })
            .collect();
        let mut y = vec![-1; count(&to)];
        layer
            .run(Cpu::new(), shape, &x, &pads, Some(&[-7]), &mut y)
            .unwrap();
        assert_eq!(y, expected, "{mode:?} {shape:?} {pads:?}");
        {
            y.fill(-1);
            Pad { mode }
                .checked()
                .run(Cpu::new(), shape, before, after, &x, Some(&[-7]), &mut y);
            assert_eq!(y, expected);
        }
    }
    let layer = DynamicPad {
        mode: PadMode::Edge,
        axes: [0],
    };
    assert!(
        layer
            .sizes::<i32, 1>(Cpu::new(), [0], &[], &[1, 0], None)
            .is_err(),
        "nothing to repeat"
    );
    assert!(
        layer
            .sizes::<i32, 1>(Cpu::new(), [2], &[], &[-3, 0], None)
            .is_err()
    );
    assert!(
        layer
            .sizes::<i32, 1>(Cpu::new(), [2], &[], &[i64::MIN, i64::MAX], None)
            .is_err()
    );
    assert!(
        layer
            .sizes::<i32, 1>(Cpu::new(), [2], &[], &[1], None)
            .is_err()
    );
    let mut y = vec![1; 2];
    Pad {
        mode: PadMode::Constant,
    }
    .run(Cpu::new(), [0], [1], [1], &[], None, &mut y);
    assert_eq!(y, [0, 0]);
}

#[test]
fn filled() {
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
    assert!(Range.sizes(cpu, &[0, 1], &[1], &[1]).is_err());

    let mut y = vec![0; 12];
    OneHot
        .run(cpu, 2, 3, 2, &[0i64, -1, 2, 5], &[7, 9], &mut y)
        .unwrap();
    assert_eq!(y, [9, 7, 7, 7, 7, 9, 7, 7, 7, 7, 9, 7]);
    assert!(OneHot.run(cpu, 1, 1, 1, &[0i32], &[1], &mut y).is_err());

    for (rows, columns) in [(1, 1), (3, 5), (5, 3), (0, 4), (4, 0)] {
        for k in [-6, -2, -1, 0, 1, 2, 9, i64::MAX, i64::MIN] {
            for upper in [false, true] {
                let x: Vec<i32> = (1..=2 * (rows * columns) as i32).collect();
                let mut y = vec![-1; x.len()];
                Trilu { upper }
                    .checked()
                    .run(cpu, 2, rows, columns, &x, Some(&[k]), &mut y)
                    .unwrap();
                let expected: Vec<i32> = indices(&[2, rows, columns])
                    .map(|i| {
                        let d = i[2] as i64 - i[1] as i64;
                        let kept = if upper { d >= k } else { d <= k };
                        if kept {
                            x[flat(&[2, rows, columns], &i)]
                        } else {
                            0
                        }
                    })
                    .collect();
                assert_eq!(y, expected, "{rows} {columns} {k} {upper}");
            }
            let mut y = vec![7; rows * columns];
            EyeLike { k, one: 1 }
                .checked()
                .run(cpu, rows, columns, &mut y);
            let one = |i: Vec<usize>| i32::from(i[1] as i64 - i[0] as i64 == k);
            assert_eq!(y, indices(&[rows, columns]).map(one).collect::<Vec<_>>());
        }
    }
}

#[test]
fn selected() {
    let cpu = Cpu::new();
    let x = [0.0, 1.0, -2.0, 0.0, f32::NAN, -0.0];
    let [n] = NonZero::<2>.sizes(cpu, [2, 3], &x).unwrap();
    let mut y = vec![0; 2 * n];
    NonZero::<2>.run(cpu, [2, 3], &x, &mut y);
    assert_eq!(y, [0, 0, 1, 1, 2, 1]);

    let x = ramp(2 * 3 * 2);
    assert_eq!(Compress.sizes(cpu, 3, &[true, false, true]), Ok([2]));
    assert_eq!(
        Compress.sizes(cpu, 3, &[true, false, false, false]),
        Ok([1])
    );
    assert!(Compress.sizes(cpu, 1, &[false, true]).is_err());
    let mut y = vec![0; 8];
    Compress.run(cpu, 2, 3, 2, &x, &[true, false, true], &mut y);
    assert_eq!(y, [0, 1, 4, 5, 6, 7, 10, 11]);

    let x = [2.0f32, 1.0, 1.0, 3.0, 4.0, 3.0];
    for (sorted, y, first, inverse, counts) in [
        (
            true,
            [1.0, 2.0, 3.0, 4.0],
            [1, 0, 3, 4],
            [1, 0, 0, 2, 3, 2],
            [2, 1, 2, 1],
        ),
        (
            false,
            [2.0, 1.0, 3.0, 4.0],
            [0, 1, 3, 4],
            [0, 1, 1, 2, 3, 2],
            [1, 2, 2, 1],
        ),
    ] {
        let layer = Unique { sorted }.checked();
        assert_eq!(layer.sizes(cpu, 1, 6, 1, &x), Ok([4]));
        let (mut a, mut b, mut c, mut d) = (vec![0.0; 4], vec![0; 4], vec![0; 6], vec![0; 4]);
        layer.run(
            cpu,
            1,
            6,
            1,
            &x,
            &mut a,
            Some(&mut b),
            Some(&mut c),
            Some(&mut d),
        );
        assert_eq!(
            (a.as_slice(), b.as_slice(), c.as_slice(), d.as_slice()),
            (&y[..], &first[..], &inverse[..], &counts[..])
        );
    }
    // Along an axis: [2, 3, 2], slices 0 and 2 equal.
    let x = [1, 1, 0, 1, 1, 1, 2, 2, 0, 3, 2, 2];
    let (mut y, mut first, mut inverse, mut counts) =
        (vec![0; 8], vec![0; 2], vec![0; 3], vec![0; 2]);
    Unique { sorted: true }.run(
        cpu,
        2,
        3,
        2,
        &x,
        &mut y,
        Some(&mut first),
        Some(&mut inverse),
        Some(&mut counts),
    );
    assert_eq!(y, [0, 1, 1, 1, 0, 3, 2, 2]);
    assert_eq!(
        (first, inverse, counts),
        (vec![1, 0], vec![1, 0, 1], vec![1, 2])
    );
    assert_eq!(
        Unique { sorted: true }.sizes(cpu, 1, 3, 1, &[f32::NAN, 1.0, f32::NAN]),
        Ok([3])
    );

    let x = ramp(12);
    let mut y = vec![0; 12];
    ReverseSequence { time_major: false }
        .run(cpu, 2, 3, 2, &x, &[3, 2], &mut y)
        .unwrap();
    assert_eq!(y, [4, 5, 2, 3, 0, 1, 8, 9, 6, 7, 10, 11]);
    ReverseSequence { time_major: true }
        .run(cpu, 2, 3, 2, &x, &[3, 0], &mut y)
        .unwrap();
    assert_eq!(y, [8, 9, 2, 3, 4, 5, 6, 7, 0, 1, 10, 11]);
    assert!(
        ReverseSequence { time_major: true }
            .run(cpu, 2, 3, 2, &x, &[3, 4], &mut y)
            .is_err()
    );
}

/// Sums of at most a few dozen products of f32 with coordinates computed in f32.
const RESIZE_ERROR: f64 = 2e-5;

#[test]
fn resized() {
    let mut rng = Rng::new(9);
    let modes = [
        Coordinates::HalfPixel,
        Coordinates::HalfPixelSymmetric,
        Coordinates::PytorchHalfPixel,
        Coordinates::AlignCorners,
        Coordinates::Asymmetric,
        Coordinates::TfHalfPixelForNn,
        Coordinates::TfCropAndResize {
            start: -0.2,
            end: 0.9,
        },
    ];
    for round in 0..600 {
        let coordinates = modes[round % modes.len()];
        let [outer, n, inner, m] = [
            rng.size(1, 3),
            rng.size(1, 9),
            rng.size(1, 20),
            rng.size(1, 80),
        ];
        let x = rng.f32s(outer * n * inner);
        let a = -0.75;
        let interpolation = [Interpolation::Linear, Interpolation::Cubic { a }][round % 2];
        // positions beyond the last element leave a sum of weights near 0, and dividing by it magnifies every rounding
        let beyond = coordinates == Coordinates::TfHalfPixelForNn;
        let (exclude_outside, antialias) = (round % 3 == 0 && !beyond, round % 5 == 0);
        let m = if antialias { m % n + 1 } else { m };
        let scale = m as f32 / n as f32;
        let position = |o: usize| -> f64 {
            let (o, n, m, scale) = (o as f64, n as f64, m as f64, f64::from(scale));
            match coordinates {
                Coordinates::HalfPixel => (o + 0.5) / scale - 0.5,
                Coordinates::HalfPixelSymmetric => {
                    n / 2.0 * (1.0 - m / (scale * n)) + (o + 0.5) / scale - 0.5
                }
                Coordinates::PytorchHalfPixel if m > 1.0 => (o + 0.5) / scale - 0.5,
                Coordinates::AlignCorners if m > 1.0 => o * (n - 1.0) / (m - 1.0),
                Coordinates::Asymmetric => o / scale,
                Coordinates::TfHalfPixelForNn => (o + 0.5) / scale,
                Coordinates::TfCropAndResize { .. } if m > 1.0 => {
                    -0.2 * (n - 1.0) + o * 1.1 * (n - 1.0) / (m - 1.0)
                }
                Coordinates::TfCropAndResize { .. } => 0.35 * (n - 1.0),
                _ => 0.0,
            }
        };
        let weight = |d: f64| -> f64 {
            let (d, a) = (d.abs(), f64::from(a));
            match interpolation {
                Interpolation::Linear => (1.0 - d).max(0.0),
                _ if d <= 1.0 => (a + 2.0) * d.powi(3) - (a + 3.0) * d.powi(2) + 1.0,
                _ if d < 2.0 => a * d.powi(3) - 5.0 * a * d.powi(2) + 8.0 * a * d - 4.0 * a,
                _ => 0.0,
            }
        };
        let stretch = if antialias {
            f64::from(scale).min(1.0)
        } else {
            1.0
        };
        let crop = matches!(coordinates, Coordinates::TfCropAndResize { .. });
        let expected: Vec<f64> = indices(&[outer, m, inner])
            .map(|i| {
                let p = position(i[1]);
                if crop && (p < -1e-6 || p > n as f64 - 1.0 + 1e-6) {
                    return 7.0;
                }
                let (mut sum, mut total) = (0.0, 0.0);
                for tap in -300..300i64 {
                    let at = tap.clamp(0, n as i64 - 1);
                    if at != tap && exclude_outside {
                        continue;
                    }
                    let w = weight((tap as f64 - p) * stretch);
                    total += w;
                    sum += w * f64::from(x[flat(&[outer, n, inner], &[i[0], at as usize, i[2]])]);
                }
                if antialias && stretch < 1.0 || exclude_outside {
                    sum / total
                } else {
                    sum
                }
            })
            .collect();
        let layer = ResizeAxis {
            coordinates,
            interpolation,
            scale: (round % 7 == 0).then_some(scale),
            scale_index: 1,
            exclude_outside,
            antialias,
            extrapolation: 7.0,
        };
        for cpu in Cpu::all() {
            let given = [9.0, scale];
            let scales = (round % 11 == 0).then_some(given.as_slice());
            let mut y = vec![f32::NAN; outer * m * inner];
            layer
                .checked()
                .run(cpu, outer, n, inner, m, &x, scales, &mut y);
            let e = error(&y, &expected);
            assert!(e < RESIZE_ERROR, "{layer:?} {n} -> {m}: {e}");
        }
    }
}

#[test]
fn resized_to_the_nearest() {
    let cpu = Cpu::new();
    let run = |nearest, coordinates, out: usize, x: &[i32]| {
        let mut y = vec![0; out];
        ResizeNearest {
            coordinates,
            nearest,
            scale: None,
            scale_index: 0,
            extrapolation: -9,
        }
        .run(cpu, 1, x.len(), 1, out, x, None, &mut y);
        y
    };
    use Coordinates::*;
    use NearestMode::*;
    assert_eq!(run(Floor, Asymmetric, 6, &[1, 2, 3]), [1, 1, 2, 2, 3, 3]);
    assert_eq!(run(Ceil, Asymmetric, 6, &[1, 2, 3]), [1, 2, 2, 3, 3, 3]);
    assert_eq!(run(RoundPreferFloor, HalfPixel, 2, &[1, 2, 3, 4]), [1, 3]);
    assert_eq!(run(RoundPreferCeil, HalfPixel, 2, &[1, 2, 3, 4]), [2, 4]);
    assert_eq!(run(Floor, TfHalfPixelForNn, 2, &[1, 2, 3, 4]), [2, 4]);
    assert_eq!(
        run(RoundPreferFloor, AlignCorners, 5, &[1, 2, 3]),
        [1, 1, 2, 2, 3]
    );
    assert_eq!(
        run(RoundPreferCeil, AlignCorners, 5, &[1, 2, 3]),
        [1, 2, 2, 3, 3]
    );
    assert_eq!(
        run(
            Floor,
            TfCropAndResize {
                start: -1.0,
                end: 1.0
            },
            3,
            &[1, 2, 3]
        ),
        [-9, 1, 3]
    );
    let mut y = vec![0; 8];
    let layer = ResizeNearest {
        coordinates: Asymmetric,
        nearest: Floor,
        scale: Some(2.0),
        scale_index: 0,
        extrapolation: 0,
    };
    layer.run(cpu, 1, 2, 2, 4, &[1, 2, 3, 4], None, &mut y);
    assert_eq!(y, [1, 2, 1, 2, 3, 4, 3, 4]);
    assert_eq!(ResizeSizes.sizes(cpu, [3, 5], &[2.0, 0.5]), Ok([6, 2]));
    for wrong in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(ResizeSizes.sizes(cpu, [3], &[wrong]).is_err());
    }
    assert!(ResizeSizes.sizes(cpu, [3, 5], &[2.0]).is_err());
}
