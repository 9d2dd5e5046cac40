//! Normalisations against f64.

mod draws;

use draws::{Rng, levels};
use tf_layers::norm::*;
use tf_layers::{Cpu, F16};

/// Error allowed, relative to the size of the terms of a result.
const BUDGET: f64 = 4.0 * f32::EPSILON as f64;

fn assert_close(y: &[f32], want: &[f64], scale: f64, what: &str) {
    assert_eq!(y.len(), want.len(), "{what}");
    for (y, want) in y.iter().zip(want) {
        assert!(
            (f64::from(*y) - want).abs() <= BUDGET * want.abs().max(scale),
            "{what}: {y:e}, not {want:e}"
        );
    }
}

/// (mean, 1 / √(variance + epsilon))
fn moments(x: &[f32], epsilon: f32) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = x
        .iter()
        .map(|&x| (f64::from(x) - mean).powi(2))
        .sum::<f64>()
        / n;
    (mean, (variance + f64::from(epsilon)).sqrt().recip())
}

#[test]
fn layer_and_rms() {
    let mut rng = Rng::new(1);
    let epsilon = 1e-5;
    for cpu in levels() {
        for n in [1, 2, 7, 15, 16, 17, 64, 65, 768, 1500] {
            let x = rng.floats(3 * n, 3.0, 5.0);
            let (scale, bias) = (rng.floats(n, -2.0, 2.0), rng.floats(n, -2.0, 2.0));
            for (scale, bias) in [
                (None, None),
                (Some(&scale[..]), None),
                (None, Some(&bias[..])),
                (Some(&scale[..]), Some(&bias[..])),
            ] {
                let factor = |i: usize| scale.map_or(1.0, |s| f64::from(s[i]));
                let want: Vec<f64> = x
                    .chunks(n)
                    .flat_map(|row| {
                        let (mean, inverse) = moments(row, epsilon);
                        row.iter().enumerate().map(move |(i, &x)| {
                            (f64::from(x) - mean) * inverse * factor(i)
                                + bias.map_or(0.0, |b| f64::from(b[i]))
                        })
                    })
                    .collect();
                let layer = LayerNormalization {
                    epsilon,
                    scale,
                    bias,
                }
                .checked();
                let (mut y, mut mean, mut inverse) = (vec![0.0; 3 * n], [0.0; 3], [0.0; 3]);
                let statistics = RowStatistics {
                    mean: Some(&mut mean),
                    inv_std_dev: Some(&mut inverse),
                };
                layer.run_with_statistics(cpu, [3, n], &x, &mut y, statistics);
                // x − mean cancels: its error is that of a mean of 4, times the inverse deviation.
                let worst = inverse.iter().fold(1.0, |a, &b| f64::from(b).max(a));
                assert_close(
                    &y,
                    &want,
                    4.0 * worst,
                    &format!("layer {n} at {}", cpu.name()),
                );
                let exact: Vec<f64> = x.chunks(n).map(|row| moments(row, epsilon).0).collect();
                assert_close(&mean, &exact, 0.0, "mean");
                let mut in_place = x.clone();
                layer.run_in_place(cpu, [3, n], &mut in_place);
                assert_eq!(in_place, y);
                let (mut in_place, mut only) = (x.clone(), [0.0; 3]);
                let statistics = RowStatistics {
                    inv_std_dev: Some(&mut only),
                    ..RowStatistics::default()
                };
                layer.run_with_statistics_in_place(cpu, [3, n], &mut in_place, statistics);
                assert_eq!((in_place, only), (y.clone(), inverse));
                let mut alone = vec![0.0; 3 * n];
                layer.run(cpu, [3, n], &x, &mut alone);
                assert_eq!(alone, y);

                let rms = RmsNormalization { epsilon, scale }.checked();
                let want: Vec<f64> = x
                    .chunks(n)
                    .flat_map(|row| {
                        let mean =
                            row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n as f64;
                        let inverse = (mean + f64::from(epsilon)).sqrt().recip();
                        row.iter()
                            .enumerate()
                            .map(move |(i, &x)| f64::from(x) * inverse * factor(i))
                    })
                    .collect();
                rms.run(cpu, [3, n], &x, &mut y);
                assert_close(&y, &want, 0.0, &format!("rms {n} at {}", cpu.name()));
                let mut in_place = x.clone();
                rms.run_in_place(cpu, [3, n], &mut in_place);
                assert_eq!(in_place, y);
            }
        }
    }
}

