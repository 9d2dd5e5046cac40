//! Quantisation against the formulas in f64.

mod draws;

use draws::{Rng, levels};
use tf_layers::quantize::*;
use tf_layers::{Error, F16};

/// saturate(round(x / scale) + zero); the quotient is f32's, as in onnxruntime.
fn exact(x: f32, scale: f32, zero: i64, low: i64, high: i64) -> i64 {
    (f64::from(x / scale).round_ties_even() as i64 + zero).clamp(low, high)
}

/// A vector with one scale and one zero point.
fn of_one<'a, X, S, Z>(
    x: &'a [X],
    scale: &'a [S; 1],
    zero: &'a [Z; 1],
) -> LinearInputs<'a, X, S, Z, 1> {
    LinearInputs {
        x_shape: [x.len()],
        scale_shape: [1],
        zero_shape: [1],
        x,
        scale,
        zero,
    }
}

#[test]
fn per_tensor_axis_and_block() {
    let mut rng = Rng::new(1);
    for cpu in levels() {
        for inner in [0, 1, 7, 16, 33, 100] {
            // [outer, channels, block, inner]: one scale, one per channel, one per block and place.
            let x_shape = [2, 3, 2, inner];
            let x = rng.floats(12 * inner, -300.0, 300.0);
            for scale_shape in [[1, 1, 1, 1], [1, 3, 1, 1], [2, 3, 1, inner.max(1)]] {
                let n = scale_shape.iter().product();
                let scale = rng.floats(n, 0.1, 2.0);
                let zero: Vec<u8> = (0..n).map(|_| rng.size(0, 256) as u8).collect();
                if scale_shape[3] != 1 && inner == 0 {
                    continue;
                }
                let mut q = vec![0u8; x.len()];
                QuantizeLinear
                    .checked()
                    .run(
                        cpu,
                        LinearInputs {
                            x_shape,
                            scale_shape,
                            zero_shape: scale_shape,
                            x: &x,
                            scale: &scale,
                            zero: &zero,
                        },
                        &mut q,
                    )
                    .expect("shapes fit");
                let mut back = vec![0.0f32; x.len()];
                DequantizeLinear
                    .checked()
                    .run(
                        cpu,
                        LinearInputs {
                            x_shape,
                            scale_shape,
                            zero_shape: scale_shape,
                            x: &q,
                            scale: &scale,
                            zero: &zero,
                        },
                        &mut back,
                    )
                    .expect("shapes fit");
                for i in 0..x.len() {
                    let index = [i / inner / 6, i / inner / 2 % 3, i / inner % 2, i % inner];
                    let at = scale_shape
                        .iter()
                        .zip(index)
                        .fold(0, |at, (&n, i)| at * n + if n == 1 { 0 } else { i });
                    let want = exact(x[i], scale[at], zero[at].into(), 0, 255);
                    assert_eq!(
                        i64::from(q[i]),
                        want,
                        "{} / {} + {}",
                        x[i],
                        scale[at],
                        zero[at]
                    );
                    assert_eq!(
                        back[i],
                        (i32::from(q[i]) - i32::from(zero[at])) as f32 * scale[at]
                    );
                }
            }
        }
    }
}

#[test]
fn ties_limits_and_types() {
    for cpu in levels() {
        let x = [
            0.5f32,
            1.5,
            2.5,
            -0.5,
            -1.5,
            1e30,
            -1e30,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
        ];
        let mut y = [0i8; 10];
        QuantizeLinear
            .run(cpu, of_one(&x[..], &[1.0], &[0]), &mut y)
            .expect("shapes fit");
        assert_eq!(y, [0, 2, 2, 0, -2, 127, -128, 127, -128, -128]);
        let mut y = [0u16; 10];
        QuantizeLinear
            .run(cpu, of_one(&x[..], &[1.0], &[65_535]), &mut y)
            .expect("shapes fit");
        assert_eq!(
            y,
            [
                65_535, 65_535, 65_535, 65_535, 65_533, 65_535, 0, 65_535, 0, 0
            ]
        );
        let mut y = [0.0f32; 2];
        DequantizeLinear
            .run(cpu, of_one(&[-7i32, 100_000][..], &[0.5], &[0]), &mut y)
            .expect("shapes fit");
        assert_eq!(y, [-3.5, 50_000.0]);
        let half = F16::from_f32(0.5);
        let mut y = [F16::default(); 1];
        DequantizeLinear
            .run(cpu, of_one(&[4u8][..], &[half], &[1]), &mut y)
            .expect("shapes fit");
        assert_eq!(y[0].to_f32(), 1.5);
        let inputs = LinearInputs {
            scale_shape: [3],
            scale: &[1.0; 3],
            ..of_one(&[1.0f32], &[1.0], &[0])
        };
        let refused = QuantizeLinear.run(cpu, inputs, &mut [0u8]);
        assert_eq!(
            refused,
            Err(Error::SizeMismatch {
                what: "broadcast result",
                left: 3,
                right: 1
            })
        );
    }
}

#[test]
fn dynamic() {
    for cpu in levels() {
        let (mut y, mut scale, mut zero) = ([0; 6], [0.0], [0]);
        // The specification's own example.
        let x = [0.0f32, 2.0, -3.0, -2.5, 1.34, 0.5];
        DynamicQuantizeLinear
            .checked()
            .run(cpu, &x, &mut y, &mut scale, &mut zero);
        assert_eq!((y, zero), ([153, 255, 0, 26, 221, 179], [153]));
        assert!((scale[0] - 5.0 / 255.0).abs() < 1e-9);
        DynamicQuantizeLinear.run(cpu, &[0.0; 6], &mut y, &mut scale, &mut zero);
        assert_eq!((y, scale, zero), ([0; 6], [1.0], [0]));
        DynamicQuantizeLinear.run(
            cpu,
            &[1.0, 2.1, 1.3, 2.5, 3.34, 4.0],
            &mut y,
            &mut scale,
            &mut zero,
        );
        assert_eq!((y, zero), ([64, 134, 83, 159, 213, 255], [0]));
    }
}

#[test]
fn the_dynamic_range_is_found_wherever_its_ends_are() {
    for cpu in levels() {
        for len in [0, 1, 2, 15, 16, 17, 31, 32, 33, 70] {
            for at in 0..len {
                let mut x = vec![0.25f32; len];
                x[at] = -1.0;
                x[len - 1 - at] = if len == 2 * at + 1 { -1.0 } else { 3.0 };
                let (mut y, mut scale, mut zero) = (vec![0; len], [0.0], [0]);
                DynamicQuantizeLinear.run(cpu, &x, &mut y, &mut scale, &mut zero);
                let low = x.iter().fold(0.0f32, |a, b| a.min(*b));
                let high = x.iter().fold(0.0f32, |a, b| a.max(*b));
                let step = (high - low) / 255.0;
                let origin = (-low / step).round_ties_even();
                assert_eq!(
                    (scale[0], f32::from(zero[0])),
                    (step, origin),
                    "{len}, {at}"
                );
                for (x, y) in x.iter().zip(&y) {
                    assert_eq!(f32::from(*y), (x / step).round_ties_even() + origin);
                }
                // A number that is none has no part in it, and becomes the least value.
                x.push(f32::NAN);
                y.push(7);
                DynamicQuantizeLinear.run(cpu, &x, &mut y, &mut scale, &mut zero);
                assert_eq!((scale[0], f32::from(zero[0]), y[len]), (step, origin, 0));
            }
        }
    }
}
