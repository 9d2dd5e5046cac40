//! Gathering and scattering.

use tf_layers::axis::AlongAxis;
use tf_layers::indexing::*;
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
        for (reduction, f) in reductions() {
            let layer = ScatterElements { axis, reduction }.checked();
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
    let last = ScatterElements {
        axis: 0,
        reduction: Reduction::None,
    };
    let wrong = last.run(Cpu::new(), [2], &[1, 2], beyond, &mut y);
    assert_eq!(wrong, Err(Error::IndexOutOfRange { index: 2, size: 2 }));
}

type Combination = fn(i32, i32) -> i32;

fn reductions() -> [(Reduction, Combination); 5] {
    [
        (Reduction::None, |_, u| u),
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
        for (reduction, f) in reductions() {
            let layer = ScatterNd::<2> { reduction };
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
}

#[test]
fn combinations() {
    fn combined<T: Combine>(mut x: T, reduction: Reduction, update: T) -> T {
        x.combine(reduction, &update);
        x
    }
    assert!(combined(1f32, Reduction::Max, f32::NAN).is_nan());
    assert!(combined(f32::NAN, Reduction::Min, 1.0).is_nan());
    assert!(combined(true, Reduction::Add, true) && !combined(true, Reduction::Mul, false));

    let (x, mut y) = (["a", "b"].map(String::from), [const { String::new() }; 2]);
    let sizes = ScatterSlices {
        axes: [2],
        inner: 1,
        n: 1,
    };
    let mut scatter = |reduction| {
        let layer = ScatterNd { reduction };
        layer.run(Cpu::new(), sizes, &x, &[1i64], &[String::from("c")], &mut y)
    };
    let what = "a reduction of String";
    assert_eq!(scatter(Reduction::Add), Err(Error::Unsupported { what }));
    assert_eq!(scatter(Reduction::None), Ok(()));
    assert_eq!(y, ["a", "c"]);
}

#[test]
fn one_hot() {
    let cpu = Cpu::new();
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
    assert_eq!(kept(&[true, false, false, true, true]), Ok([1]));
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
}
