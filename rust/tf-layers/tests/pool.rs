//! Pooling against a naive oracle in f64.

mod common;

use common::{Rng, error, flat, indices};
use tf_layers::Cpu;
use tf_layers::pool::*;

/// A layer whose geometry is a `Geometry`'s.
macro_rules! pooling {
    ($layer:ident, $window:expr $(, $field:ident: $value:expr)*) => {{
        let Geometry { kernel_shape, strides, dilations, pads_begin, pads_end, ceil_mode } = $window;
        $layer { kernel_shape, strides, dilations, pads_begin, pads_end, ceil_mode $(, $field: $value)* }.checked()
    }};
}

/// Means of up to a few hundred elements, relative to max(1, |y|).
const MEAN_ERROR: f64 = 4e-7;
/// Powers and roots of f32.
const NORM_ERROR: f64 = 2e-6;

/// Number of windows: those that lie in the padded image. With `ceil_mode` also those that reach beyond it by less than a stride and begin
/// in front of its right padding, without it such a one only if it is the first.
fn counts<const D: usize>(w: &Geometry<D>, size: [usize; D]) -> [usize; D] {
    std::array::from_fn(|d| {
        let inner = w.pads_begin[d] + size[d];
        let counts = |i: &usize| {
            let start = i * w.strides[d];
            let end = start + (w.kernel_shape[d] - 1) * w.dilations[d] + 1;
            let beyond = end.saturating_sub(inner + w.pads_end[d]);
            match (w.ceil_mode, i) {
                (true, _) => beyond < w.strides[d] && start < inner,
                (false, 0) => beyond < w.strides[d],
                (false, _) => beyond == 0,
            }
        };
        (0..).take_while(counts).count()
    })
}

/// Every window of `[batch, *size, channels]`: its output index and `Some((flat index in x))` per tap in the image,
/// `None` per tap in the padding.
fn windows<const D: usize>(w: &Geometry<D>, images: Images<D>) -> Vec<Vec<Option<usize>>> {
    let Images {
        batch,
        size,
        channels,
    } = images;
    let out = counts(w, size);
    assert_eq!(out, w.output_size(size), "{w:?} over {size:?}");
    let shape = |s: [usize; D]| [&[batch], s.as_slice(), &[channels]].concat();
    indices(&shape(out))
        .map(|index| {
            let mut taps = Vec::new();
            for k in indices(&w.kernel_shape) {
                let padded: Vec<usize> = (0..D)
                    .map(|d| index[d + 1] * w.strides[d] + k[d] * w.dilations[d])
                    .collect();
                let limit = |d: usize| w.pads_begin[d] + size[d];
                if (0..D).any(|d| padded[d] >= limit(d) + w.pads_end[d]) {
                    continue;
                }
                let inside = (0..D).all(|d| padded[d] >= w.pads_begin[d] && padded[d] < limit(d));
                taps.push(inside.then(|| {
                    let mut at = index.clone();
                    (0..D).for_each(|d| at[d + 1] = padded[d] - w.pads_begin[d]);
                    flat(&shape(size), &at)
                }));
            }
            taps
        })
        .collect()
}

/// One in three is as wide as an image, with strides to match: then windows reach beyond it, and beyond its padding.
fn random_window<const D: usize>(rng: &mut Rng) -> Geometry<D> {
    let (widest, longest) = if rng.size(0, 3) == 0 {
        (13, 16)
    } else {
        (5, 4)
    };
    let kernel_shape = std::array::from_fn(|_| rng.size(1, widest));
    Geometry {
        kernel_shape,
        strides: std::array::from_fn(|_| rng.size(1, longest)),
        dilations: std::array::from_fn(|_| rng.size(1, 3)),
        pads_begin: kernel_shape.map(|k| rng.size(0, k)),
        pads_end: kernel_shape.map(|k| rng.size(0, k)),
        ceil_mode: rng.size(0, 2) == 1,
    }
}

fn check<const D: usize>(rng: &mut Rng, channels: usize) {
    let window = random_window::<D>(rng);
    let (batch, size) = (rng.size(1, 3), std::array::from_fn(|_| rng.size(1, 10)));
    let images = Images {
        batch,
        size,
        channels,
    };
    check_window(rng, window, images);
}

fn one_image<const D: usize>(size: [usize; D], channels: usize) -> Images<D> {
    Images {
        batch: 1,
        size,
        channels,
    }
}

