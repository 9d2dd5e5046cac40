//! What the benches share: criterion, one group a bench, with the level in every name.

// every bench compiles this file, and none uses all of it
#![allow(dead_code, reason = "each bench uses its part")]

use std::cell::RefCell;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use tf_layers::Cpu;

/// Criterion with short measurements: kernels take microseconds, and there are a hundred of them.
pub struct Bench {
    criterion: RefCell<Criterion>,
    level: &'static str,
}

impl Bench {
    /// As the command line says (`cargo bench --bench products -- conv`; criterion's own options too).
    pub fn new(cpu: Cpu) -> Self {
        let criterion = Criterion::default()
            .without_plots()
            .warm_up_time(Duration::from_millis(200))
            .measurement_time(Duration::from_millis(800))
            .sample_size(40)
            .configure_from_args();
        Self {
            criterion: RefCell::new(criterion),
            level: cpu.name(),
        }
    }

    /// Times `run`.
    pub fn time(&self, name: &str, run: impl FnMut()) {
        self.group(name, None, run);
    }

    /// Runs `run` once, lets `check` judge the output, then times it. `operations` is the number of floating-point operations
    /// of one call: criterion prints them as elements a second (Gelem/s are GFLOP/s).
    ///
    /// # Panics
    /// If `check` finds the output wrong: a wrong kernel has no speed.
    pub fn case<T>(
        &self,
        name: &str,
        operations: usize,
        output: &mut T,
        mut run: impl FnMut(&mut T),
        check: impl FnOnce(&T) -> bool,
    ) {
        run(output);
        assert!(check(output), "{name}: wrong output");
        let throughput = Throughput::Elements(operations as u64);
        self.group(name, Some(throughput), || run(black_box(&mut *output)));
    }

    fn group(&self, name: &str, throughput: Option<Throughput>, mut run: impl FnMut()) {
        let mut criterion = self.criterion.borrow_mut();
        let mut group = criterion.benchmark_group(self.level);
        if let Some(throughput) = throughput {
            group.throughput(throughput);
        }
        group.bench_function(name, |b| b.iter(&mut run));
        group.finish();
    }
}

/// Numbers in -1..1 that are the same in every run (xorshift).
pub fn numbers(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}