#[test]
fn groups_and_channels() {
    let mut rng = Rng::new(2);
    for cpu in levels() {
        for (channels, inner) in [(4, 1), (4, 7), (6, 64), (2, 100), (32, 1), (6, 0)] {
            let (batch, epsilon) = (2, 1e-5);
            let x = rng.floats(batch * channels * inner, -3.0, 3.0);
            let (scale, bias) = (
                rng.floats(channels, -2.0, 2.0),
                rng.floats(channels, -2.0, 2.0),
            );
            let mut y = vec![0.0; x.len()];
            for groups in [1, 2, channels] {
                let layer = GroupNormalization {
                    groups,
                    epsilon,
                    scale: &scale,
                    bias: &bias,
                }
                .checked();
                layer.run(cpu, [batch, channels, inner], &x, &mut y);
                let per = channels / groups * inner;
                let want: Vec<f64> = (0..x.len())
                    .map(|i| {
                        let c = i / inner % channels;
                        let (mean, inverse) = moments(&x[i / per * per..][..per], epsilon);
                        (f64::from(x[i]) - mean) * inverse * f64::from(scale[c])
                            + f64::from(bias[c])
                    })
                    .collect();
                // A group of one element is 0 before the bias.
                assert_close(
                    &y,
                    &want,
                    400.0,
                    &format!("{groups} groups, {channels} × {inner} at {}", cpu.name()),
                );
                let mut in_place = x.clone();
                layer.run_in_place(cpu, [batch, channels, inner], &mut in_place);
                assert_eq!(in_place, y);
            }
            let layer = ScaleShift {
                scale: &scale,
                shift: &bias,
            }
            .checked();
            layer.run(cpu, [batch, channels, inner], &x, &mut y);
            let want: Vec<f64> = (0..x.len())
                .map(|i| {
                    let c = i / inner % channels;
                    f64::from(x[i]) * f64::from(scale[c]) + f64::from(bias[c])
                })
                .collect();
            assert_close(
                &y,
                &want,
                4.0,
                &format!("scale {channels} × {inner} at {}", cpu.name()),
            );
            let mut in_place = x.clone();
            layer.run_in_place(cpu, [batch, channels, inner], &mut in_place);
            assert_eq!(in_place, y);
        }
    }
}

#[test]
fn lp_norms_and_other_floats() {
    let cpu = Cpu::new();
    let x = [3.0f32, 0.0, 4.0, 0.0];
    let mut y = [9.0; 4];
    LpNormalization { p: 2 }
        .checked()
        .run(cpu, [1, 2, 2].into(), &x, &mut y);
    assert_eq!(y, [0.6, 0.0, 0.8, 0.0]);
    LpNormalization { p: 1 }.run(cpu, [2, 2, 1].into(), &[1.0f32, -3.0, 0.0, 0.0], &mut y);
    assert_eq!(y, [0.25, -0.75, 0.0, 0.0]);

    let half = |x: f32| F16::from_f32(x);
    let mut y = [F16::default(); 2];
    let scale = [half(2.0), half(3.0)];
    let layer = LayerNormalization {
        epsilon: 0.0,
        scale: Some(&scale),
        bias: None,
    };
    layer.run(cpu, [1, 2], &[half(1.0), half(3.0)], &mut y);
    assert_eq!(y, [half(-2.0), half(3.0)]);
    let mut wide = [1.0f64, 2.0, 3.0, 4.0];
    ScaleShift {
        scale: &[2.0, 10.0],
        shift: &[0.0, 1.0],
    }
    .run_in_place(cpu, [1, 2, 2], &mut wide);
    assert_eq!(wide, [2.0, 4.0, 31.0, 41.0]);
}

#[test]
fn local_response() {
    let mut rng = Rng::new(8);
    for cpu in levels() {
        for (channels, inner) in [(1, 1), (5, 1), (96, 1), (3, 7), (7, 700), (0, 3), (4, 0)] {
            for size in [1, 2, 3, 4, 5, 11, 400, usize::MAX] {
                let x = rng.floats(2 * channels * inner, -9.0, 9.0);
                let layer = LocalResponseNormalization {
                    size,
                    alpha: 0.3,
                    beta: 0.75,
                    bias: 1.5,
                }
                .checked();
                let below = (size - 1) / 2;
                let want: Vec<f64> = (0..x.len())
                    .map(|at| {
                        let (block, c) = (at / inner / channels, at / inner % channels);
                        let window = (0..channels)
                            .filter(|&k| k + below >= c && k <= c.saturating_add(size / 2));
                        let sum: f64 = window
                            .map(|k| {
                                f64::from(x[(block * channels + k) * inner + at % inner]).powi(2)
                            })
                            .sum();
                        let z = f64::from(1.5f32) + f64::from(0.3f32) / size as f64 * sum;
                        f64::from(x[at]) * z.powf(-0.75)
                    })
                    .collect();
                let what = format!("{cpu:?}, {channels} channels by {inner}, windows of {size}");
                let mut y = vec![f32::NAN; x.len()];
                layer.run(cpu, [2, channels, inner].into(), &x, &mut y);
                assert_close(&y, &want, 0.0, &what);
                let (x, mut y) = (
                    x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(),
                    vec![0.0; x.len()],
                );
                layer.run(cpu, [2, channels, inner].into(), &x, &mut y);
                for (y, want) in y.iter().zip(&want) {
                    assert!(
                        (y - want).abs() <= 1e-14 * want.abs(),
                        "{what}: {y:e}, not {want:e}"
                    );
                }
            }
        }
        let layer = LocalResponseNormalization {
            size: 1,
            alpha: 1.0,
            beta: 0.5,
            bias: 1.0,
        };
        let x = [f32::NAN, f32::INFINITY, f32::MAX, 0.0, -0.0, 3f32.sqrt()];
        let mut y = [0.0; 6];
        layer.run(cpu, [1, 6, 1].into(), &x, &mut y);
        assert!(y[0].is_nan() && y[1].is_nan(), "∞ / ∞ is not a number");
        assert_eq!(y[2..5], [0.0; 3], "a square that is no f32 is infinite");
        assert!((y[5] - 3f32.sqrt() / 2.0).abs() <= 1e-6);
    }
}
