//! Rows that a model cannot take: they are found, and the others go on without them.

use super::{Hint, Kind, Problem, quoted, selected};
use arrow_array::RecordBatch;
use model::tf_layers::Error;
use std::collections::BTreeMap;

/// Rows that a model cannot take, by their place.
pub type Bad = BTreeMap<usize, Said>;

/// Why a model cannot take a row.
#[derive(Debug, Clone)]
pub struct Said {
    /// The column whose fault it is; empty if the model says it, or if the row is none of the table.
    pub column: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: Option<Hint>,
}

impl Said {
    /// Of the row with this number.
    pub fn problem(&self, row: u64) -> Problem {
        let of = if self.column.is_empty() {
            String::new()
        } else {
            format!("column {}: ", quoted(&self.column))
        };
        Problem {
            hint: self.hint,
            ..Problem::value(format!("row {row}: {of}{}", self.what))
        }
    }
}

/// Why some rows have no outputs.
pub enum Fault {
    /// The model refuses them.
    Model(Error),
    /// Its outputs are no columns.
    Table(Problem),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Model(error)
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Table(problem)
    }
}

/// Calls `call` with a place and a number of rows: with all of them, and where the model refuses them or takes one only (`alone`), with
/// each. Those that it refuses alone are bad.
///
/// # Errors
/// If there is no memory, or the outputs are no columns.
pub fn in_turns(
    rows: usize,
    alone: bool,
    bad: &mut Bad,
    mut call: impl FnMut(usize, usize) -> Result<(), Fault>,
) -> Result<(), Problem> {
    if rows == 0 {
        return Ok(());
    }
    let mut said = |place: usize, rows: usize| match call(place, rows) {
        Ok(()) => Ok(None),
        Err(Fault::Model(error)) if error.is_memory() => Err(Problem {
            kind: Kind::Memory,
            ..Problem::value(error)
        }),
        Err(Fault::Model(error)) => Ok(Some(error.to_string())),
        Err(Fault::Table(problem)) => Err(problem),
    };
    if !alone && said(0, rows)?.is_none() {
        return Ok(());
    }
    for row in 0..rows {
        if let Some(what) = said(row, 1)? {
            let (column, hint) = (String::new(), None);
            bad.insert(row, Said { column, what, hint });
        }
    }
    Ok(())
}

/// Calls `attempt` with the rows of a batch that are not bad, until it finds no others that are; it says whether it has
/// done its work.
///
/// # Errors
/// Those of `attempt`.
pub fn leaving_out(
    batch: &RecordBatch,
    bad: &mut Bad,
    mut attempt: impl FnMut(&RecordBatch, &mut Bad) -> Result<bool, Problem>,
) -> Result<(), Problem> {
    loop {
        let left: Vec<usize> = (0..batch.num_rows())
            .filter(|k| !bad.contains_key(k))
            .collect();
        let mut found = Bad::new();
        let done = attempt(&without(batch, bad)?, &mut found)?;
        bad.extend(found.into_iter().map(|(k, said)| (left[k], said)));
        if done {
            return Ok(());
        }
    }
}

/// The rows of a batch that are not bad.
///
/// # Errors
/// If Arrow cannot copy them.
pub(super) fn without(batch: &RecordBatch, bad: &Bad) -> Result<RecordBatch, Problem> {
    if bad.is_empty() {
        return Ok(batch.clone());
    }
    let ends = bad.keys().copied().chain([batch.num_rows()]);
    let begins = [0].into_iter().chain(bad.keys().map(|k| k + 1));
    let parts: Vec<_> = begins.zip(ends).filter(|(from, to)| from < to).collect();
    selected(batch, &parts).map_err(Problem::value)
}
