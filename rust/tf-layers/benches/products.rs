//! Speed of the products: `cargo bench --bench products [-- PART_OF_NAME]`, at the level that `ONNX2RUST_LEVEL` names.

mod common;

use std::hint::black_box;

use common::{Bench, numbers};
use tf_layers::activation::Activation;
use tf_layers::bench::time;
use tf_layers::conv::{Conv, DepthwiseConv, ImageStack, WinogradConv2d};
use tf_layers::cpu::{Simd, dispatch, prelude::*};
use tf_layers::dense::Dense;
use tf_layers::integer::{IntegerConv, IntegerConvInputs, IntegerDense, IntegerDenseInputs};
use tf_layers::matmul::MatMul;
use tf_layers::matrices::Matrices;
use tf_layers::{Cpu, Slot, pack};

/// Multiply-adds of the peak loop: ten independent chains hide the latency of every machine so far.
const CHAINS: usize = 10;

#[inline(always)]
fn fma_chains<S: Simd>(s: S, steps: usize, factor: f32) -> f32 {
    let factor = S::f32s::splat(s, factor);
    let mut sums = [S::f32s::splat(s, 1.0); CHAINS];
    for _ in 0..steps {
        for sum in &mut sums {
            *sum = sum.mul_add(factor, factor);
        }
    }
    let mut total = sums[0];
    for sum in &sums[1..] {
        total += *sum;
    }
    total.as_slice()[0]
}

fn peak(cpu: Cpu) -> f64 {
    const STEPS: usize = 10_000;
    let lanes = dispatch!(cpu.level, s => lanes(s));
    let timing = time(|| {
        black_box(dispatch!(cpu.level, s => fma_chains(s, black_box(STEPS), black_box(0.5))));
    });
    2.0 * (CHAINS * STEPS * lanes) as f64 / timing.best
}

#[inline(always)]
fn lanes<S: Simd>(_: S) -> usize {
    S::f32s::LEN
}

/// Whether a few elements agree with a plain sum.
fn close(actual: f32, expected: f64, scale: f64) -> bool {
    (f64::from(actual) - expected).abs() <= 1e-5 * scale.max(1.0)
}

/// The values where a model has them: at the begin of a cache line.
fn slot(values: &[f32]) -> Slot<f32> {
    let mut slot = Slot::new();
    slot.fit(values.len())
        .expect("there is memory")
        .copy_from_slice(values);
    slot
}

fn dense(bench: &Bench, cpu: Cpu, rows: usize, k: usize, n: usize) {
    let (x, w, bias) = (numbers(rows * k, 1), numbers(k * n, 2), numbers(n, 3));
    let kernel = pack::panels(&w, k, n, false);
    let layer = Dense {
        inputs: k,
        units: n,
        kernel: &kernel,
        bias: Some(&bias),
        activation: Activation::Relu,
    }
    .checked();
    let (x_slot, mut y_slot) = (slot(&x), Slot::new());
    let (x, mut y) = (
        x_slot.get(x.len()),
        y_slot.fit(rows * n).expect("there is memory"),
    );
    let (r, j) = (rows - 1, n - 1);
    let expected: f64 = (0..k)
        .map(|i| f64::from(x[r * k + i]) * f64::from(w[i * n + j]))
        .sum::<f64>()
        + f64::from(bias[j]);
    bench.case(
        &format!("dense {rows}×{k}×{n}"),
        2 * rows * k * n,
        &mut y,
        |y| layer.run(cpu, rows, x, y),
        |y| close(y[r * n + j], expected.max(0.0), (k as f64).sqrt()),
    );
}

/// Bytes, as x and as weights.
fn bytes(len: usize) -> (Vec<u8>, Vec<i8>) {
    let x: Vec<u8> = (0..len).map(|i| (i * 7919 % 251) as u8).collect();
    let w = x.iter().map(|v| *v as i8).collect();
    (x, w)
}

