//! A batch of rows becomes a batch of scores.

use crate::model::predict;
use crate::ports::{INPUTS, Ports};
use crate::tables::{Bad, Columns, Problem, blocks, rows_at_once};
use arrow_array::RecordBatch;
use model::Workspace;

/// What is done with a table.
pub struct Plan {
    /// Places of the columns that are read, in order.
    pub projection: Vec<usize>,
    /// What they are for.
    pub columns: Columns,
}

/// Scores a batch, without the rows that are bad: those that are known, and those that are added to them. If bad rows are not to be
/// left out (`skip`), it ends where one is found.
pub fn scored(
    ports: &mut Ports,
    workspace: &mut Workspace,
    plan: &Plan,
    batch: &RecordBatch,
    bad: &mut Bad,
    skip: bool,
) -> Result<RecordBatch, Problem> {
    for (place, rows) in blocks(batch, rows_at_once(INPUTS)) {
        if !skip && bad.range(..place).next().is_some() {
            break;
        }
        let known = bad.range(place..place + rows);
        let mut own: Bad = known.map(|(k, said)| (k - place, said.clone())).collect();
        let block = batch.slice(place, rows);
        ports.rows(&plan.columns, &block, &mut own, workspace, &predict)?;
        bad.extend(own.into_iter().map(|(k, said)| (k + place, said)));
    }
    let outputs = ports.columns()?;
    if !skip && !bad.is_empty() {
        return Ok(RecordBatch::new_empty(plan.columns.schema.clone()));
    }
    plan.columns.result(batch, bad, outputs)
}
