//! The command line.

use crate::failure::{Failure, Kind, Problem, Result};
use crate::model::Own;
use clap::{Parser, ValueEnum};
use std::collections::HashMap;
use std::path::PathBuf;

/// What becomes of rows that the model cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BadRows {
    /// The first ones end the run.
    Stop,
    /// They are left out, and listed in OUT.bad.csv.
    Skip,
}

/// Scores the rows of a table: columns become the model's inputs, its outputs become columns.
///
/// IN and OUT are Parquet, CSV (.csv, .tsv) or Arrow files (.arrow, .feather), or folders of them. A run that was ended goes on
/// where it was, if it is started again. Exit codes: 0 done, 2 usage, 3 the table is damaged or has rows that the model cannot
/// take, 6 the disk or a bug.
#[derive(Debug, Parser)]
#[command(version, about, long_about)]
pub struct Arguments {
    /// The table, or a folder of tables
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// Where the scores go; a folder if IN is one
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    /// The columns of an input (repeatable); names with commas as JSON: x=["a,b","c"]
    #[arg(long = "column", value_name = "INPUT=COL,COL…")]
    pub columns: Vec<String>,
    /// Columns to pass through (repeatable); * for all
    #[arg(long, value_name = "COL,COL…")]
    pub keep: Vec<String>,
    /// What an output's column is called (repeatable; the default is its own name)
    #[arg(long, value_name = "OUTPUT=COL")]
    pub rename: Vec<String>,
    /// What stands for nulls (without it, a null is a bad row)
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub null: Option<String>,
    /// What stands for nulls in one column (repeatable)
    #[arg(long, value_name = "COL=VALUE")]
    pub null_in: Vec<String>,
    /// Allow conversions of types that round or may not fit, as float64 to float32, and strings that are numbers
    #[arg(long)]
    pub cast: bool,
    /// What becomes of rows that the model cannot take
    #[arg(
        long,
        value_name = "stop|skip",
        default_value = "stop",
        hide_possible_values = true
    )]
    pub bad_rows: BadRows,
    /// The format of a folder's outputs (default: that of each input)
    #[arg(long, value_name = "parquet|csv|arrow")]
    pub format: Option<String>,
    /// What separates the fields of a CSV file (default: a comma; of .tsv a tab)
    #[arg(long, value_name = "CHARACTER")]
    pub delimiter: Option<String>,
    /// Rows of a part, which is a row group of OUT (default: as many as memory should hold)
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    pub row_group: Option<u32>,
    /// Threads (default: the cores)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Replace OUT, and forget the parts of an earlier run
    #[arg(long)]
    pub force: bool,
    /// Errors only
    #[arg(short, long)]
    pub quiet: bool,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub own: Own,
}

impl Arguments {
    /// `--column`, by input.
    pub fn mapping(&self) -> Result<HashMap<String, Vec<String>>> {
        let each = self.columns.iter().map(|text| {
            let (input, columns) = pair("--column", text, "INPUT=COL,COL…")?;
            Ok((input, list("--column", &columns)?))
        });
        gathered(each).map(HashMap::from_iter)
    }

    /// `--null-in`, by column.
    pub fn nulls(&self) -> Result<HashMap<String, String>> {
        let each = self.null_in.iter();
        let found = gathered(each.map(|text| fill(text)));
        found.map(HashMap::from_iter)
    }

    /// `--keep`.
    pub fn kept(&self) -> Result<Vec<String>> {
        let each = self.keep.iter().map(|text| list("--keep", text));
        gathered(each).map(|found| found.concat())
    }

    /// `--rename`, by output.
    pub fn renamed(&self) -> Result<HashMap<String, String>> {
        let each = self.rename.iter();
        let found = gathered(each.map(|text| pair("--rename", text, "OUTPUT=COL")));
        found.map(HashMap::from_iter)
    }

    /// `--delimiter`.
    pub fn delimiter(&self) -> Result<Option<u8>> {
        let Some(text) = &self.delimiter else {
            return Ok(None);
        };
        match text.as_bytes() {
            b"\\t" => Ok(Some(b'\t')),
            &[one] if one.is_ascii() && !matches!(one, b'"' | b'\n' | b'\r') => Ok(Some(one)),
            _ => {
                let what = format!("--delimiter {text}: is not one ASCII character");
                Err(Failure::one(Kind::Usage, "", what, ""))
            }
        }
    }
}

/// All values, or all problems.
pub fn gathered<T>(each: impl Iterator<Item = Result<T>>) -> Result<Vec<T>> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut found = Vec::new();
    for one in each {
        match one {
            Ok(value) => found.push(value),
            Err(failure) if failure.kind == Kind::Tool => return Err(failure),
            Err(failure) => problems.extend(failure.problems),
        }
    }
    if problems.is_empty() {
        return Ok(found);
    }
    Err(Failure {
        kind: Kind::Usage,
        problems,
    })
}

fn pair(option: &str, text: &str, form: &str) -> Result<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_string(), value.to_string()))
        }
        _ => {
            let what = format!("{option} {text}: is not {form}");
            Err(Failure::one(Kind::Usage, "", what, ""))
        }
    }
}

/// The column and the value, which may be no text at all; as JSON where a name has an equals sign.
fn fill(text: &str) -> Result<(String, String)> {
    if let Ok([column, value]) = serde_json::from_str::<[String; 2]>(text) {
        return Ok((column, value));
    }
    match text.split_once('=') {
        Some((column, "")) if !column.is_empty() => Ok((column.to_string(), String::new())),
        _ => pair("--null-in", text, "COL=VALUE"),
    }
}

fn list(option: &str, text: &str) -> Result<Vec<String>> {
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|error| {
            let what = format!("{option} {text}: is no JSON list of names: {error}");
            Failure::one(Kind::Usage, "", what, "")
        });
    }
    Ok(text.split(',').map(str::to_string).collect())
}
