//! Softmax, LogSoftmax and Hardmax against f64, along every axis.

mod draws;

use draws::{Rng, levels};
use tf_layers::axis::AlongAxis;
use tf_layers::softmax::*;
use tf_layers::{Cpu, F16};

/// Error allowed, relative to the result and per unit of x − max, whose rounding the exponential passes on: of the
/// exponential, the sum, the quotient.
const BUDGET: f64 = 4.0 * f32::EPSILON as f64;

/// Runs `f` on every line along the axis.
fn along(size: [usize; 3], x: &[f32], f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let [outer, axis, inner] = size;
    let mut y = vec![0.0; x.len()];
    for o in 0..outer {
        for i in 0..inner {
            let at = |a: usize| (o * axis + a) * inner + i;
            let line: Vec<f64> = (0..axis).map(|a| f64::from(x[at(a)])).collect();
            for (a, value) in f(&line).into_iter().enumerate() {
                y[at(a)] = value;
            }
        }
    }
    y
}

fn softmax(x: &[f64]) -> Vec<f64> {
    let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = x.iter().map(|x| (x - max).exp()).sum();
    x.iter().map(|x| (x - max).exp() / sum).collect()
}

fn sizes() -> Vec<[usize; 3]> {
    let mut sizes = vec![
        [2, 3, 4],
        [1, 7, 300],
        [3, 1, 5],
        [2, 0, 3],
        [0, 3, 1],
        [2, 3, 0],
        [1, 5000, 1],
        [1, 300, 2],
    ];
    sizes.extend([1, 2, 15, 16, 17, 63, 64, 65, 1024, 1025].map(|n| [3, n, 1]));
    sizes
}

#[test]
fn against_f64() {
    let mut rng = Rng::new(1);
    for cpu in levels() {
        for size in sizes() {
            let x = rng.floats(size.iter().product(), -30.0, 30.0);
            let mut y = vec![0.0; x.len()];
            Softmax.checked().run(cpu, size.into(), &x, &mut y);
            for (y, want) in y.iter().zip(along(size, &x, softmax)) {
                let error = (f64::from(*y) - want).abs();
                assert!(
                    error <= BUDGET * want.max(1e-30) * (1.0 - want.ln() / 8.0),
                    "softmax {size:?} at {}: {y:e}, not {want:e}",
                    cpu.name()
                );
            }
            let mut in_place = x.clone();
            Softmax.run_in_place(cpu, size.into(), &mut in_place);
            assert_eq!(in_place, y);

            LogSoftmax.checked().run(cpu, size.into(), &x, &mut y);
            let logs = |x: &[f64]| {
                let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = x.iter().map(|x| (x - max).exp()).sum();
                x.iter().map(|x| x - max - sum.ln()).collect()
            };
            for (y, want) in y.iter().zip(along(size, &x, logs)) {
                let error = (f64::from(*y) - want).abs();
                assert!(
                    error <= BUDGET * want.abs().max(1.0),
                    "log softmax {size:?} at {}: {y:e}, not {want:e}",
                    cpu.name()
                );
            }
            let mut in_place = x.clone();
            LogSoftmax.run_in_place(cpu, size.into(), &mut in_place);
            assert_eq!(in_place, y);

            Hardmax.checked().run(cpu, size.into(), &x, &mut y);
            let hard = |x: &[f64]| {
                let best = x
                    .iter()
                    .enumerate()
                    .fold(0, |best, (i, v)| if *v > x[best] { i } else { best });
                (0..x.len())
                    .map(|i| f64::from(u8::from(i == best)))
                    .collect()
            };
            assert!(
                y.iter()
                    .zip(along(size, &x, hard))
                    .all(|(y, want)| f64::from(*y) == want),
                "hardmax {size:?}"
            );
        }
    }
}

#[test]
fn masks_and_not_a_number() {
    for cpu in levels() {
        for inner in [1, 3] {
            let wide = |x: &[f32]| -> Vec<f32> { x.iter().flat_map(|&x| vec![x; inner]).collect() };
            let run = |x: &[f32]| {
                let mut y = wide(x);
                Softmax.run_in_place(cpu, [1, x.len(), inner].into(), &mut y);
                y
            };
            // Masked out is exactly 0.
            assert_eq!(
                run(&[1.0, f32::NEG_INFINITY, 1.0, -1e9]),
                wide(&[0.5, 0.0, 0.5, 0.0])
            );
            assert!(run(&[1.0, f32::NAN, 1.0]).iter().all(|y| y.is_nan()));
            assert!(
                run(&[f32::NEG_INFINITY; 5]).iter().all(|y| y.is_nan()),
                "nothing to choose from"
            );
        }
    }
}

#[test]
fn other_floats() {
    let mut wide = [1000.0f64, 1001.0];
    Softmax.run_in_place(Cpu::new(), AlongAxis::last([1, 2]), &mut wide);
    assert!((wide[1] - 1.0 / (1.0 + (-1.0f64).exp())).abs() < 1e-15);
    let mut half = [F16::from_f32(1.0); 4];
    LogSoftmax.run_in_place(Cpu::new(), [2, 2, 1].into(), &mut half);
    assert_eq!(half[0], F16::from_f32(-(2f32.ln())));
}
