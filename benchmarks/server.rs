//! Runs a generated model on command: the measuring process asks for short bursts, between those of other engines.
//!
//! Arguments: archives of inputs. Each line read is `K N` (run inputs K N times, answer with the nanoseconds of each run) or
//! `K path` (write the outputs of inputs K); each line written answers one.

use std::io::{BufRead, Write};
use std::time::Instant;
use tf_layers::npz::{Npz, NpzWriter};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = MODEL::new();
    let mut sets = Vec::new();
    for path in std::env::args().skip(1) {
        sets.push((ArrayInputs::read(&Npz::open(path)?, None)?, model.workspace()));
    }
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (set, what) = line.split_once(' ').ok_or("a line is `K N` or `K path`")?;
        let (arrays, workspace) = &mut sets[set.parse::<usize>()?];
        if let Ok(runs) = what.parse::<usize>() {
            for _ in 0..runs {
                let start = Instant::now();
                std::hint::black_box(arrays.predict(&model, workspace)?);
                write!(out, "{} ", start.elapsed().as_nanos())?;
            }
        } else {
            let mut writer = NpzWriter::new();
            for array in arrays.predict(&model, workspace)?.to_arrays() {
                writer.add(&array)?;
            }
            writer.write(what)?;
        }
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}
