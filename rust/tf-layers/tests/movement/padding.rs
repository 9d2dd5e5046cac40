//! Borders, triangles, and what is reversed.

use tf_layers::Cpu;
use tf_layers::movement::*;

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
fn triangles() {
    let cpu = Cpu::new();
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
        }
    }
}

#[test]
fn reversed() {
    let cpu = Cpu::new();
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
