//! A small timing loop for `harness = false` benchmarks: no dependency, checks before it measures.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Shortest time that one sample measures: far above the clock's resolution, short enough to lie within one time slice.
const SAMPLE: Duration = Duration::from_micros(300);
/// Samples per measurement.
const SAMPLES: usize = 151;

/// Time of one call, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Of the fastest sample: what the code can do.
    pub best: f64,
    /// Of the middle sample: what it did on this machine with whatever else ran there.
    pub median: f64,
}

/// Times `run`.
pub fn time(mut run: impl FnMut()) -> Timing {
    run();
    let start = Instant::now();
    run();
    let once = start.elapsed().max(Duration::from_nanos(20));
    let calls = (SAMPLE.as_nanos() / once.as_nanos()).clamp(1, 1 << 24) as u32;
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..calls {
                run();
            }
            start.elapsed().as_nanos() as f64 / f64::from(calls)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    Timing {
        best: samples[0],
        median: samples[SAMPLES / 2],
    }
}

/// Runs `run` once, lets `check` judge the output, then measures and prints one line: name, best and median time, GFLOP/s
/// (of the best).
///
/// `operations` is the number of floating-point operations of one call (0: not printed).
///
/// # Panics
/// If `check` finds the output wrong: a wrong kernel has no speed.
pub fn report<T>(
    name: &str,
    operations: f64,
    output: &mut T,
    mut run: impl FnMut(&mut T),
    check: impl FnOnce(&T) -> bool,
) -> Timing {
    run(output);
    assert!(check(output), "{name}: wrong output");
    let timing = time(|| run(black_box(&mut *output)));
    let Timing { best, median } = timing;
    print!(
        "{name:<44} {:>10.2} µs (median {:>10.2})",
        best / 1e3,
        median / 1e3
    );
    if operations > 0.0 {
        print!(" {:>7.1} GFLOP/s", operations / best);
    }
    println!();
    timing
}

/// Numbers in -1..1 that are the same in every run (xorshift).
#[must_use]
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
