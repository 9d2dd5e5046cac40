//! Gathering and scattering.

use tf_layers::axis::AlongAxis;
use tf_layers::movement::*;
use tf_layers::{Cpu, Error};

use crate::common::{Rng, flat, indices};
use crate::{count, moved, ramp, random_shape};

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
            .run(
                Cpu::new(),
                AlongAxis { outer, axis, inner },
                &x,
                &at,
                &mut y,
            )
            .unwrap();
        assert_eq!(y, expected);
    }
    let mut y = [0];
    for index in [3, -4, i64::MAX, i64::MIN] {
        let result = Gather.run(
            Cpu::new(),
            AlongAxis {
                outer: 1,
                axis: 3,
                inner: 1,
            },
            &[1, 2, 3],
            &[index],
            &mut y,
        );
        assert_eq!(result, Err(Error::IndexOutOfRange { index, size: 3 }));
    }
    let result = Gather.run(
        Cpu::new(),
        AlongAxis {
            outer: 1,
            axis: 0,
            inner: 1,
        },
        &[],
        &[0i32],
        &mut y,
    );
    assert_eq!(result, Err(Error::IndexOutOfRange { index: 0, size: 0 }));
}

#[test]
fn gather_or_zero() {
    let mut rng = Rng::new(6);
    for negative in [false, true] {
        for (axis, inner, n) in [
            (1, 1, 4),
            (5, 3, 40),
            (7, 16, 9),
            (3, 0, 2),
            (0, 2, 3),
            (4, 4, 0),
        ] {
            let x = ramp(axis * inner);
            let mut at: Vec<i64> = (0..n)
                .map(|_| rng.size(0, 4 * axis.max(1)) as i64 - 2 * axis as i64)
                .collect();
            at.extend([i64::MIN, i64::MAX]);
            // as the product is defined: 1 where the column is the index, times the matrix
            let expected: Vec<i32> = at
                .iter()
                .flat_map(|&at| {
                    let at = if negative && at < 0 {
                        at.saturating_add(axis as i64)
                    } else {
                        at
                    };
                    let x = &x;
                    (0..inner).map(move |k| {
                        (0..axis)
                            .filter(|&row| row as i64 == at)
                            .map(|row| x[row * inner + k])
                            .sum()
                    })
                })
                .collect();
            let mut y = vec![-1; expected.len()];
            GatherOrZero { negative }.run(Cpu::new(), [axis, inner], &x, &at, &mut y);
            assert_eq!(y, expected);
        }
    }
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
            .run(Cpu::new(), shape, &x, some, &at, &mut y)
            .unwrap();
        assert_eq!(y, expected, "{shape:?} {some:?} {axis}");

        let updates: Vec<i32> = (0..at.len())
            .map(|_| rng.size(0, 100) as i32 - 50)
            .collect();
        let given = ScatterUpdates {
            indices_shape: some,
            indices: &at,
            updates: &updates,
        };
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
            .run(Cpu::new(), shape, &x, given, &mut y)
            .unwrap();
        assert_eq!(y, scattered(&|_, u| u));
        for (reduction, f) in reductions() {
            let layer = ScatterElementsReduce { axis, reduction }.checked();
            layer.run(Cpu::new(), shape, &x, given, &mut y).unwrap();
            assert_eq!(y, scattered(&f));
        }
    }
    let mut y = vec![0; 2];
    let beyond = ScatterUpdates {
        indices_shape: [1],
        indices: &[2i64],
        updates: &[5],
    };
    let wrong = ScatterElements { axis: 0 }.run(Cpu::new(), [2], &[1, 2], beyond, &mut y);
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
            .run(
                Cpu::new(),
                GatherSlices {
                    batch,
                    axes: [a, b],
                    inner,
                    n,
                },
                &x,
                &at,
                &mut y,
            )
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
            .run(
                Cpu::new(),
                ScatterSlices {
                    axes: [a, b],
                    inner,
                    n,
                },
                x,
                at,
                &updates,
                &mut y,
            )
            .unwrap();
        assert_eq!(y, scattered(&|_, u| u));
        for (reduction, f) in reductions() {
            let layer = ScatterNdReduce::<2> { reduction };
            layer
                .run(
                    Cpu::new(),
                    ScatterSlices {
                        axes: [a, b],
                        inner,
                        n,
                    },
                    x,
                    at,
                    &updates,
                    &mut y,
                )
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
