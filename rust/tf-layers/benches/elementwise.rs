//! Microseconds per call of the elementwise, reduction and normalisation layers.
//!
//!     cargo bench --bench elementwise [-- PART_OF_NAME]
//!
//! `benches/elementwise.py` runs it side by side with onnxruntime.

use std::hint::black_box;
use std::time::Instant;

use tf_layers::Cpu;
use tf_layers::activation::Activation;

/// Best time of one call among many short samples, in µs: the machine may be shared.
fn best(mut call: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    let start = Instant::now();
    while start.elapsed().as_millis() < 150 {
        let sample = Instant::now();
        for _ in 0..8 {
            call();
        }
        best = best.min(sample.elapsed().as_secs_f64() / 8.0 * 1e6);
    }
    best
}

struct Bench {
    cpu: Cpu,
    wanted: Option<String>,
}

impl Bench {
    fn time(&self, name: &str, call: impl FnMut()) {
        if self
            .wanted
            .as_ref()
            .is_none_or(|wanted| name.contains(wanted.as_str()))
        {
            println!("{name}\t{:.2}", best(call));
        }
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
}

fn main() {
    // `cargo bench` adds `--bench`.
    let wanted = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let bench = Bench {
        cpu: Cpu::new(),
        wanted,
    };
    eprintln!("level {}", bench.cpu.name());
    bench.activations();
}