fn integer_dense(bench: &Bench, cpu: Cpu, rows: usize, k: usize, n: usize) {
    let ((x, _), (_, w)) = (bytes(rows * k), bytes(k * n));
    let kernel = pack::integer_panels(&w, k, n, false);
    let layer = IntegerDense {
        inputs: k,
        units: n,
        kernel: &kernel,
        kernel_zero: None,
    }
    .checked();
    let inputs = IntegerDenseInputs {
        rows,
        x: &x,
        x_zero: Some(&[3]),
    };
    let (mut y, mut scratch) = (vec![0; rows * n], Slot::new());
    let (r, j) = (rows - 1, n - 1);
    let expected: i32 = (0..k)
        .map(|i| (i32::from(x[r * k + i]) - 3) * i32::from(w[i * n + j]))
        .sum();
    bench.case(
        &format!("integer dense {rows}×{k}×{n}"),
        2 * rows * k * n,
        &mut y,
        |y| {
            layer
                .run(cpu, inputs, y, &mut scratch)
                .expect("there is memory");
        },
        |y| y[r * n + j] == expected,
    );
}

/// A 3 × 3 convolution with a border of one.
fn integer_conv(bench: &Bench, cpu: Cpu, size: usize, channels: usize) {
    let ((x, _), (_, w)) = (
        bytes(size * size * channels),
        bytes(channels * channels * 9),
    );
    let kernel = pack::integer_conv(&w, &[channels, channels, 3, 3], 1, false);
    let layer = IntegerConv {
        input_channels: channels,
        output_channels: channels,
        group: 1,
        kernel_shape: [3, 3],
        strides: [1, 1],
        dilations: [1, 1],
        pads_begin: [1, 1],
        pads_end: [1, 1],
        kernel: &kernel,
        kernel_zero: None,
    }
    .checked();
    let inputs = IntegerConvInputs {
        batch: 1,
        size: [size, size],
        x: &x,
        x_zero: None,
    };
    let (mut y, mut scratch) = (vec![0; size * size * channels], Slot::new());
    // The first pixel's last channel sees the first two lines and columns, by the last four taps.
    let (line, last) = (size * channels, (channels - 1) * channels * 9);
    let expected: i32 = [(0, 4), (channels, 5), (line, 7), (line + channels, 8)]
        .iter()
        .flat_map(|(at, tap)| (0..channels).map(move |c| (at + c, last + c * 9 + tap)))
        .map(|(at, weight)| i32::from(x[at]) * i32::from(w[weight]))
        .sum();
    bench.case(
        &format!("integer conv 3×3 {size}×{size}×{channels}"),
        2 * size * size * channels * channels * 9,
        &mut y,
        |y| {
            layer
                .run(cpu, inputs, y, &mut scratch)
                .expect("there is memory");
        },
        |y| y[channels - 1] == expected,
    );
}

/// A convolution of one image with "same" padding, bias and ReLU.
fn conv<const D: usize>(
    bench: &Bench,
    cpu: Cpu,
    size: [usize; D],
    [inputs, outputs]: [usize; 2],
    kernel: usize,
    stride: usize,
) {
    let taps = kernel.pow(D as u32);
    let (pixels, output) = (
        size.iter().product::<usize>(),
        size.iter().map(|n| n.div_ceil(stride)).product::<usize>(),
    );
    let (x, w, bias) = (
        numbers(pixels * inputs, 1),
        numbers(outputs * inputs * taps, 2),
        numbers(outputs, 3),
    );
    let shape = [&[outputs, inputs][..], &[kernel; D][..]].concat();
    let packed = pack::conv(&w, &shape, 1);
    let total = size.map(|n| {
        (n.div_ceil(stride) - 1) * stride + kernel
            - n.min((n.div_ceil(stride) - 1) * stride + kernel)
    });
    let layer = Conv {
        input_channels: inputs,
        output_channels: outputs,
        group: 1,
        kernel_shape: [kernel; D],
        strides: [stride; D],
        dilations: [1; D],
        pads_begin: total.map(|n| n / 2),
        pads_end: total.map(|n| n - n / 2),
        kernel: &packed,
        bias: Some(&bias),
        activation: Activation::Relu,
    }
    .checked();
    let mut scratch = Slot::new();
    let (x_slot, mut y_slot) = (slot(&x), Slot::new());
    let (x, mut y) = (
        x_slot.get(x.len()),
        y_slot.fit(output * outputs).expect("there is memory"),
    );
    bench.case(
        &format!("conv {kernel} s{stride} {size:?} {inputs}→{outputs}"),
        2 * output * outputs * inputs * taps,
        &mut y,
        |y| {
            layer
                .run(cpu, ImageStack { batch: 1, size }, x, y, &mut scratch)
                .expect("there is memory")
        },
        |y| y.iter().all(|v| v.is_finite()),
    );
}

