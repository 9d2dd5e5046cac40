//! 8-bit products against plain loops: exact, so equal.

mod common;

use common::{Rng, flat, indices};
use tf_layers::integer::{
    Byte, ConvInteger, ConvIntegerInputs, IntegerConv, IntegerConvInputs, IntegerDense,
    IntegerDenseInputs, MatMulInteger, MatMulIntegerInputs, Requantize, RequantizeInputs,
};
use tf_layers::matmul::MatMulAny;
use tf_layers::matrices::Matrices;
use tf_layers::{Cpu, Slot, pack};

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
        for round in 0..120 {
            // b lies as it is, or transposed
            let b_steps = |k, n| if round % 2 == 0 { [1, k] } else { [n, 1] };
            let [m, k, n] = [rng.size(1, 7), rng.size(0, 40), rng.size(1, 40)];
            let (a, b) = (bytes(&mut rng, 2 * m * k), signed(&mut rng, k * n));
            let a_zero = (rng.size(0, 2) == 0).then(|| bytes(&mut rng, m));
            let b_zero = match rng.size(0, 3) {
                0 => None,
                1 => Some(signed(&mut rng, 1)),
                _ => Some(signed(&mut rng, n)),
            };
            let mut y = vec![7; 2 * m * n];
            let mut scratch = Slot::new();
            // b is shared by both matrices.
            let run = MatMulInteger.run(
                cpu,
                Matrices {
                    batch: [2],
                    m,
                    k,
                    n,
                    a_batch: [m * k],
                    a_steps: [k, 1],
                    b_batch: [0],
                    b_steps: b_steps(k, n),
                },
                MatMulIntegerInputs {
                    a: &a,
                    b: &b,
                    a_zero: a_zero.as_deref(),
                    b_zero: b_zero.as_deref(),
                },
                &mut y,
                &mut scratch,
            );
            run.unwrap();
            let [down, across] = b_steps(k, n);
            for at in indices(&[2, m, n]) {
                let (i, r, c) = (at[0], at[1], at[2]);
                let b_zero = b_zero
                    .as_ref()
                    .map_or(0, |z| i32::from(*z.get(c).unwrap_or(&z[0])));
                let a_zero = a_zero.as_ref().map_or(0, |z| i32::from(z[r]));
                let expected: i32 = (0..k)
                    .map(|j| {
                        (i32::from(a[i * m * k + r * k + j]) - a_zero)
                            * (i32::from(b[c * across + j * down]) - b_zero)
                    })
                    .sum();
                assert_eq!(y[flat(&[2, m, n], &at)], expected);
            }
        }
    }
}

