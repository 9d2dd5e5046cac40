//! Borders, and what is filled or selected.

use tf_layers::axis::AlongAxis;
use tf_layers::movement::*;
use tf_layers::{Cpu, Error};

use crate::common::{Rng, flat, indices};
use crate::{count, ramp, random_shape};

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
        let found = layer.sizes(Cpu::new(), shape, &pads);
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
            .run_with_value(Cpu::new(), shape, &x, &pads, &[-7], &mut y)
            .unwrap();
        assert_eq!(y, expected, "{mode:?} {shape:?} {pads:?}");
        {
            y.fill(-1);
            Pad { mode }.checked().run_with_value(
                Cpu::new(),
                Border {
                    shape,
                    before,
                    after,
                },
                &x,
                &[-7],
                &mut y,
            );
            assert_eq!(y, expected);
        }
        if mode != PadMode::Constant {
            y.fill(-1);
            layer.run(Cpu::new(), shape, &x, &pads, &mut y).unwrap();
            assert_eq!(y, expected);
        }
    }
    let layer = DynamicPad {
        mode: PadMode::Edge,
        axes: [0],
    };
    assert!(
        layer.sizes(Cpu::new(), [0], &[1, 0]).is_err(),
        "nothing to repeat"
    );
    assert!(layer.sizes(Cpu::new(), [2], &[-3, 0]).is_err());
    assert!(layer.sizes(Cpu::new(), [2], &[i64::MIN, i64::MAX]).is_err());
    assert!(layer.sizes(Cpu::new(), [2], &[1]).is_err());
    let mut y = vec![1; 3];
    DynamicPad {
        mode: PadMode::Constant,
        axes: [0],
    }
    .run(Cpu::new(), [1], &[5], &[1, 1], &mut y)
    .unwrap();
    assert_eq!(y, [0, 5, 0]);
    let mut y = vec![1; 2];
    Pad {
        mode: PadMode::Constant,
    }
    .run(
        Cpu::new(),
        Border {
            shape: [0],
            before: [1],
            after: [1],
        },
        &[],
        &mut y,
    );
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

    let mut y = vec![0; 12];
    OneHot
        .run(
            cpu,
            AlongAxis {
                outer: 2,
                axis: 3,
                inner: 2,
            },
            &[0i64, -1, 2, 5],
            &[7, 9],
            &mut y,
        )
        .unwrap();
    assert_eq!(y, [9, 7, 7, 7, 7, 9, 7, 7, 7, 7, 9, 7]);
    assert!(
        OneHot
            .run(
                cpu,
                AlongAxis {
                    outer: 1,
                    axis: 1,
                    inner: 1
                },
                &[0i32],
                &[1],
                &mut y
            )
            .is_err()
    );

    for (rows, columns) in [(1, 1), (3, 5), (5, 3), (0, 4), (4, 0)] {
        for k in [-6, -2, -1, 0, 1, 2, 9, i64::MAX, i64::MIN] {
            for upper in [false, true] {
                let x: Vec<i32> = (1..=2 * (rows * columns) as i32).collect();
                let mut y = vec![-1; x.len()];
                let matrices = MatrixStack {
                    batch: 2,
                    rows,
                    columns,
                };
                let layer = Trilu { upper }.checked();
                layer.run_with_k(cpu, matrices, &x, &[k], &mut y).unwrap();
                if k == 0 {
                    let mut without = vec![-1; x.len()];
                    layer.run(cpu, matrices, &x, &mut without);
                    assert_eq!(y, without);
                }
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
                .run(cpu, [rows, columns], &mut y);
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
    let along = AlongAxis {
        outer: 2,
        axis: 3,
        inner: 2,
    };
    let kept = |condition: &[bool]| Compress.sizes(cpu, along, condition);
    assert_eq!(kept(&[true, false, true]), Ok([2]));
    assert_eq!(kept(&[true, false, false, false]), Ok([1]));
    assert!(kept(&[false, false, false, true]).is_err());
    let mut y = vec![0; 8];
    Compress.run(cpu, along, &x, &[true, false, true], &mut y);
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
        assert_eq!(
            layer.sizes(
                cpu,
                AlongAxis {
                    outer: 1,
                    axis: 6,
                    inner: 1
                },
                &x
            ),
            Ok([4])
        );
        let (mut a, mut b, mut c, mut d) = (vec![0.0; 4], vec![0; 4], vec![0; 6], vec![0; 4]);
        layer
            .run(
                cpu,
                AlongAxis {
                    outer: 1,
                    axis: 6,
                    inner: 1,
                },
                &x,
                &mut a,
                UniquePlaces {
                    first: Some(&mut b),
                    inverse: Some(&mut c),
                    counts: Some(&mut d),
                },
            )
            .unwrap();
        assert_eq!(
            (a.as_slice(), b.as_slice(), c.as_slice(), d.as_slice()),
            (&y[..], &first[..], &inverse[..], &counts[..])
        );
    }
    // Along an axis: [2, 3, 2], slices 0 and 2 equal.
    let x = [1, 1, 0, 1, 1, 1, 2, 2, 0, 3, 2, 2];
    let (mut y, mut first, mut inverse, mut counts) =
        (vec![0; 8], vec![0; 2], vec![0; 3], vec![0; 2]);
    Unique { sorted: true }
        .run(
            cpu,
            AlongAxis {
                outer: 2,
                axis: 3,
                inner: 2,
            },
            &x,
            &mut y,
            UniquePlaces {
                first: Some(&mut first),
                inverse: Some(&mut inverse),
                counts: Some(&mut counts),
            },
        )
        .unwrap();
    assert_eq!(y, [0, 1, 1, 1, 0, 3, 2, 2]);
    assert_eq!(
        (first, inverse, counts),
        (vec![1, 0], vec![1, 0, 1], vec![1, 2])
    );
    assert_eq!(
        Unique { sorted: true }.sizes(
            cpu,
            AlongAxis {
                outer: 1,
                axis: 3,
                inner: 1
            },
            &[f32::NAN, 1.0, f32::NAN]
        ),
        Ok([3])
    );

    let x = ramp(12);
    let mut y = vec![0; 12];
    ReverseSequence { time_major: false }
        .run(
            cpu,
            Sequences {
                batch: 2,
                steps: 3,
                inner: 2,
            },
            &x,
            &[3, 2],
            &mut y,
        )
        .unwrap();
    assert_eq!(y, [4, 5, 2, 3, 0, 1, 8, 9, 6, 7, 10, 11]);
    ReverseSequence { time_major: true }
        .run(
            cpu,
            Sequences {
                batch: 2,
                steps: 3,
                inner: 2,
            },
            &x,
            &[3, 0],
            &mut y,
        )
        .unwrap();
    assert_eq!(y, [8, 9, 2, 3, 4, 5, 6, 7, 0, 1, 10, 11]);
    assert!(
        ReverseSequence { time_major: true }
            .run(
                cpu,
                Sequences {
                    batch: 2,
                    steps: 3,
                    inner: 2
                },
                &x,
                &[3, 4],
                &mut y
            )
            .is_err()
    );
}
