//! ArgMax, ArgMin, TopK and CumSum against plain loops.

mod draws;

use draws::{Rng, levels};
use tf_layers::cumulative::{CumProd, CumSum, DynamicCumSum};
use tf_layers::rank::{ArgMax, ArgMin, Ranked, TopK};
use tf_layers::{Cpu, Error, Slot};

fn sizes() -> Vec<[usize; 3]> {
    vec![
        [2, 3, 4],
        [1, 1, 1],
        [3, 17, 1],
        [1, 70, 65],
        [2, 5, 130],
        [0, 3, 2],
        [2, 3, 0],
        [4, 100, 1],
    ]
}

/// Few different values, so that there are equals.
fn some(rng: &mut Rng, size: [usize; 3]) -> Vec<f32> {
    (0..size.iter().product())
        .map(|_| rng.size(0, 7) as f32 - 3.0)
        .collect()
}

/// The line at (o, i) along the axis.
fn line(x: &[f32], [_, axis, inner]: [usize; 3], o: usize, i: usize) -> Vec<f32> {
    (0..axis).map(|k| x[(o * axis + k) * inner + i]).collect()
}

#[test]
fn positions_of_extremes() {
    let mut rng = Rng::new(1);
    for cpu in levels() {
        for size in sizes() {
            let x = some(&mut rng, size);
            for last in [false, true] {
                let mut y = vec![9; size[0] * size[2]];
                let pick = |line: &[f32], better: fn(f32, f32) -> bool| {
                    let mut best = 0;
                    for k in 1..line.len() {
                        if better(line[k], line[best]) || last && line[k] == line[best] {
                            best = k;
                        }
                    }
                    best as i64
                };
                ArgMax {
                    select_last_index: last,
                }
                .checked()
                .run(cpu, size.into(), &x, &mut y)
                .expect("an axis");
                for (at, y) in y.iter().enumerate() {
                    assert_eq!(
                        *y,
                        pick(&line(&x, size, at / size[2], at % size[2]), |a, b| a > b),
                        "{size:?}"
                    );
                }
                ArgMin {
                    select_last_index: last,
                }
                .checked()
                .run(cpu, size.into(), &x, &mut y)
                .expect("an axis");
                for (at, y) in y.iter().enumerate() {
                    assert_eq!(
                        *y,
                        pick(&line(&x, size, at / size[2], at % size[2]), |a, b| a < b),
                        "{size:?}"
                    );
                }
            }
        }
        // NaN as onnxruntime: never better than what came before.
        let mut y = [9];
        ArgMax {
            select_last_index: false,
        }
        .run(cpu, [1, 3, 1].into(), &[f32::NAN, 1.0, 2.0], &mut y)
        .expect("an axis");
        assert_eq!(y, [0]);
        ArgMin {
            select_last_index: false,
        }
        .run(cpu, [1, 3, 1].into(), &[1.0, f32::NAN, 0.5], &mut y)
        .expect("an axis");
        assert_eq!(y, [2]);
        let refused = ArgMax {
            select_last_index: false,
        }
        .run(cpu, [1, 0, 1].into(), &[0.0; 0], &mut y);
        assert_eq!(
            refused,
            Err(Error::Size {
                what: "axis to choose from",
                value: 0
            })
        );
    }
}

