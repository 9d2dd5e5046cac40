//! Where, against loops over indices.

mod draws;

use draws::{Rng, levels};
use tf_layers::Error;
use tf_layers::select::{Where, WhereInputs};

#[test]
fn every_broadcast() {
    let mut rng = Rng::new(1);
    for cpu in levels() {
        for _ in 0..300 {
            let whole: [usize; 3] = core::array::from_fn(|_| rng.size(1, 20));
            let mut shape = || whole.map(|n| if rng.size(0, 3) == 0 { 1 } else { n });
            let shapes = [shape(), shape(), shape()];
            // Axes that are 1 in all three are 1 in y.
            let y_shape: [usize; 3] = core::array::from_fn(|axis| {
                shapes.iter().map(|s| s[axis]).max().expect("three shapes")
            });
            let len = |shape: [usize; 3]| shape.iter().product::<usize>();
            let condition: Vec<bool> = (0..len(shapes[0])).map(|_| rng.size(0, 2) == 1).collect();
            let a: Vec<i64> = (0..len(shapes[1])).map(|_| rng.bits() as i64).collect();
            let b: Vec<i64> = (0..len(shapes[2])).map(|_| rng.bits() as i64).collect();
            let at = |shape: [usize; 3], index: [usize; 3]| {
                shape
                    .iter()
                    .zip(index)
                    .fold(0, |at, (&n, i)| at * n + if n == 1 { 0 } else { i })
            };
            let mut y = vec![0; len(y_shape)];
            let inputs = WhereInputs {
                condition_shape: shapes[0],
                a_shape: shapes[1],
                b_shape: shapes[2],
                condition: &condition,
                a: &a,
                b: &b,
            };
            Where
                .checked()
                .run(cpu, inputs, &mut y)
                .expect("shapes fit");
            for (i, y) in y.iter().enumerate() {
                let index = [
                    i / y_shape[2] / y_shape[1],
                    i / y_shape[2] % y_shape[1],
                    i % y_shape[2],
                ];
                let want = if condition[at(shapes[0], index)] {
                    a[at(shapes[1], index)]
                } else {
                    b[at(shapes[2], index)]
                };
                assert_eq!(*y, want, "{shapes:?} at {index:?}");
            }
        }
        let mut y = [0; 3];
        let inputs = WhereInputs {
            condition_shape: [3],
            a_shape: [2],
            b_shape: [1],
            condition: &[true; 3],
            a: &[1, 2],
            b: &[3],
        };
        let refused = Where.run(cpu, inputs, &mut y);
        assert_eq!(
            refused,
            Err(Error::SizeMismatch {
                what: "broadcast",
                left: 3,
                right: 2
            })
        );
    }
}