fn check_window<const D: usize>(rng: &mut Rng, window: Geometry<D>, images: Images<D>) {
    let Images {
        batch,
        size,
        channels,
    } = images;
    let x = rng.f32s(batch * size.iter().product::<usize>() * channels);
    let windows = windows(&window, images);
    let fold = |first: f64, step: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
        let taps =
            |w: &Vec<Option<usize>>| w.iter().flatten().fold(first, |a, &i| step(a, x[i].into()));
        windows.iter().map(taps).collect()
    };
    let mut largest = fold(f64::NEG_INFINITY, &f64::max);
    // A window without a tap in the image gives the least finite value.
    for (largest, taps) in largest.iter_mut().zip(&windows) {
        if taps.iter().flatten().count() == 0 {
            *largest = f32::MIN.into();
        }
    }
    let sums = fold(0.0, &|a, x| a + x);
    let mean = |count: &dyn Fn(&Vec<Option<usize>>) -> usize| -> Vec<f64> {
        sums.iter()
            .zip(&windows)
            .map(|(s, w)| s / count(w).max(1) as f64)
            .collect()
    };
    let (means, padded) = (mean(&|w| w.iter().flatten().count()), mean(&|w| w.len()));
    let mut y = vec![0.0; windows.len()];
    for cpu in Cpu::all() {
        let what = format!("{} {size:?} × {channels} {window:?}", cpu.name());
        pooling!(MaxPool, window).run(cpu, images, &x, &mut y);
        assert_eq!(error(&y, &largest), 0.0, "max {what}");
        for (count_include_pad, expected) in [(false, &means), (true, &padded)] {
            pooling!(AveragePool, window, count_include_pad: count_include_pad)
                .run(cpu, images, &x, &mut y);
            assert!(error(&y, expected) < MEAN_ERROR, "mean {what}");
        }
        for p in [1, 2, 3] {
            let p64 = f64::from(p);
            let sums = fold(0.0, &|a, x| a + x.abs().powf(p64));
            let norms: Vec<f64> = sums.iter().map(|s| s.powf(1.0 / p64)).collect();
            pooling!(LpPool, window, p: p).run(cpu, images, &x, &mut y);
            assert!(error(&y, &norms) < NORM_ERROR, "norm {p} {what}");
        }
    }
    let cpu = Cpu::new();
    let x64: Vec<f64> = x.iter().map(|&v| v.into()).collect();
    let mut y64 = vec![0.0; windows.len()];
    pooling!(MaxPool, window).run(cpu, images, &x64, &mut y64);
    let least = |y: f64| if y == f32::MIN.into() { f64::MIN } else { y };
    assert_eq!(y64, largest.into_iter().map(least).collect::<Vec<_>>());
    let x8: Vec<i8> = x.iter().map(|v| (v * 127.0) as i8).collect();
    let mut y8 = vec![0; windows.len()];
    pooling!(MaxPool, window).run(cpu, images, &x8, &mut y8);
    let largest8: Vec<i8> = windows
        .iter()
        .map(|w| w.iter().flatten().map(|&i| x8[i]).max().unwrap_or(i8::MIN))
        .collect();
    assert_eq!(y8, largest8);
}

#[test]
fn windows_of_every_rank() {
    let mut rng = Rng::new(1);
    for channels in [
        1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130,
    ] {
        check::<1>(&mut rng, channels);
        check::<2>(&mut rng, channels);
        check::<3>(&mut rng, channels);
    }
    for _ in 0..60 {
        check::<1>(&mut rng, 2);
        check::<2>(&mut rng, 2);
    }
}

/// Windows with which exporters say "all of the image": wider than it, with a stride to match.
#[test]
fn windows_wider_than_the_image() {
    let mut rng = Rng::new(4);
    let images = [
        (&[3, 4, 5, 8][..], [2, 2], 3),
        (&[5, 8], [4, 4], 33),
        (&[3, 8], [1, 7], 8),
        (&[256, 320], [2, 2], 5),
    ];
    for (kernels, size, channels) in images {
        for kernel in kernels {
            for (pads, ceil_mode) in [(0, false), (0, true), (1, true)] {
                let window = Geometry {
                    kernel_shape: [*kernel; 2],
                    strides: [*kernel; 2],
                    dilations: [1; 2],
                    pads_begin: [pads; 2],
                    pads_end: [pads; 2],
                    ceil_mode,
                };
                check_window(&mut rng, window, one_image(size, channels));
            }
        }
    }
}

/// Lines that do not fit the first-level cache in one piece: many columns, many channels, wide windows, and windows too wide for any.
#[test]
fn long_lines_and_wide_windows() {
    let mut rng = Rng::new(2);
    for (width, kernel, stride, dilation, pads, channels) in [
        (300, 3, 1, 1, [1, 1], 16),
        (300, 3, 2, 1, [0, 1], 16),
        (130, 3, 1, 1, [1, 1], 33),
        (9, 3, 1, 2, [2, 2], 300),
        (9, 3, 2, 1, [1, 0], 300),
        (4500, 2, 1, 1, [0, 0], 1),
        (90, 40, 1, 1, [20, 20], 20),
        (90, 40, 3, 2, [39, 5], 3),
        (60, 50, 7, 1, [0, 0], 100),
        (200, 150, 9, 1, [75, 75], 20),
        (2300, 2100, 50, 1, [0, 0], 1),
    ] {
        let window = Geometry {
            kernel_shape: [2, kernel],
            strides: [1, stride],
            dilations: [1, dilation],
            pads_begin: [1, pads[0]],
            pads_end: [0, pads[1]],
            ceil_mode: false,
        };
        check_window(&mut rng, window, one_image([2, width], channels));
    }
}