#[test]
fn computed_matrices_of_other_types() {
    let mut rng = Rng::new(6);
    for cpu in Cpu::all() {
        for [m, k, n] in [[3, 12, 32], [1, 5, 16], [4, 8, 17], [2, 0, 3]] {
            // a lies transposed, and each of three matrices has a right side of its own
            let (a, b) = (signed(&mut rng, 3 * m * k), bytes(&mut rng, 3 * k * n));
            let (mut y, mut scratch) = (vec![7; 3 * m * n], Slot::new());
            let matrices = Matrices {
                batch: [3],
                m,
                k,
                n,
                a_batch: [m * k],
                a_steps: [1, m],
                b_batch: [k * n],
                b_steps: [n, 1],
            };
            let inputs = MatMulIntegerInputs {
                a: &a,
                b: &b,
                a_zero: Some(&[-7]),
                b_zero: None,
            };
            MatMulInteger
                .run(cpu, matrices, inputs, &mut y, &mut scratch)
                .unwrap();
            for at in indices(&[3, m, n]) {
                let (i, r, c) = (at[0], at[1], at[2]);
                let expected: i32 = (0..k)
                    .map(|j| {
                        (i32::from(a[i * m * k + j * m + r]) + 7)
                            * i32::from(b[i * k * n + j * n + c])
                    })
                    .sum();
                assert_eq!(y[flat(&[3, m, n], &at)], expected);
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

/// What a matrix product of integers is, with x's zero point for each row.
fn dense(
    x: &[i32],
    x_zero: impl Fn(usize) -> i32,
    w: &[i8],
    w_zero: Option<&[i32]>,
    [rows, k, n]: [usize; 3],
) -> Vec<i32> {
    let at = |r: usize, c: usize| {
        let zero = w_zero.map_or(0, |zero| zero[c]);
        (0..k)
            .map(|i| {
                i64::from(x[r * k + i] - x_zero(r)) * i64::from(i32::from(w[i * n + c]) - zero)
            })
            .sum::<i64>()
    };
    (0..rows * n).map(|i| at(i / n, i % n) as i32).collect()
}

/// Numbers of both ends of the range beside drawn ones: where 16 bits would saturate.
fn extremes(rng: &mut Rng, len: usize) -> Vec<u8> {
    let corner = rng.size(0, 3) == 0;
    let value = |rng: &mut Rng| match rng.size(0, 3) {
        _ if !corner => rng.size(0, 256) as u8,
        0 => 0,
        1 => 0x7F,
        2 => 0x80,
        _ => 0xFF,
    };
    (0..len).map(|_| value(rng)).collect()
}

/// Runs an [`IntegerDense`] over bytes, with signs or without, with every kind of zero points.
fn dense_of<X: Byte>(cpu: Cpu, rng: &mut Rng, [rows, k, n]: [usize; 3], of: impl Fn(u8) -> X) {
    let x: Vec<X> = extremes(rng, rows * k).into_iter().map(&of).collect();
    let w: Vec<i8> = extremes(rng, k * n).into_iter().map(|v| v as i8).collect();
    let x_zero: Option<Vec<X>> = match rng.size(0, 3) {
        0 => None,
        1 => Some(extremes(rng, 1).into_iter().map(&of).collect()),
        _ => Some(extremes(rng, rows.max(1)).into_iter().map(&of).collect()),
    };
    let kernel_zero: Option<Vec<i32>> =
        (rng.size(0, 2) == 0).then(|| (0..n).map(|_| rng.size(0, 256) as i32 - 128).collect());
    let kernel = pack::integer_panels(&w, k, n, false);
    let layer = IntegerDense {
        inputs: k,
        units: n,
        kernel: &kernel,
        kernel_zero: kernel_zero.as_deref(),
    }
    .checked();
    let inputs = IntegerDenseInputs {
        rows,
        x: &x,
        x_zero: x_zero.as_deref(),
    };
    let (mut y, mut scratch) = (vec![7; rows * n], Slot::new());
    layer.run(cpu, inputs, &mut y, &mut scratch).unwrap();
    let zero = |r: usize| {
        x_zero
            .as_ref()
            .map_or(0, |zero| (*zero.get(r).unwrap_or(&zero[0])).into())
    };
    let wide: Vec<i32> = x.iter().map(|v| (*v).into()).collect();
    let expected = dense(&wide, zero, &w, kernel_zero.as_deref(), [rows, k, n]);
    assert_eq!(y, expected, "{}: {rows} × {k} × {n}", cpu.name());
    let turned: Vec<i8> = (0..n * k).map(|i| w[i % k * n + i / k]).collect();
    assert_eq!(pack::integer_panels(&turned, k, n, true), layer.kernel);
}

#[test]
fn constant_matrices() {
    let mut rng = Rng::new(3);
    for cpu in Cpu::all() {
        for rows in 0..18 {
            for n in [0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 48] {
                let k = [0, 1, 3, 4, 5, 15, 16, 17, 20, 64, 65][rng.size(0, 11)];
                dense_of(cpu, &mut rng, [rows, k, n], |v| v);
                dense_of(cpu, &mut rng, [rows, k, n], |v| v as i8);
            }
        }
        // More than one block of k, and more columns than lie in the first-level cache.
        dense_of(cpu, &mut rng, [5, 5001, 20], |v| v);
        dense_of(cpu, &mut rng, [70, 516, 300], |v| v);
    }
}

#[test]
fn products_do_not_saturate() {
    // u8 · i8 in pairs is 2 · 255 · 127 = 64,770, twice what 16 bits hold.
    for cpu in Cpu::all() {
        for (x, w) in [(255_u8, 127), (255, -128), (128, 65), (127, -128)] {
            let (rows, k, n) = (9, 576, 96);
            let layer = IntegerDense {
                inputs: k,
                units: n,
                kernel: &pack::integer_panels(&vec![w; k * n], k, n, false),
                kernel_zero: None,
            };
            let x = vec![x; rows * k];
            let inputs = IntegerDenseInputs {
                rows,
                x: &x,
                x_zero: None,
            };
            let (mut y, mut scratch) = (vec![0; rows * n], Slot::new());
            layer.run(cpu, inputs, &mut y, &mut scratch).unwrap();
            let expected = i32::from(x[0]) * i32::from(w) * k as i32;
            assert!(y.iter().all(|y| *y == expected), "{}", cpu.name());
        }
    }
}

#[test]
fn sums_that_leave_32_bits_wrap() {
    for cpu in Cpu::all() {
        let k = 70_000;
        let layer = IntegerDense {
            inputs: k,
            units: 1,
            kernel: &pack::integer_panels(&vec![-128; k], k, 1, false),
            kernel_zero: None,
        };
        let x = vec![255_u8; k];
        let inputs = IntegerDenseInputs {
            rows: 1,
            x: &x,
            x_zero: None,
        };
        let (mut y, mut scratch) = ([0], Slot::new());
        layer.run(cpu, inputs, &mut y, &mut scratch).unwrap();
        assert_eq!(
            y,
            [(-128 * 255 * i64::from(k as u32)) as i32],
            "{}",
            cpu.name()
        );
    }
}

/// Runs an [`IntegerConv`] beside [`ConvInteger`], which is tested above.
fn conv_of<X: Byte>(cpu: Cpu, rng: &mut Rng, of: impl Fn(u8) -> X) {
    let group = rng.size(1, 4);
    let (inputs, outputs) = (group * rng.size(1, 7), group * rng.size(1, 20));
    let size = [rng.size(5, 12), rng.size(5, 12)];
    let kernel_shape = [rng.size(1, 4), rng.size(1, 4)];
    let strides = [rng.size(1, 3), rng.size(1, 3)];
    let dilations = [rng.size(1, 3), rng.size(1, 3)];
    let (pads_begin, pads_end) = match rng.size(0, 2) {
        0 => ([0; 2], [0; 2]),
        _ => (
            [rng.size(0, 3), rng.size(0, 3)],
            [rng.size(0, 3), rng.size(0, 3)],
        ),
    };
    let batch = rng.size(1, 3);
    let taps = kernel_shape[0] * kernel_shape[1];
    let x: Vec<X> = extremes(rng, batch * size[0] * size[1] * inputs)
        .into_iter()
        .map(&of)
        .collect();
    // [outputs, inputs / group, *kernel_shape]
    let w: Vec<i8> = extremes(rng, outputs * inputs / group * taps)
        .into_iter()
        .map(|v| v as i8)
        .collect();
    let x_zero: Option<Vec<X>> =
        (rng.size(0, 2) == 0).then(|| extremes(rng, 1).into_iter().map(&of).collect());
    let w_zero: Option<Vec<i8>> =
        (rng.size(0, 2) == 0).then(|| bytes(rng, outputs).into_iter().map(|v| v as i8).collect());
    let plain = ConvInteger {
        input_channels: inputs,
        output_channels: outputs,
        group,
        kernel_shape,
        strides,
        dilations,
        pads_begin,
        pads_end,
    };
    let turned: Vec<i8> = (0..w.len())
        .map(|i| {
            w[i % outputs * (w.len() / outputs)
                + i / outputs % (inputs / group) * taps
                + i / outputs / (inputs / group)]
        })
        .collect();
    let reach = |i: usize| dilations[i] * (kernel_shape[i] - 1) + 1;
    let output =
        [0, 1].map(|i| (size[i] + pads_begin[i] + pads_end[i] - reach(i)) / strides[i] + 1);
    let mut expected = vec![7; batch * output[0] * output[1] * outputs];
    plain.checked().run(
        cpu,
        ConvIntegerInputs {
            batch,
            size,
            x: &x,
            w: &turned,
            x_zero: x_zero.as_deref(),
            w_zero: w_zero.as_deref(),
        },
        &mut expected,
    );
    let by_tap = group > 1 || (dilations[1] > 1 && kernel_shape[1] > 1);
    let shape = [outputs, inputs / group, kernel_shape[0], kernel_shape[1]];
    let kernel_zero: Option<Vec<i32>> =
        w_zero.map(|zero| zero.into_iter().map(i32::from).collect());
    let kernel = pack::integer_conv(&w, &shape, group, by_tap);
    let layer = IntegerConv {
        input_channels: inputs,
        output_channels: outputs,
        group,
        kernel_shape,
        strides,
        dilations,
        pads_begin,
        pads_end,
        kernel: &kernel,
        kernel_zero: kernel_zero.as_deref(),
    }
    .checked();
    let inputs = IntegerConvInputs {
        batch,
        size,
        x: &x,
        x_zero: x_zero.as_deref(),
    };
    let (mut y, mut scratch) = (vec![7; expected.len()], Slot::new());
    layer.run(cpu, inputs, &mut y, &mut scratch).unwrap();
    assert_eq!(y, expected, "{}: {plain:?}", cpu.name());
}

#[test]
fn constant_kernels() {
    let mut rng = Rng::new(4);
    for cpu in Cpu::all() {
        for _ in 0..200 {
            conv_of(cpu, &mut rng, |v| v);
            conv_of(cpu, &mut rng, |v| v as i8);
        }
    }
}

/// [`Requantize`] beside its formula, with rounding to even in f64 of the product that f32 has.
fn requantised<T: Byte>(
    cpu: Cpu,
    rng: &mut Rng,
    [rows, channels]: [usize; 2],
    of: impl Fn(u8) -> T,
    range: (i64, i64),
) {
    let one_or = |rng: &mut Rng, n: usize| if rng.size(0, 2) == 0 { 1 } else { n };
    let scale =
        |rng: &mut Rng, n: usize| (0..n).map(|_| rng.f32().abs() + 0.01).collect::<Vec<f32>>();
    let b_len = one_or(rng, channels);
    let (a_scale, b_scale, y_scale) = (scale(rng, 1), scale(rng, b_len), scale(rng, 1));
    let x: Vec<i32> = (0..rows * channels)
        .map(|_| match rng.size(0, 8) {
            0 => i32::MAX,
            1 => i32::MIN,
            _ => rng.size(0, 4000) as i32 - 2000,
        })
        .collect();
    let bias: Option<Vec<i32>> = (rng.size(0, 2) == 0).then(|| {
        (0..channels)
            .map(|_| rng.size(0, 900) as i32 - 450)
            .collect()
    });
    let zero: Option<Vec<T>> =
        (rng.size(0, 2) == 0).then(|| extremes(rng, 1).into_iter().map(&of).collect());
    let mut y = vec![T::default(); rows * channels];
    Requantize.run(
        cpu,
        RequantizeInputs {
            rows,
            channels,
            x: &x,
            a_scale: &a_scale,
            b_scale: &b_scale,
            y_scale: &y_scale,
            y_zero: zero.as_deref(),
            bias: bias.as_deref(),
        },
        &mut y,
    );
    for (i, y) in y.iter().enumerate() {
        let c = i % channels;
        let sum = x[i].wrapping_add(bias.as_ref().map_or(0, |bias| bias[c]));
        let factor = a_scale[0] * b_scale.get(c).unwrap_or(&b_scale[0]) / y_scale[0];
        let whole = f64::from(sum as f32 * factor).round_ties_even() as i64;
        let zero = zero.as_ref().map_or(0, |zero| i64::from(zero[0].into()));
        let y: i32 = (*y).into();
        assert_eq!(
            i64::from(y),
            (whole + zero).clamp(range.0, range.1),
            "{}: {sum} · {factor}",
            cpu.name()
        );
    }
}

#[test]
fn requantizing_any_number_of_channels() {
    let mut rng = Rng::new(5);
    for cpu in Cpu::all() {
        for channels in [1, 3, 16, 100, 511, 512, 513, 1100] {
            for rows in [0, 1, 2, 7, 33] {
                requantised(cpu, &mut rng, [rows, channels], |v| v, (0, 255));
                requantised(cpu, &mut rng, [rows, channels], |v| v as i8, (-128, 127));
            }
        }
    }
}

#[test]
fn requantizing_what_is_not_a_number() {
    for cpu in Cpu::all() {
        for (scale, expected) in [(f32::NAN, [-128; 3]), (f32::INFINITY, [-128, -128, 127])] {
            let inputs = RequantizeInputs {
                rows: 1,
                channels: 3,
                x: &[0, -1, 1],
                a_scale: &[scale],
                b_scale: &[1.0],
                y_scale: &[1.0],
                y_zero: Some(&[5_i8]),
                bias: None,
            };
            let mut y = [0_i8; 3];
            Requantize.run(cpu, inputs, &mut y);
            // -1024 + 5 saturates
            assert_eq!(y, expected, "{}", cpu.name());
        }
    }
}
