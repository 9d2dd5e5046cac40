//! A small timing loop for the benchmarks of generated crates, which have no dependency for it.

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
