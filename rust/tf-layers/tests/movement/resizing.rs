//! Resampling.

use tf_layers::Cpu;
use tf_layers::resize::*;

use crate::common::{Rng, error, flat, indices};

/// Sums of at most a few dozen products of f32 with coordinates computed in f32.
const RESIZE_ERROR: f64 = 1e-5;

#[test]
fn resized() {
    let mut rng = Rng::new(9);
    let modes = [
        Coordinates::HalfPixel,
        Coordinates::HalfPixelSymmetric,
        Coordinates::PytorchHalfPixel,
        Coordinates::AlignCorners,
        Coordinates::Asymmetric,
        Coordinates::TfHalfPixelForNn,
        Coordinates::TfCropAndResize {
            start: -0.2,
            end: 0.9,
        },
    ];
    for round in 0..600 {
        let coordinates = modes[round % modes.len()];
        let [outer, n, inner, m] = [
            rng.size(1, 3),
            rng.size(1, 9),
            rng.size(1, 20),
            rng.size(1, 80),
        ];
        let x = rng.f32s(outer * n * inner);
        let a = -0.75;
        let interpolation = [Interpolation::Linear, Interpolation::Cubic { a }][round % 2];
        let (exclude_outside, antialias) = (round % 3 == 0, round % 5 == 0);
        let m = if antialias { m % n + 1 } else { m };
        let scale = m as f32 / n as f32;
        let position = |o: usize| -> f64 {
            let (o, n, m, scale) = (o as f64, n as f64, m as f64, f64::from(scale));
            match coordinates {
                Coordinates::HalfPixel => (o + 0.5) / scale - 0.5,
                Coordinates::HalfPixelSymmetric => {
                    n / 2.0 * (1.0 - m / (scale * n)) + (o + 0.5) / scale - 0.5
                }
                Coordinates::PytorchHalfPixel if m > 1.0 => (o + 0.5) / scale - 0.5,
                Coordinates::AlignCorners if m > 1.0 => o * (n - 1.0) / (m - 1.0),
                Coordinates::Asymmetric => o / scale,
                Coordinates::TfHalfPixelForNn => (o + 0.5) / scale,
                Coordinates::TfCropAndResize { .. } if m > 1.0 => {
                    -0.2 * (n - 1.0) + o * 1.1 * (n - 1.0) / (m - 1.0)
                }
                Coordinates::TfCropAndResize { .. } => 0.35 * (n - 1.0),
                _ => 0.0,
            }
        };
        let weight = |d: f64| -> f64 {
            let (d, a) = (d.abs(), f64::from(a));
            match interpolation {
                Interpolation::Linear => (1.0 - d).max(0.0),
                _ if d <= 1.0 => (a + 2.0) * d.powi(3) - (a + 3.0) * d.powi(2) + 1.0,
                _ if d < 2.0 => a * d.powi(3) - 5.0 * a * d.powi(2) + 8.0 * a * d - 4.0 * a,
                _ => 0.0,
            }
        };
        let stretch = if antialias {
            f64::from(scale).min(1.0)
        } else {
            1.0
        };
        let crop = matches!(coordinates, Coordinates::TfCropAndResize { .. });
        let expected: Vec<f64> = indices(&[outer, m, inner])
            .map(|i| {
                let p = position(i[1]);
                if crop && (p < -1e-6 || p > n as f64 - 1.0 + 1e-6) {
                    return 7.0;
                }
                let (mut sum, mut total) = (0.0, 0.0);
                for tap in -300..300i64 {
                    let at = tap.clamp(0, n as i64 - 1);
                    if at != tap && exclude_outside {
                        continue;
                    }
                    let w = weight((tap as f64 - p) * stretch);
                    total += w;
                    sum += w * f64::from(x[flat(&[outer, n, inner], &[i[0], at as usize, i[2]])]);
                }
                if antialias && stretch < 1.0 || exclude_outside {
                    sum / total
                } else {
                    sum
                }
            })
            .collect();
        let layer = ResizeAxis {
            coordinates,
            interpolation,
            scale: (round % 7 == 0).then_some(scale),
            scale_index: 1,
            exclude_outside,
            antialias,
            extrapolation: 7.0,
        };
        for cpu in Cpu::all() {
            let given = [9.0, scale];
            let scales = (round % 11 == 0).then_some(given.as_slice());
            let mut y = vec![f32::NAN; outer * m * inner];
            let sizes = ResizedAxis {
                outer,
                axis: n,
                inner,
                out: m,
            };
            match scales {
                Some(scales) => layer.run_with_scales(cpu, sizes, &x, scales, &mut y),
                None => layer.checked().run(cpu, sizes, &x, &mut y),
            }
            let e = error(&y, &expected);
            assert!(e < RESIZE_ERROR, "{layer:?} {n} -> {m}: {e}");
        }
    }
}

#[test]
fn resized_to_the_nearest() {
    let cpu = Cpu::new();
    let run = |nearest, coordinates, out: usize, x: &[i32]| {
        let mut y = vec![0; out];
        ResizeNearest {
            coordinates,
            nearest,
            scale: None,
            scale_index: 0,
            extrapolation: -9,
        }
        .run(
            cpu,
            ResizedAxis {
                outer: 1,
                axis: x.len(),
                inner: 1,
                out,
            },
            x,
            &mut y,
        );
        y
    };
    use Coordinates::*;
    use NearestMode::*;
    assert_eq!(run(Floor, Asymmetric, 6, &[1, 2, 3]), [1, 1, 2, 2, 3, 3]);
    assert_eq!(run(Ceil, Asymmetric, 6, &[1, 2, 3]), [1, 2, 2, 3, 3, 3]);
    assert_eq!(run(RoundPreferFloor, HalfPixel, 2, &[1, 2, 3, 4]), [1, 3]);
    assert_eq!(run(RoundPreferCeil, HalfPixel, 2, &[1, 2, 3, 4]), [2, 4]);
    assert_eq!(run(Floor, TfHalfPixelForNn, 2, &[1, 2, 3, 4]), [2, 4]);
    assert_eq!(
        run(RoundPreferFloor, AlignCorners, 5, &[1, 2, 3]),
        [1, 1, 2, 2, 3]
    );
    assert_eq!(
        run(RoundPreferCeil, AlignCorners, 5, &[1, 2, 3]),
        [1, 2, 2, 3, 3]
    );
    assert_eq!(
        run(
            Floor,
            TfCropAndResize {
                start: -1.0,
                end: 1.0
            },
            3,
            &[1, 2, 3]
        ),
        [-9, 1, 3]
    );
    let mut y = vec![0; 8];
    let layer = ResizeNearest {
        coordinates: Asymmetric,
        nearest: Floor,
        scale: Some(2.0),
        scale_index: 0,
        extrapolation: 0,
    };
    layer.run(
        cpu,
        ResizedAxis {
            outer: 1,
            axis: 2,
            inner: 2,
            out: 4,
        },
        &[1, 2, 3, 4],
        &mut y,
    );
    assert_eq!(y, [1, 2, 1, 2, 3, 4, 3, 4]);
    assert_eq!(ResizeSizes.sizes(cpu, [3, 5], &[2.0, 0.5]), Ok([6, 2]));
    for wrong in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(ResizeSizes.sizes(cpu, [3], &[wrong]).is_err());
    }
    assert!(ResizeSizes.sizes(cpu, [3, 5], &[2.0]).is_err());
}
