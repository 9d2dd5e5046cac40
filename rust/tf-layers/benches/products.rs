//! Speed of the products: `cargo bench --bench products [word…]`, at the level that `ONNX2RUST_LEVEL` names.

use std::hint::black_box;

use tf_layers::Cpu;
use tf_layers::activation::Activation;
use tf_layers::bench::{numbers, report, time};
use tf_layers::cpu::{Simd, dispatch, prelude::*};
use tf_layers::dense::Dense;
use tf_layers::pack;

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

fn dense(cpu: Cpu, rows: usize, k: usize, n: usize) {
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
    let mut y = vec![0.0; rows * n];
    let (r, j) = (rows - 1, n - 1);
    let expected: f64 = (0..k)
        .map(|i| f64::from(x[r * k + i]) * f64::from(w[i * n + j]))
        .sum::<f64>()
        + f64::from(bias[j]);
    report(
        &format!("dense {rows}×{k}×{n}"),
        2.0 * (rows * k * n) as f64,
        &mut y,
        |y| layer.run(cpu, rows, &x, None, y),
        |y| close(y[r * n + j], expected.max(0.0), (k as f64).sqrt()),
    );
}

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| word == name);
    let cpu = Cpu::new();
    println!("level {}, peak {:.1} GFLOP/s", cpu.name(), peak(cpu));
    if wanted("dense") {
        for (rows, k, n) in [
            (384, 384, 384),
            (196, 576, 96),
            (32, 2381, 1024),
            (3136, 24, 144),
            (1, 512, 256),
            (1, 2381, 1024),
            (1, 64, 32),
        ] {
            dense(cpu, rows, k, n);
        }
    }
}
