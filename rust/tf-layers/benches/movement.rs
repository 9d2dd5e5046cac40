//! Microseconds per call of pooling and data movement.
//!
//!     cargo bench --bench movement [-- PART_OF_NAME]
//!
//! `benches/movement.py` runs it side by side with onnxruntime.

mod common;

use common::{Bench, numbers};
use tf_layers::Cpu;
use tf_layers::axis::AlongAxis;
use tf_layers::indexing::*;
use tf_layers::movement::*;
use tf_layers::pool::*;
use tf_layers::resize::*;

fn main() {
    let cpu = Cpu::new();
    let bench = Bench::new(cpu);
    let x = numbers(1 << 20, 1);
    let mut y = vec![0.0f32; 1 << 20];
    for (name, shape) in [
        ("NCHW-NHWC 64x56x56", [1, 64, 56 * 56]),
        ("NHWC-NCHW 56x56x64", [1, 56 * 56, 64]),
        ("NCHW-NHWC 3x224x224", [1, 3, 224 * 224]),
        ("NHWC-NCHW 224x224x3", [1, 224 * 224, 3]),
        ("transpose 512x512", [1, 512, 512]),
    ] {
        let n = shape.iter().product();
        bench.time(name, || {
            Transpose { perm: [0, 2, 1] }.run(cpu, shape, &x[..n], &mut y[..n])
        });
    }
    let heads = || Transpose { perm: [1, 0, 2] };
    bench.time("heads 128x12x64", || {
        heads().run(cpu, [128, 12, 64], &x[..98304], &mut y[..98304])
    });
    bench.time("concat 2x(3136x64)", || {
        let (a, b) = x.split_at(3136 * 64);
        Concat
            .run(
                cpu,
                JoinedParts {
                    outer: 3136,
                    parts: [64, 64],
                },
                &[a, &b[..3136 * 64]],
                &mut y[..3136 * 128],
            )
            .expect("parts fit");
    });
    bench.time("slice 56x56x64", || {
        Slice { steps: [1, 1, 1] }.run(
            cpu,
            SlicedPart {
                shape: [56, 56, 64],
                start: [1, 1, 0],
                size: [54, 54, 64],
            },
            &x[..56 * 56 * 64],
            &mut y[..54 * 54 * 64],
        );
    });
    bench.time("pad 56x56x64", || {
        Pad {
            mode: PadMode::Constant,
        }
        .run_with_value(
            cpu,
            Border {
                shape: [56, 56, 64],
                before: [1, 1, 0],
                after: [1, 1, 0],
            },
            &x[..56 * 56 * 64],
            &[0.0],
            &mut y[..58 * 58 * 64],
        );
    });
    let ids: Vec<i64> = (0..200).map(|i| i * 37 % 5000).collect();
    bench.time("gather 5000x64[200]", || {
        Gather
            .run(
                cpu,
                AlongAxis {
                    outer: 1,
                    axis: 5000,
                    inner: 64,
                },
                &x[..320_000],
                &ids,
                &mut y[..12800],
            )
            .expect("ids inside");
    });
    bench.time("expand 1x1x64-56x56x64", || {
        Expand.run(cpu, [1, 64], &x[..64], [3136, 64], &mut y[..3136 * 64]);
    });
    bench.time("resize linear 28x28x64-56x56", || {
        let layer = ResizeAxis {
            coordinates: Coordinates::HalfPixel,
            interpolation: Interpolation::Linear,
            scale: None,
            scale_index: 0,
            exclude_outside: false,
            antialias: false,
            extrapolation: 0.0,
        };
        let (middle, out) = y.split_at_mut(56 * 28 * 64);
        layer.run(
            cpu,
            ResizedAxis {
                outer: 1,
                axis: 28,
                inner: 28 * 64,
                out: 56,
            },
            &x[..28 * 28 * 64],
            middle,
        );
        layer.run(
            cpu,
            ResizedAxis {
                outer: 56,
                axis: 28,
                inner: 64,
                out: 56,
            },
            middle,
            &mut out[..56 * 56 * 64],
        );
    });
    bench.time("resize nearest 28x28x64-56x56", || {
        let layer = ResizeNearest {
            coordinates: Coordinates::Asymmetric,
            nearest: NearestMode::Floor,
            scale: None,
            scale_index: 0,
            extrapolation: 0.0,
        };
        let (middle, out) = y.split_at_mut(56 * 28 * 64);
        layer.run(
            cpu,
            ResizedAxis {
                outer: 1,
                axis: 28,
                inner: 28 * 64,
                out: 56,
            },
            &x[..28 * 28 * 64],
            middle,
        );
        layer.run(
            cpu,
            ResizedAxis {
                outer: 56,
                axis: 28,
                inner: 64,
                out: 56,
            },
            middle,
            &mut out[..56 * 56 * 64],
        );
    });
    for (name, kernel, stride, pad) in [
        ("2x2 s2", 2, 2, 0),
        ("3x3 s2", 3, 2, 1),
        ("3x3 s1", 3, 1, 1),
    ] {
        for channels in [64, 16, 1] {
            let images = Images {
                batch: 1,
                size: [56, 56],
                channels,
            };
            let geometry = MaxPool {
                kernel_shape: [kernel; 2],
                strides: [stride; 2],
                dilations: [1; 2],
                pads_begin: [pad; 2],
                pads_end: [pad; 2],
                ceil_mode: false,
            };
            let MaxPool {
                kernel_shape,
                strides,
                dilations,
                pads_begin,
                pads_end,
                ceil_mode,
            } = geometry;
            let [h, w] = geometry.geometry().output_size([56, 56]);
            let (x, y) = (&x[..56 * 56 * channels], &mut y[..h * w * channels]);
            bench.time(&format!("max {name} 56x56x{channels}"), || {
                geometry.run(cpu, images, x, y);
            });
            let average = AveragePool {
                kernel_shape,
                strides,
                dilations,
                pads_begin,
                pads_end,
                ceil_mode,
                count_include_pad: false,
            };
            bench.time(&format!("average {name} 56x56x{channels}"), || {
                average.run(cpu, images, x, y);
            });
        }
    }
    bench.time("global average 7x7x1280", || {
        let images = Images {
            batch: 1,
            size: [7, 7],
            channels: 1280,
        };
        GlobalAveragePool.run(cpu, images, &x[..49 * 1280], &mut y[..1280]);
    });
}
