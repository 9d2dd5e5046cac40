//! Runs the model on an archive of arrays: `cargo run --release --example predict -- in.npz out.npz [--repeat N]`.
//!
//! `in.npz` holds the inputs by the names of the model file, `out.npz` will hold the outputs. The last line printed is
//! `{"runs": N, "median_ns": …, "min_ns": …, "first_ns": …, "peak_rss_kb": …}`.

use lstm_text::{ArrayInputs, LstmTextModel};
use std::process::ExitCode;
use std::time::Instant;
use tf_layers::npz::{Npz, NpzWriter};
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
        [input, output] => (input, output, 1),
        [input, output, flag, n] if flag == "--repeat" => {
            (input, output, n.parse::<usize>()?.max(1))
        }
        _ => return Err(USAGE.into()),
    };
    lstm_text::folder()?;
    let arrays = ArrayInputs::read(&Npz::open(input)?, None)?;
    let model = LstmTextModel::new();
    let mut workspace = model.workspace();
    let mut times = Vec::with_capacity(repeat);
    for _ in 0..repeat {
        let start = Instant::now();
        arrays.predict(&model, &mut workspace)?;
        times.push(start.elapsed().as_nanos());
    }
    let mut writer = NpzWriter::new();
    for array in arrays.predict(&model, &mut workspace)?.to_arrays() {
        writer.add(&array)?;
    }
    writer.write(output)?;
    let first = times[0];
    let minimum = times.iter().min().copied().unwrap_or(first);
    println!(
        "{{\"runs\": {repeat}, \"median_ns\": {}, \"min_ns\": {minimum}, \"first_ns\": {first}, \"peak_rss_kb\": {}}}",
        median(&mut times),
        peak_rss_kb()
    );
    Ok(())
}

fn median(times: &mut [u128]) -> u128 {
    times.sort_unstable();
    times[times.len() / 2]
}