/// A padded 3 × 3 convolution by Winograd's tiles; GFLOP/s are those of the direct convolution.
fn winograd<const M: usize>(bench: &Bench, cpu: Cpu, size: usize, channels: usize) {
    let (x, w) = (
        numbers(size * size * channels, 1),
        numbers(channels * channels * 9, 2),
    );
    let bias = numbers(channels, 3);
    let packed = pack::winograd(&w, &[channels, channels, 3, 3], M);
    let layer = WinogradConv2d::<M> {
        input_channels: channels,
        output_channels: channels,
        pads_begin: [1; 2],
        pads_end: [1; 2],
        kernel: &packed,
        bias: Some(&bias),
        activation: Activation::Relu,
    }
    .checked();
    let mut scratch = Slot::new();
    let (x_slot, mut y_slot) = (slot(&x), Slot::new());
    let (x, mut y) = (
        x_slot.get(x.len()),
        y_slot.fit(size * size * channels).expect("there is memory"),
    );
    bench.case(
        &format!("winograd F({M}) {size}×{size}×{channels}"),
        2 * size * size * channels * channels * 9,
        &mut y,
        |y| {
            layer
                .run(
                    cpu,
                    ImageStack {
                        batch: 1,
                        size: [size; 2],
                    },
                    x,
                    y,
                    &mut scratch,
                )
                .expect("there is memory")
        },
        |y| y.iter().all(|v| v.is_finite()),
    );
}

fn depthwise(bench: &Bench, cpu: Cpu, size: usize, channels: usize, kernel: usize, stride: usize) {
    let output = size.div_ceil(stride);
    let (x, w, bias) = (
        numbers(size * size * channels, 1),
        numbers(channels * kernel * kernel, 2),
        numbers(channels, 3),
    );
    let packed = pack::depthwise(&w, &[channels, 1, kernel, kernel]);
    let total = (output - 1) * stride + kernel - size;
    let layer = DepthwiseConv {
        channels,
        multiplier: 1,
        kernel_shape: [kernel; 2],
        strides: [stride; 2],
        dilations: [1; 2],
        pads_begin: [total / 2; 2],
        pads_end: [total - total / 2; 2],
        kernel: &packed,
        bias: Some(&bias),
        activation: Activation::Relu,
    }
    .checked();
    let mut scratch = Slot::new();
    let (x_slot, mut y_slot) = (slot(&x), Slot::new());
    let (x, mut y) = (
        x_slot.get(x.len()),
        y_slot
            .fit(output * output * channels)
            .expect("there is memory"),
    );
    bench.case(
        &format!("depthwise {kernel} s{stride} {size}×{size}×{channels}"),
        2 * output * output * channels * kernel * kernel,
        &mut y,
        |y| {
            layer
                .run(
                    cpu,
                    ImageStack {
                        batch: 1,
                        size: [size; 2],
                    },
                    x,
                    y,
                    &mut scratch,
                )
                .expect("there is memory")
        },
        |y| y.iter().all(|v| v.is_finite()),
    );
}

/// The two products of attention, heads side by side as a projection leaves them: scores, and their mean of the values.
fn attention(bench: &Bench, cpu: Cpu, rows: usize, keys: usize, heads: usize, size: usize) {
    let (q, k) = (
        numbers(rows * heads * size, 1),
        numbers(keys * heads * size, 2),
    );
    let mut scratch = Slot::new();
    let layer = MatMul { alpha: 0.125 }.checked();
    let mut scores = vec![0.0; heads * rows * keys];
    let operations = 2 * heads * rows * keys * size;
    let row = heads * size;
    bench.case(
        &format!("scores {heads} heads {rows}×{size}×{keys}"),
        operations,
        &mut scores,
        |y| {
            let matrices = Matrices {
                batch: [heads],
                m: rows,
                k: size,
                n: keys,
                a_batch: [size],
                a_steps: [row, 1],
                b_batch: [size],
                b_steps: [1, row],
            };
            layer
                .run(cpu, matrices, &q, &k, y, &mut scratch)
                .expect("there is memory");
        },
        |y| y.iter().all(|v| v.is_finite()),
    );
    let mut y = vec![0.0; heads * rows * size];
    bench.case(
        &format!("values {heads} heads {rows}×{keys}×{size}"),
        operations,
        &mut y,
        |y| {
            let matrices = Matrices {
                batch: [heads],
                m: rows,
                k: keys,
                n: size,
                a_batch: [rows * keys],
                a_steps: [keys, 1],
                b_batch: [size],
                b_steps: [row, 1],
            };
            layer
                .run(cpu, matrices, &scores, &k, y, &mut scratch)
                .expect("there is memory");
        },
        |y| y.iter().all(|v| v.is_finite()),
    );
}

