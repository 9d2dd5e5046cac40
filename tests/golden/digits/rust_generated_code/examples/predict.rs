//! Runs the model on an archive of arrays: `cargo run --release --example predict -- in.npz out.npz [--repeat N]`.
//!
//! `in.npz` holds the inputs by the names of the model file, `out.npz` will hold the outputs. Printed are
//! the outputs' names, types and shapes, and the largest values of the first samples; with `--repeat` the last line is
//! `{"runs": N, "median_ns": …, "min_ns": …, "first_ns": …, "peak_rss_kb": …}`.

use digits::{ArrayInputs, DigitsModel, top_k};
use std::process::ExitCode;
use std::time::Instant;
use tf_layers::npz::{Array, Data, Npz, NpzWriter};
use tf_layers::process::peak_rss_kb;

const USAGE: &str = "usage: predict in.npz out.npz [--repeat N]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (input, output, repeat) = match arguments.as_slice() {
        [input, output] => (input, output, None),
        [input, output, flag, n] if flag == "--repeat" => {
            (input, output, Some(n.parse::<usize>()?.max(1)))
        }
        _ => return Err(USAGE.into()),
    };
    digits::folder()?;
    let arrays = ArrayInputs::read(&Npz::open(input)?, None)?;
    let model = DigitsModel::new();
    let mut workspace = model.workspace();
    let runs = repeat.unwrap_or(1);
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        arrays.predict(&model, &mut workspace)?;
        times.push(start.elapsed().as_nanos());
    }
    let mut writer = NpzWriter::new();
    for array in arrays.predict(&model, &mut workspace)?.to_arrays() {
        show(&array);
        writer.add(&array)?;
    }
    writer.write(output)?;
    if repeat.is_none() {
        return Ok(());
    }
    let first = times[0];
    let minimum = times.iter().min().copied().unwrap_or(first);
    println!(
        "{{\"runs\": {runs}, \"median_ns\": {}, \"min_ns\": {minimum}, \"first_ns\": {first}, \"peak_rss_kb\": {}}}",
        median(&mut times),
        peak_rss_kb()
    );
    Ok(())
}

/// Samples that are shown, and values of each.
const SHOWN: (usize, usize) = (3, 3);

/// Prints what an output is, and the largest values of its first samples with their places.
fn show(array: &Array) {
    println!("{}: {} {:?}", array.name, array.data.dtype(), array.shape);
    let samples = if array.shape.len() > 1 {
        array.shape[0]
    } else {
        1
    };
    match &array.data {
        Data::F32(values) => largest(samples, values),
        Data::F64(values) => largest(samples, values),
        Data::I64(values) => largest(samples, values),
        Data::I32(values) => largest(samples, values),
        Data::I8(values) => largest(samples, values),
        Data::U8(values) => largest(samples, values),
        Data::Bool(values) => largest(samples, values),
        _ => {}
    }
}

fn largest<T: Copy + PartialOrd + std::fmt::Display>(samples: usize, values: &[T]) {
    let length = (values.len() / samples.max(1)).max(1);
    for (k, sample) in values.chunks_exact(length).take(SHOWN.0).enumerate() {
        let shown = top_k(sample, SHOWN.1)
            .into_iter()
            .map(|(place, value)| format!("{value} at {place}"));
        println!("  sample {k}: {}", shown.collect::<Vec<_>>().join(", "));
    }
}

fn median(times: &mut [u128]) -> u128 {
    times.sort_unstable();
    times[times.len() / 2]
}