#[test]
fn output_sizes() {
    let window = Geometry {
        kernel_shape: [3],
        strides: [2],
        dilations: [1],
        pads_begin: [0],
        pads_end: [0],
        ceil_mode: false,
    };
    assert_eq!(window.output_size([4]), [1]);
    // Less than a stride is missing: one window, over what there is.
    assert_eq!(window.output_size([2]), [1]);
    assert_eq!(window.output_size([1]), [0]);
    assert_eq!(window.output_size([0]), [0]);
    let ceil = Geometry {
        ceil_mode: true,
        ..window
    };
    assert_eq!(ceil.output_size([4]), [2]);
    // Less than a stride is missing from the only window, or as much as that.
    assert_eq!(ceil.output_size([2]), [1]);
    assert_eq!(ceil.output_size([1]), [0]);
    assert_eq!(ceil.output_size([0]), [0]);
    // A window that begins in the padding behind the image does not count.
    let late = Geometry {
        kernel_shape: [1],
        pads_end: [1],
        strides: [2],
        ..ceil
    };
    assert_eq!(late.output_size([2]), [1]);
    let empty = pooling!(MaxPool, window);
    empty.run::<f32>(Cpu::new(), one_image([1], 3), &[0.0; 3], &mut []);
}

#[test]
fn infinities_and_nan() {
    let window = Geometry {
        kernel_shape: [2],
        strides: [2],
        dilations: [1],
        pads_begin: [0],
        pads_end: [0],
        ceil_mode: false,
    };
    for cpu in Cpu::all() {
        for channels in [1, 5, 33] {
            const INF: f32 = f32::INFINITY;
            const NAN: f32 = f32::NAN;
            let pairs = [
                ([NAN, 1.0], NAN),
                ([1.0, NAN], NAN),
                ([NAN, NAN], NAN),
                ([NAN, -INF], NAN),
                ([INF, NAN], NAN),
                ([-INF, -INF], -INF),
                ([INF, 0.0], INF),
                ([-INF, 1.0], 1.0),
            ];
            let x: Vec<f32> = pairs
                .iter()
                .flat_map(|(pair, _)| pair.iter().flat_map(|&v| vec![v; channels]))
                .collect();
            let bits = |y: &[f32]| -> Vec<_> {
                y.iter()
                    .map(|y| (!y.is_nan()).then(|| y.to_bits()))
                    .collect()
            };
            let expected: Vec<f32> = pairs.iter().flat_map(|(_, y)| vec![*y; channels]).collect();
            let mut y = vec![0.0; pairs.len() * channels];
            pooling!(MaxPool, window).run(cpu, one_image([2 * pairs.len()], channels), &x, &mut y);
            assert_eq!(bits(&y), bits(&expected), "{} {channels}", cpu.name());
            let mut at = vec![0; y.len()];
            pooling!(MaxPoolIndices, window, column_major: false).run(
                cpu,
                one_image([2 * pairs.len()], channels),
                &x,
                &mut y,
                &mut at,
            );
            assert_eq!(bits(&y), bits(&expected));
            let images = Images {
                batch: pairs.len(),
                size: [2],
                channels,
            };
            GlobalMaxPool.run(cpu, images, &x, &mut y);
            assert_eq!(bits(&y), bits(&expected));
            // Windows that share columns: each NaN is in two of them.
            let shared = Geometry {
                strides: [1],
                ..window
            };
            let mut y = vec![0.0; 4 * channels];
            let row: Vec<f32> = [0.0, NAN, 1.0, 2.0, -INF]
                .iter()
                .flat_map(|&v| vec![v; channels])
                .collect();
            pooling!(MaxPool, shared).run(cpu, one_image([5], channels), &row, &mut y);
            let expected: Vec<f32> = [NAN, NAN, 2.0, 2.0]
                .iter()
                .flat_map(|&v| vec![v; channels])
                .collect();
            assert_eq!(bits(&y), bits(&expected), "{} {channels}", cpu.name());
        }
    }
}