fn main() {
    let cpu = Cpu::new();
    let bench = Bench::new(cpu);
    println!("level {}, peak {:.1} GFLOP/s", cpu.name(), peak(cpu));
    for (rows, k, n) in [
        (384, 384, 384),
        (196, 576, 96),
        (32, 2381, 1024),
        (3136, 24, 144),
        (1, 512, 256),
        (1, 2381, 1024),
        (1, 64, 32),
        (4096, 8, 1),
        (4096, 64, 1),
        (4096, 64, 2),
        (4096, 64, 4),
        (32, 256, 1),
    ] {
        dense(&bench, cpu, rows, k, n);
    }
    for (rows, k, n) in [
        (384, 384, 384),
        (196, 576, 96),
        (128, 768, 768),
        (1, 1024, 256),
    ] {
        integer_dense(&bench, cpu, rows, k, n);
    }
    integer_conv(&bench, cpu, 56, 64);
    integer_conv(&bench, cpu, 28, 128);
    conv(&bench, cpu, [56, 56], [64, 64], 3, 1);
    conv(&bench, cpu, [28, 28], [128, 128], 3, 1);
    conv(&bench, cpu, [14, 14], [256, 256], 3, 1);
    conv(&bench, cpu, [32, 32], [16, 16], 3, 1);
    conv(&bench, cpu, [28, 28], [32, 32], 3, 1);
    conv(&bench, cpu, [28, 28], [1, 32], 3, 1);
    conv(&bench, cpu, [8, 8], [1, 16], 3, 1);
    conv(&bench, cpu, [96, 96], [3, 8], 3, 2);
    conv(&bench, cpu, [64, 64], [16, 8], 3, 1);
    conv(&bench, cpu, [64, 64], [8, 8], 3, 1);
    conv(&bench, cpu, [48, 48], [8, 16], 1, 1);
    conv(&bench, cpu, [64, 64], [8, 1], 1, 1);
    conv(&bench, cpu, [64, 64], [16, 1], 3, 1);
    conv(&bench, cpu, [224, 224], [3, 32], 3, 2);
    conv(&bench, cpu, [224, 224], [3, 64], 7, 2);
    conv(&bench, cpu, [56, 56], [24, 144], 1, 1);
    conv(&bench, cpu, [28, 28], [32, 192], 1, 1);
    conv(&bench, cpu, [112, 112], [16, 96], 1, 1);
    conv(&bench, cpu, [14, 14], [576, 96], 1, 1);
    conv(&bench, cpu, [200], [32, 128], 5, 1);
    depthwise(&bench, cpu, 48, 8, 3, 1);
    depthwise(&bench, cpu, 112, 32, 3, 1);
    depthwise(&bench, cpu, 112, 96, 3, 2);
    depthwise(&bench, cpu, 56, 144, 3, 1);
    depthwise(&bench, cpu, 14, 576, 3, 1);
    depthwise(&bench, cpu, 28, 120, 5, 1);
    attention(&bench, cpu, 128, 128, 12, 64);
    attention(&bench, cpu, 1, 512, 12, 64);
    for (size, channels) in [
        (56, 64),
        (28, 128),
        (14, 256),
        (28, 32),
        (32, 16),
        (8, 16),
        (8, 64),
        (7, 512),
    ] {
        winograd::<2>(&bench, cpu, size, channels);
        winograd::<4>(&bench, cpu, size, channels);
    }
}
