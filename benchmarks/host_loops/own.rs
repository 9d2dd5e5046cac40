//! The crate alone. Says its first answer, then the median of calls in nanoseconds: FILE SECONDS.
//! `benchmarks/host_programs.py` puts names in for `the_crate`, `TheModel`, `the_input` and `the_output`.
use std::hint::black_box;
use std::time::{Duration, Instant};
use the_crate::{Inputs, TheModel};

fn main() {
    let mut given = std::env::args().skip(1);
    let bytes = std::fs::read(given.next().expect("a file")).expect("its bytes");
    let seconds: f64 = given.next().expect("seconds").parse().expect("a number");
    let x: Vec<f32> = bytes.as_chunks().0.iter().map(|c| f32::from_le_bytes(*c)).collect();
    let (model, mut workspace) = (TheModel::new(), TheModel::new().workspace());
    let first = model.predict_from(Inputs { the_input: &x }, &mut workspace).expect("outputs");
    println!("{:?}", first.the_output.data);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut times = Vec::new();
    while seconds > 0.0 && (Instant::now() < end || times.len() < 5) {
        let begin = Instant::now();
        black_box(model.predict_from(Inputs { the_input: black_box(&x) }, &mut workspace).expect("outputs"));
        times.push(begin.elapsed().as_nanos());
    }
    times.sort_unstable();
    println!("[{}]", times.get(times.len() / 2).copied().unwrap_or_default());
}