#[test]
fn indices_count_as_onnx_does() {
    let mut rng = Rng::new(2);
    for round in 0..40 {
        let window = random_window::<2>(&mut rng);
        let (batch, size, channels) = (2, [rng.size(1, 8), rng.size(1, 8)], rng.size(1, 4));
        // Few different values, so that ties happen.
        let x: Vec<f32> = (0..batch * size[0] * size[1] * channels)
            .map(|_| (rng.f32() * 3.0).round())
            .collect();
        let images = Images {
            batch,
            size,
            channels,
        };
        let windows = windows(&window, images);
        let column_major = round % 2 == 1;
        let number = |i: usize| {
            let (n, h, w, c) = (
                i / (size[0] * size[1] * channels),
                i / (size[1] * channels) % size[0],
                i / channels % size[1],
                i % channels,
            );
            let at = if column_major {
                h + w * size[0]
            } else {
                h * size[1] + w
            };
            ((n * channels + c) * size[0] * size[1] + at) as i64
        };
        let expected: Vec<i64> = windows
            .iter()
            .map(|w| {
                let first = w
                    .iter()
                    .flatten()
                    .copied()
                    .reduce(|a, b| if x[b] > x[a] { b } else { a });
                first.map_or(-1, number)
            })
            .collect();
        let (mut y, mut found) = (vec![0.0; windows.len()], vec![0; windows.len()]);
        let layer = pooling!(MaxPoolIndices, window, column_major: column_major);
        layer.run(Cpu::new(), images, &x, &mut y, &mut found);
        assert_eq!(found, expected, "{window:?} {size:?}");
        let mut values = vec![0.0; windows.len()];
        pooling!(MaxPool, window).run(Cpu::new(), images, &x, &mut values);
        assert_eq!(y, values);
    }
}

#[test]
fn global() {
    let mut rng = Rng::new(3);
    let one = Images {
        batch: 1,
        size: [2, 3],
        channels: 1,
    };
    let mut y = [0.0];
    GlobalAveragePool.run(Cpu::new(), one, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &mut y);
    assert_eq!(y, [3.5], "over all spatial axes");
    for (positions, channels) in [
        (1, 1),
        (49, 3),
        (49, 16),
        (1000, 65),
        (300, 130),
        (0, 4),
        (7, 0),
    ] {
        let batch = 2;
        let x = rng.f32s(batch * positions * channels);
        let fold = |first: f64, step: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
            indices(&[batch, channels])
                .map(|i| {
                    (0..positions).fold(first, |a, p| {
                        step(a, x[(i[0] * positions + p) * channels + i[1]].into())
                    })
                })
                .collect()
        };
        let means: Vec<f64> = fold(0.0, &|a, x| a + x)
            .iter()
            .map(|s| s / positions as f64)
            .collect();
        let mut y = vec![0.0; batch * channels];
        let images = Images {
            batch,
            size: [positions],
            channels,
        };
        for cpu in Cpu::all() {
            GlobalAveragePool.checked().run(cpu, images, &x, &mut y);
            assert!(
                error(&y, &means) < MEAN_ERROR,
                "{} {positions} {channels}",
                cpu.name()
            );
            GlobalMaxPool.checked().run(cpu, images, &x, &mut y);
            assert_eq!(error(&y, &fold(f64::NEG_INFINITY, &f64::max)), 0.0);
            for p in [1, 2, 3] {
                GlobalLpPool { p }.checked().run(cpu, images, &x, &mut y);
                let sums = fold(0.0, &|a, x| a + x.abs().powi(p as i32));
                let norms: Vec<f64> = sums.iter().map(|s| s.powf(1.0 / f64::from(p))).collect();
                // Long sums of positive numbers, in order.
                assert!(error(&y, &norms) < 10.0 * NORM_ERROR, "{p}");
            }
        }
    }
}

/// SAME has ⌈n / stride⌉ windows, the fewest zeros that they need, and the odd one at the end that is asked for.
#[test]
fn pads_that_depend_on_the_size() {
    for (n, kernel, stride, dilation) in [
        (1, 1, 1, 1),
        (1, 3, 2, 1),
        (4, 3, 2, 1),
        (5, 3, 2, 1),
        (7, 2, 3, 1),
        (9, 2, 3, 4),
        (6, 5, 4, 2),
        (0, 3, 2, 1),
    ] {
        let layer = MaxPool {
            kernel_shape: [kernel],
            strides: [stride],
            dilations: [dilation],
            pads_begin: [7],
            pads_end: [7],
            ceil_mode: false,
        }
        .checked();
        let (upper, lower) = (layer.same_upper([n]), layer.same_lower([n]));
        let ([begin], [end]) = (upper.pads_begin, upper.pads_end);
        assert_eq!((lower.pads_begin, lower.pads_end), ([end], [begin]));
        assert!(begin == end || begin + 1 == end, "{n} {kernel} {stride}");
        let reach = dilation * (kernel - 1) + 1;
        let windows = n.div_ceil(stride);
        if begin + end > 0 {
            assert_eq!((windows - 1) * stride + reach, n + begin + end);
        } else {
            assert!(n == 0 || (windows - 1) * stride + reach <= n);
        }
    }
}