#[test]
fn the_best_k() {
    let mut rng = Rng::new(2);
    let mut scratch = Slot::new();
    let cpu = Cpu::new();
    for size in sizes() {
        let mut x = some(&mut rng, size);
        if x.len() > 8 {
            x[5] = f32::NAN;
        }
        for k in [0, 1, 2, size[1]] {
            if k > size[1] {
                continue;
            }
            for largest in [false, true] {
                let n = size[0] * k * size[2];
                let (mut values, mut positions) = (vec![0.0; n], vec![9; n]);
                let layer = TopK { largest }.checked();
                let [outer, axis, inner] = size;
                let ranked = Ranked {
                    outer,
                    axis,
                    inner,
                    k,
                };
                layer
                    .run(cpu, ranked, &x, &mut values, &mut positions, &mut scratch)
                    .expect("k fits");
                for o in 0..size[0] {
                    for i in 0..size[2] {
                        let line = line(&x, size, o, i);
                        let mut order: Vec<usize> = (0..line.len()).collect();
                        // A stable sort by numpy's order, in which NaN is the greatest.
                        let key = |p: usize| {
                            if line[p].is_nan() {
                                f32::INFINITY
                            } else {
                                line[p]
                            }
                        };
                        order.sort_by(|&a, &b| {
                            let order = key(a).total_cmp(&key(b));
                            if largest { order.reverse() } else { order }
                        });
                        for (r, &p) in order[..k].iter().enumerate() {
                            let at = (o * k + r) * size[2] + i;
                            assert_eq!(
                                positions[at], p as i64,
                                "{size:?}, k {k}, largest {largest}"
                            );
                            assert_eq!(values[at].to_bits(), line[p].to_bits());
                        }
                    }
                }
            }
        }
    }
    let refused = TopK { largest: true }.run(
        cpu,
        Ranked {
            outer: 1,
            axis: 2,
            inner: 1,
            k: 3,
        },
        &[1, 2],
        &mut [0; 3],
        &mut [0; 3],
        &mut scratch,
    );
    assert_eq!(
        refused,
        Err(Error::Size {
            what: "k of TopK, beyond its axis",
            value: 3
        })
    );
}

#[test]
fn running_sums() {
    let mut rng = Rng::new(3);
    for cpu in levels() {
        for size in sizes() {
            let x: Vec<i32> = (0..size.iter().product())
                .map(|_| rng.size(0, 100) as i32 - 50)
                .collect();
            let [_, axis, inner] = size;
            for (exclusive, reverse) in [(false, false), (true, false), (false, true), (true, true)]
            {
                let mut y = vec![7; x.len()];
                CumSum { exclusive, reverse }
                    .checked()
                    .run(cpu, size.into(), &x, &mut y);
                for (at, y) in y.iter().enumerate() {
                    let (o, k, i) = (at / inner / axis, at / inner % axis, at % inner);
                    let counts =
                        |j: usize| (if reverse { j > k } else { j < k }) || !exclusive && j == k;
                    let want: i32 = (0..axis)
                        .filter(|&j| counts(j))
                        .map(|j| x[(o * axis + j) * inner + i])
                        .sum();
                    assert_eq!(
                        *y, want,
                        "{size:?}, exclusive {exclusive}, reverse {reverse}"
                    );
                }
            }
        }
    }
    let mut y = [0i64; 3];
    CumProd {
        exclusive: true,
        reverse: true,
    }
    .checked()
    .run(Cpu::new(), [1, 3, 1].into(), &[2, 3, 4], &mut y);
    assert_eq!(y, [12, 4, 1]);
    let layer = DynamicCumSum {
        exclusive: false,
        reverse: false,
    }
    .checked();
    let mut y = [0i64; 4];
    layer
        .run(Cpu::new(), [2, 2], &[1, 2, 3, 4], &[-2i32], &mut y)
        .expect("an axis");
    assert_eq!(y, [1, 2, 4, 6]);
    let refused = layer.run(Cpu::new(), [2, 2], &[1, 2, 3, 4], &[2i64], &mut y);
    assert_eq!(refused, Err(Error::IndexOutOfRange { index: 2, size: 2 }));
    for axis in [&[][..], &[0, 1]] {
        let refused = layer.run::<i64, i64, 2>(Cpu::new(), [2, 2], &[1, 2, 3, 4], axis, &mut y);
        assert_eq!(
            refused,
            Err(Error::InputLength {
                name: "axis",
                expected: 1,
                actual: axis.len()
            })
        );
    }
}
