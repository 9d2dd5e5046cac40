//! Microseconds per call of the elementwise, reduction and normalisation layers.
//!
//!     cargo bench --bench elementwise [-- PART_OF_NAME]
//!
//! `benches/elementwise.py` runs it side by side with onnxruntime.

mod common;

use std::hint::black_box;

use common::Bench;
use tf_layers::Cpu;
use tf_layers::activation::Activation;
use tf_layers::binary::{Add, Div, Less, Max, Mul, Sub};
use tf_layers::norm::{GroupNormalization, LayerNormalization, ScaleShift};
use tf_layers::reduce::{Reduce, Reduction};
use tf_layers::softmax::{LogSoftmax, Softmax};

struct Layers {
    cpu: Cpu,
    bench: Bench,
}

impl Layers {
    fn time(&self, name: &str, call: impl FnMut()) {
        self.bench.time(name, call);
    }

    fn activations(&self) {
        const N: usize = 65_536;
        let x: Vec<f32> = (0..N).map(|i| (i as f32 / N as f32 - 0.5) * 10.0).collect();
        let mut y = vec![0.0f32; N];
        for (name, activation) in [
            ("Relu", Activation::Relu),
            ("Exp", Activation::Exp),
            ("Tanh", Activation::Tanh),
            ("Sigmoid", Activation::Sigmoid),
            ("Erf", Activation::Erf),
            ("Gelu", Activation::Gelu),
            ("GeluTanh", Activation::GeluTanh),
            ("Log", Activation::Log),
            ("Softplus", Activation::Softplus),
            ("Elu", Activation::Elu { alpha: 1.0 }),
            ("Mish", Activation::Mish),
            ("HardSwish", Activation::HardSwish),
            ("Swish", Activation::Swish { alpha: 1.0 }),
            ("Sin", Activation::Sin),
        ] {
            let layer = tf_layers::activation::Activate { activation };
            self.time(name, || {
                layer.run(self.cpu, black_box(&x), black_box(&mut y))
            });
        }
    }

    fn binary(&self) {
        let (a, mut y) = (vec![1.5f32; 65_536], vec![0.0f32; 65_536]);
        let b: Vec<f32> = (0..65_536).map(|i| i as f32).collect();
        let cpu = self.cpu;
        let fits = "shapes that fit";
        self.time("Add same", || {
            Add.run(cpu, [65_536], black_box(&a), [65_536], &b, &mut y)
                .expect(fits)
        });
        self.time("Mul scalar", || {
            Mul.run(cpu, [65_536], black_box(&a), [1], &b[..1], &mut y)
                .expect(fits)
        });
        self.time("Add row", || {
            Add.run(
                cpu,
                [64, 1024],
                black_box(&a),
                [1, 1024],
                &b[..1024],
                &mut y,
            )
            .expect(fits)
        });
        self.time("Sub column", || {
            Sub.run(cpu, [64, 1024], black_box(&a), [64, 1], &b[..64], &mut y)
                .expect(fits)
        });
        self.time("Add short row", || {
            Add.run(cpu, [8192, 8], black_box(&a), [1, 8], &b[..8], &mut y)
                .expect(fits)
        });
        self.time("Sub short column", || {
            Sub.run(cpu, [8192, 8], black_box(&a), [8192, 1], &b[..8192], &mut y)
                .expect(fits)
        });
        self.time("Max same", || {
            Max.run(cpu, [65_536], black_box(&a), [65_536], &b, &mut y)
                .expect(fits)
        });
        self.time("Div same", || {
            Div.run(cpu, [65_536], black_box(&a), [65_536], &b, &mut y)
                .expect(fits)
        });
        let mut mask = vec![false; 65_536];
        self.time("Less same", || {
            Less.run(cpu, [65_536], black_box(&a), [65_536], &b, &mut mask)
                .expect(fits)
        });
        let (i, mut j) = (vec![3i64; 65_536], vec![0i64; 65_536]);
        self.time("Add i64", || {
            Add.run(cpu, [65_536], black_box(&i), [65_536], &i, &mut j)
                .expect(fits)
        });
    }

    fn rows(&self) {
        let cpu = self.cpu;
        let x: Vec<f32> = (0..65_536)
            .map(|i| (i * 7919 % 65_536) as f32 / 8192.0 - 4.0)
            .collect();
        let mut y = vec![0.0f32; 65_536];
        self.time("Softmax 64x1024", || {
            Softmax.run(cpu, [64, 1024, 1].into(), black_box(&x), &mut y)
        });
        self.time("Softmax 1024x64", || {
            Softmax.run(cpu, [1024, 64, 1].into(), black_box(&x), &mut y)
        });
        self.time("Softmax axis 1 of 8x64x128", || {
            Softmax.run(cpu, [8, 64, 128].into(), black_box(&x), &mut y)
        });
        self.time("LogSoftmax 64x1024", || {
            LogSoftmax.run(cpu, [64, 1024, 1].into(), black_box(&x), &mut y)
        });
        for [rows, n] in [[64, 768], [256, 32], [256, 64], [256, 50]] {
            let row = vec![1.25f32; n];
            let layer = LayerNormalization {
                epsilon: 1e-5,
                scale: Some(&row),
                bias: Some(&row),
            };
            let (x, y) = (&x[..rows * n], &mut y[..rows * n]);
            self.time(&format!("LayerNormalization {rows}x{n}"), || {
                layer.run(cpu, [rows, n], black_box(x), y);
            });
        }
        let row = [1.25f32; 64];
        let group = GroupNormalization {
            groups: 64,
            epsilon: 1e-5,
            scale: &row,
            bias: &row,
        };
        self.time("InstanceNormalization 1x64x1024", || {
            group.run(cpu, [1, 64, 1024], black_box(&x), &mut y)
        });
        let batch = ScaleShift {
            scale: &row,
            shift: &row,
        };
        self.time("BatchNormalization 1x64x1024", || {
            batch.run(cpu, [1, 64, 1024], black_box(&x), &mut y)
        });
        for (name, reduction) in [
            ("ReduceSum", Reduction::Sum),
            ("ReduceMean", Reduction::Mean),
            ("ReduceMax", Reduction::Max),
            ("ReduceL2", Reduction::L2),
            ("ReduceLogSumExp", Reduction::LogSumExp),
        ] {
            let rows = Reduce {
                reduction,
                axes: [false, true],
            };
            self.time(&format!("{name} rows"), || {
                rows.run(cpu, [64, 1024], black_box(&x), &mut y[..64])
            });
            let columns = Reduce {
                reduction,
                axes: [true, false],
            };
            self.time(&format!("{name} columns"), || {
                columns.run(cpu, [64, 1024], black_box(&x), &mut y[..1024])
            });
        }
    }
}

fn main() {
    let cpu = Cpu::new();
    let layers = Layers {
        cpu,
        bench: Bench::new(cpu),
    };
    layers.activations();
    layers.binary();
    layers.rows();
}
