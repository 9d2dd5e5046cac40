//! Columns of tables as a model's inputs, and its outputs as columns.
//!
//! The same for all models: what one takes and gives is in its `INPUTS` and `OUTPUTS`. The first axis of each is the rows.

mod bad;
mod column;
mod columns;
mod elements;
mod outputs;
mod problems;
mod rows;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, make_array};
use arrow_data::transform::MutableArrayData;
use arrow_schema::{ArrowError, DataType};
pub use bad::{Bad, Fault, Said, in_turns, leaving_out};
pub use columns::Columns;
use elements::Element;
use model::tf_layers::signature::{Axis, Dtype, Tensor};
pub use outputs::{Gather, Names};
pub use problems::{Hint, Kind, Problem, Problems, quoted};
use std::collections::HashMap;

/// What is to be known of a table besides the table.
#[derive(Default)]
pub struct Options {
    /// The columns of an input, by the name of its field or that in the model file; an input that is not here has the column of
    /// its own name.
    pub columns: HashMap<String, Vec<String>>,
    /// What takes the place of nulls, by column: an array of one element.
    pub fills: HashMap<String, ArrayRef>,
    /// What takes the place of nulls in all other columns.
    pub fill: Option<ArrayRef>,
    /// Whether numbers of another type become those of the model, though they may be rounded or not fit.
    pub cast: bool,
    /// Whether the table is text, and strings are read as what the model takes.
    pub text: bool,
    /// Columns that are handed on with the outputs; `*` for all.
    pub keep: Vec<String>,
    /// What outputs' columns are called, by the name of the field or that in the model file.
    pub rename: HashMap<String, String>,
    /// Whether an output of several elements a row becomes as many columns, not one of lists.
    pub spread: bool,
}

/// Rows that go through the model at once: few enough that its buffers stay in the cache, and that a large table needs no more
/// memory than a small one.
pub fn rows_at_once(inputs: &[Tensor]) -> usize {
    let elements: usize = inputs.iter().map(elements_known).sum();
    (ELEMENTS_AT_ONCE / elements.max(1)).clamp(1, MOST_ROWS_AT_ONCE)
}

const ELEMENTS_AT_ONCE: usize = 1 << 17;
const MOST_ROWS_AT_ONCE: usize = 1024;

/// The elements of a row, where sizes that the model leaves open count as one.
pub fn elements_known(tensor: &Tensor) -> usize {
    row_shape(tensor).into_iter().flatten().product()
}

/// The places and lengths of the parts of a batch that go through the model at once.
pub fn blocks(batch: &RecordBatch, rows: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
    let all = batch.num_rows();
    (0..all)
        .step_by(rows)
        .map(move |place| (place, rows.min(all - place)))
}

/// Arrays of one type as one, of each the parts from a place to another.
pub fn joined<'a>(
    arrays: impl IntoIterator<Item = (&'a ArrayRef, Vec<(usize, usize)>)>,
) -> Result<ArrayRef, ArrowError> {
    let (data, parts): (Vec<_>, Vec<_>) = arrays
        .into_iter()
        .map(|(a, parts)| (a.to_data(), parts))
        .unzip();
    let room = data.iter().map(|d| d.len()).sum();
    let mut all = MutableArrayData::try_new(data.iter().collect(), false, room)?;
    for (k, parts) in parts.iter().enumerate() {
        for &(from, to) in parts {
            all.try_extend(k, from, to)?;
        }
    }
    Ok(make_array(all.freeze()))
}

/// The rows of a batch from places to others.
fn selected(batch: &RecordBatch, parts: &[(usize, usize)]) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter();
    let columns: Result<_, _> = columns.map(|c| joined([(c, parts.to_vec())])).collect();
    let rows = parts.iter().map(|(from, to)| to - from).sum();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(batch.schema(), columns?, &options)
}

/// The sizes of a row: None where the model leaves one open.
fn row_shape(tensor: &Tensor) -> Vec<Option<usize>> {
    let sizes = tensor.shape.iter().skip(1);
    sizes
        .map(|axis| {
            if let Axis::Size(n) = axis {
                Some(*n)
            } else {
                None
            }
        })
        .collect()
}

/// What Arrow calls an element type.
fn arrow_type(dtype: Dtype) -> DataType {
    match dtype {
        Dtype::Bool => DataType::Boolean,
        Dtype::U8 => DataType::UInt8,
        Dtype::U16 => DataType::UInt16,
        Dtype::U32 => DataType::UInt32,
        Dtype::U64 => DataType::UInt64,
        Dtype::I8 => DataType::Int8,
        Dtype::I16 => DataType::Int16,
        Dtype::I32 => DataType::Int32,
        Dtype::I64 => DataType::Int64,
        Dtype::F16 => DataType::Float16,
        Dtype::F32 => DataType::Float32,
        Dtype::F64 => DataType::Float64,
        _ => DataType::Utf8,
    }
}
