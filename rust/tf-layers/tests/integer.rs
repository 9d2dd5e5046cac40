//! 8-bit products against plain loops: exact, so equal.

mod common;

use common::{Rng, flat, indices};
use tf_layers::Cpu;
use tf_layers::integer::{
    ConvInteger, ConvIntegerInputs, MatMulInteger, MatMulIntegerInputs, Requantize,
    RequantizeInputs,
};
use tf_layers::matmul::MatMulAny;
use tf_layers::matrices::Matrices;

fn bytes(rng: &mut Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| rng.size(0, 256) as u8).collect()
}

fn signed(rng: &mut Rng, len: usize) -> Vec<i8> {
    bytes(rng, len).into_iter().map(|v| v as i8).collect()
}

#[test]
fn matrices() {
    let mut rng = Rng::new(1);
    for cpu in Cpu::all() {
        for _ in 0..30 {
            let [m, k, n] = [rng.size(1, 7), rng.size(0, 40), rng.size(1, 40)];
            let (a, b) = (bytes(&mut rng, 2 * m * k), signed(&mut rng, k * n));
            let a_zero = (rng.size(0, 2) == 0).then(|| bytes(&mut rng, m));
            let b_zero = match rng.size(0, 3) {
                0 => None,
                1 => Some(signed(&mut rng, 1)),
                _ => Some(signed(&mut rng, n)),
            };
            let mut y = vec![7; 2 * m * n];
            // b is shared by both matrices and lies transposed.
            MatMulInteger.run(
                cpu,
                Matrices {
                    batch: [2],
                    m,
                    k,
                    n,
                    a_batch: [m * k],
                    a_steps: [k, 1],
                    b_batch: [0],
                    b_steps: [1, k],
                },
                MatMulIntegerInputs {
                    a: &a,
                    b: &b,
                    a_zero: a_zero.as_deref(),
                    b_zero: b_zero.as_deref(),
                },
                &mut y,
            );
            for at in indices(&[2, m, n]) {
                let (i, r, c) = (at[0], at[1], at[2]);
                let b_zero = b_zero
                    .as_ref()
                    .map_or(0, |z| i32::from(*z.get(c).unwrap_or(&z[0])));
                let a_zero = a_zero.as_ref().map_or(0, |z| i32::from(z[r]));
                let expected: i32 = (0..k)
                    .map(|j| {
                        (i32::from(a[i * m * k + r * k + j]) - a_zero)
                            * (i32::from(b[c * k + j]) - b_zero)
                    })
                    .sum();
                assert_eq!(y[flat(&[2, m, n], &at)], expected);
            }
        }
    }
}

#[test]
fn images() {
    let mut rng = Rng::new(2);
    for cpu in Cpu::all() {
        for _ in 0..20 {
            let group = rng.size(1, 3);
            let (inputs, outputs) = (group * rng.size(1, 5), group * rng.size(1, 6));
            let (size, kernel) = (
                [rng.size(3, 8), rng.size(3, 8)],
                [rng.size(1, 4), rng.size(1, 4)],
            );
            let (stride, pad) = (rng.size(1, 3), rng.size(0, 3));
            let output = [0, 1].map(|i| (size[i] + 2 * pad - kernel[i]) / stride + 1);
            let x = bytes(&mut rng, size[0] * size[1] * inputs);
            let w_shape = [kernel[0], kernel[1], inputs / group, outputs];
            let w = signed(&mut rng, w_shape.iter().product());
            let (x_zero, w_zero) = (bytes(&mut rng, 1), signed(&mut rng, outputs));
            let mut y = vec![7; output[0] * output[1] * outputs];
            ConvInteger {
                input_channels: inputs,
                output_channels: outputs,
                group,
                kernel_shape: kernel,
                strides: [stride; 2],
                dilations: [1; 2],
                pads_begin: [pad; 2],
                pads_end: [pad; 2],
            }
            .checked()
            .run(
                cpu,
                ConvIntegerInputs {
                    batch: 1,
                    size,
                    x: &x,
                    w: &w,
                    x_zero: Some(&x_zero),
                    w_zero: Some(&w_zero),
                },
                &mut y,
            );
            for at in indices(&[output[0], output[1], outputs]) {
                let mut expected = 0;
                let first = at[2] / (outputs / group) * (inputs / group);
                for tap in indices(&w_shape[..3]) {
                    let place = [0, 1].map(|i| (at[i] * stride + tap[i]).wrapping_sub(pad));
                    if place[0] < size[0] && place[1] < size[1] {
                        let x = x[flat(
                            &[size[0], size[1], inputs],
                            &[place[0], place[1], first + tap[2]],
                        )];
                        let w = w[flat(&w_shape, &[tap[0], tap[1], tap[2], at[2]])];
                        expected += (i32::from(x) - i32::from(x_zero[0]))
                            * (i32::from(w) - i32::from(w_zero[at[2]]));
                    }
                }
                assert_eq!(y[flat(&[output[0], output[1], outputs], &at)], expected);
            }
        }
    }
}

#[test]
fn requantizing_rounds_halves_to_even_and_saturates() {
    for cpu in Cpu::all() {
        let mut y = [0u8; 6];
        let x = [1, 3, 5, -9, 100_000, -100_000];
        Requantize.run(
            cpu,
            RequantizeInputs {
                rows: 3,
                channels: 2,
                x: &x,
                a_scale: &[0.5],
                b_scale: &[2.0, 1.0],
                y_scale: &[2.0],
                y_zero: Some(&[3]),
                bias: Some(&[0, 1]),
            },
            &mut y,
        );
        // x · 0.5 and (x + 1) · 0.25
        assert_eq!(y, [3, 4, 5, 1, 255, 0]);
        let mut y = [0i8; 2];
        Requantize.run(
            cpu,
            RequantizeInputs {
                rows: 1,
                channels: 2,
                x: &[1000, -1000],
                a_scale: &[1.0],
                b_scale: &[1.0],
                y_scale: &[1.0],
                ..RequantizeInputs::default()
            },
            &mut y,
        );
        assert_eq!(y, [127, -128]);
    }
}

#[test]
fn other_element_types_wrap() {
    for cpu in Cpu::all() {
        let mut y = [0i32; 2];
        let (a, b) = ([i32::MAX, 1], [2, 3, 1, 5]);
        let row = |n, b_steps| Matrices {
            batch: [],
            m: 1,
            k: 2,
            n,
            a_batch: [],
            a_steps: [2, 1],
            b_batch: [],
            b_steps,
        };
        MatMulAny.run(cpu, row(2, [2, 1]), &a, &b, &mut y);
        assert_eq!(y, [-1, i32::MAX.wrapping_mul(3).wrapping_add(5)]);
        let mut y = [0f64; 1];
        MatMulAny.run(cpu, row(1, [1, 7]), &[0.5, 2.0], &[3.0, 4.0], &mut y);
        assert_eq!(y, [9.5]);
    }
}
