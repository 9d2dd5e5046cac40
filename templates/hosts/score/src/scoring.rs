//! A batch of rows becomes a batch of scores.

use crate::columns::{Form, Names, Output};
use crate::model::{Found, INPUTS, OUTPUTS, Runner, STEP, Values};
use crate::reading::{Bad, Manner, read};
use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, Int64Array, RecordBatch, StringArray,
    UInt64Array, cast::AsArray,
};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, SchemaRef};
use arrow_select::filter::filter_record_batch;
use arrow_select::take::take;
use std::sync::Arc;

/// What is done with a table.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Places of the columns that are read, in order.
    pub projection: Vec<usize>,
    /// Where the inputs' values are among those.
    pub forms: Vec<Form>,
    /// The columns that are passed through, likewise.
    pub keep: Vec<usize>,
    /// What comes out.
    pub schema: SchemaRef,
    pub null: Option<String>,
    /// Whether the table is text.
    pub text: bool,
    /// Whether an output of several values becomes as many columns, not one of lists.
    pub spread: bool,
}

/// The fields that an output becomes, called `name`.
pub fn fields(output: &Output, name: &str, spread: bool) -> Vec<FieldRef> {
    let value = match output.names {
        Names::Texts(_) => DataType::Utf8,
        Names::Numbers(_) => DataType::Int64,
        _ => output.arrow.clone(),
    };
    let one = |name: String| Arc::new(Field::new(name, value.clone(), false));
    match output.names {
        Names::TextColumns(names) => names.iter().map(|n| one(format!("{name}_{n}"))).collect(),
        Names::NumberColumns(names) => names.iter().map(|n| one(format!("{name}_{n}"))).collect(),
        _ if output.width == 1 => vec![one(name.to_string())],
        _ if spread => (0..output.width)
            .map(|k| one(format!("{name}_{k}")))
            .collect(),
        _ => {
            let item = Arc::new(Field::new_list_field(value, false));
            let list = DataType::FixedSizeList(item, output.width as i32);
            vec![Arc::new(Field::new(name, list, false))]
        }
    }
}

/// Scores a batch, without the rows that are bad: those that are known, and those that are added to them.
pub fn scored(
    runner: &mut Runner,
    plan: &Plan,
    batch: RecordBatch,
    bad: &mut Bad,
) -> Result<RecordBatch, ArrowError> {
    let manner = Manner {
        null: plan.null.as_deref(),
        text: plan.text,
    };
    let mut places: Option<Vec<usize>> = None;
    let mut batch = batch;
    let mut found = std::mem::take(bad);
    // without the rows that cannot be read, then without those that the model refuses
    loop {
        if found.is_empty() {
            let mut readings = Vec::with_capacity(INPUTS.len());
            for (input, form) in INPUTS.iter().zip(&plan.forms) {
                readings.push(read(&batch, input, form, &manner, &mut found)?);
            }
            if found.is_empty() {
                match run(runner, batch.num_rows(), &Values::new(&readings)) {
                    Ok(outputs) => return finished(plan, &batch, outputs),
                    Err(refused) => found = refused,
                }
            }
        }
        let good: BooleanArray = (0..batch.num_rows())
            .map(|k| Some(!found.contains_key(&k)))
            .collect();
        let left = (0..batch.num_rows()).filter(|k| !found.contains_key(k));
        let at = |k: usize| places.as_ref().map_or(k, |p| p[k]);
        let left: Vec<usize> = left.map(at).collect();
        let refused = std::mem::take(&mut found);
        bad.extend(refused.into_iter().map(|(k, said)| (at(k), said)));
        batch = filter_record_batch(&batch, &good)?;
        places = Some(left);
    }
}

/// What the model says of all rows, or of which it says nothing and why.
fn run(runner: &mut Runner, rows: usize, values: &Values<'_>) -> Result<Vec<ArrayRef>, Bad> {
    let mut found = Found::default();
    let step = STEP.unwrap_or(rows).max(1);
    let ranges = (0..rows).step_by(step).map(|k| k..rows.min(k + step));
    let mut refused = None;
    for range in ranges {
        if let Err(error) = runner.run(range, values, &mut found) {
            refused = Some(error);
            break;
        }
    }
    let Some(error) = refused else {
        return Ok(found.arrays());
    };
    let each = (0..rows).filter_map(|k| {
        let said = runner.run(k..k + 1, values, &mut Found::default());
        said.err().map(|e| (k, (String::new(), e)))
    });
    let bad: Bad = each.collect();
    if bad.is_empty() {
        // none alone: all of them together
        return Err((0..rows)
            .map(|k| (k, (String::new(), error.clone())))
            .collect());
    }
    Err(bad)
}

fn finished(
    plan: &Plan,
    batch: &RecordBatch,
    outputs: Vec<ArrayRef>,
) -> Result<RecordBatch, ArrowError> {
    let mut columns: Vec<ArrayRef> = plan.keep.iter().map(|&k| batch.column(k).clone()).collect();
    for (output, values) in OUTPUTS.iter().zip(outputs) {
        columns.extend(output_columns(output, values, plan.spread)?);
    }
    RecordBatch::try_new_with_options(
        plan.schema.clone(),
        columns,
        &arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows())),
    )
}

fn output_columns(
    output: &Output,
    values: ArrayRef,
    spread: bool,
) -> Result<Vec<ArrayRef>, ArrowError> {
    let values = named(output, values)?;
    let by_column = matches!(
        output.names,
        Names::TextColumns(_) | Names::NumberColumns(_)
    );
    if output.width == 1 {
        return Ok(vec![values]);
    }
    if by_column || spread {
        let rows = values.len() / output.width;
        let column = |j: usize| {
            let places = (0..rows).map(|k| (k * output.width + j) as u64);
            take(&values, &UInt64Array::from_iter_values(places), None)
        };
        return (0..output.width).map(column).collect();
    }
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), false));
    let list = FixedSizeListArray::try_new(item, output.width as i32, values, None)?;
    Ok(vec![Arc::new(list)])
}

/// What numbers stand for, if they are places in a list.
fn named(output: &Output, values: ArrayRef) -> Result<ArrayRef, ArrowError> {
    let outside = || {
        ArrowError::ComputeError(format!(
            "output {}: a number that stands for no name",
            output.name
        ))
    };
    match output.names {
        Names::Texts(names) => {
            let places = values.as_primitive::<Int64Type>().values().iter();
            let texts = places.map(|&k| usize::try_from(k).ok().and_then(|k| names.get(k)));
            let texts: Option<Vec<&str>> = texts.map(|t| t.copied()).collect();
            Ok(Arc::new(StringArray::from(texts.ok_or_else(outside)?)))
        }
        Names::Numbers(names) => {
            let places = values.as_primitive::<Int64Type>().values().iter();
            let numbers = places.map(|&k| usize::try_from(k).ok().and_then(|k| names.get(k)));
            let numbers: Option<Vec<i64>> = numbers.map(|n| n.copied()).collect();
            Ok(Arc::new(Int64Array::from(numbers.ok_or_else(outside)?)))
        }
        _ => Ok(values),
    }
}
