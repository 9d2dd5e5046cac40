//! Columns of tables as a model's inputs, and its outputs as columns.
//!
//! The same for all models: what one takes and gives is in its `INPUTS` and `OUTPUTS`. The first axis of each is the rows.

mod column;
mod columns;
mod elements;
mod outputs;
mod rows;

use arrow_array::{Array, ArrayRef, RecordBatch, make_array};
use arrow_data::transform::MutableArrayData;
use arrow_schema::{ArrowError, DataType, Field};
pub use columns::Columns;
pub use elements::Element;
use model::tf_layers::Error;
use model::tf_layers::signature::{Axis, Dtype, Tensor};
pub use outputs::Gather;
pub use rows::Rows;
use std::collections::HashMap;
use std::sync::Arc;

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
    /// Whether numbers of another type become those of the model.
    pub cast: bool,
    /// Columns that are handed on with the outputs.
    pub keep: Vec<String>,
}

/// What kind of mistake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A column's type.
    Type,
    /// Names of columns, sizes, or what stands in a row.
    Value,
    /// There is not enough memory.
    Memory,
}

/// Why a table cannot be an input.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What kind of mistake it is.
    pub kind: Kind,
    /// What is wrong, one line a problem.
    pub text: String,
}

impl Problem {
    /// A problem with names, sizes or rows.
    pub fn value(text: impl Into<String>) -> Self {
        Self {
            kind: Kind::Value,
            text: text.into(),
        }
    }

    fn of_type(text: impl Into<String>) -> Self {
        Self {
            kind: Kind::Type,
            text: text.into(),
        }
    }

    /// All of them as one: a mistake of types only if each is one.
    fn all(problems: &[Self]) -> Self {
        let lines: Vec<&str> = problems.iter().map(|p| p.text.as_str()).collect();
        Self {
            kind: if problems.iter().all(|p| p.kind == Kind::Type) {
                Kind::Type
            } else {
                Kind::Value
            },
            text: lines.join("\n"),
        }
    }

    /// What the model says of the rows from `first` on.
    pub fn of_model(error: &Error, first: usize, rows: usize) -> Self {
        Self {
            kind: if matches!(error, Error::Memory { .. }) {
                Kind::Memory
            } else {
                Kind::Value
            },
            text: format!("rows {first} to {}: {error}", first + rows - 1),
        }
    }
}

/// Rows that go through the model at once: few enough that its buffers stay in the cache, and that a large table needs no more
/// memory than a small one.
pub fn rows_at_once(inputs: &[Tensor]) -> usize {
    let size = |axis: &Axis| if let Axis::Size(n) = axis { *n } else { 1 };
    let elements: usize = inputs
        .iter()
        .map(|t| t.shape.iter().skip(1).map(size).product::<usize>())
        .sum();
    (ELEMENTS_AT_ONCE / elements.max(1)).clamp(1, MOST_ROWS_AT_ONCE)
}

const ELEMENTS_AT_ONCE: usize = 1 << 16;
const MOST_ROWS_AT_ONCE: usize = 1024;

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
    let mut all = MutableArrayData::new(data.iter().collect(), false, room);
    for (k, parts) in parts.iter().enumerate() {
        for &(from, to) in parts {
            all.try_extend(k, from, to)?;
        }
    }
    Ok(make_array(all.freeze()))
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

/// The type of a column of outputs: elements, or lists of them where a row has more than one.
fn column_type(tensor: &Tensor) -> DataType {
    let sizes = row_shape(tensor);
    let element = arrow_type(tensor.dtype);
    if sizes.iter().all(|n| *n == Some(1)) {
        return element;
    }
    sizes.iter().rev().fold(element, |inner, size| {
        let item = Arc::new(Field::new_list_field(inner, true));
        match size {
            Some(n) => DataType::FixedSizeList(item, i32::try_from(*n).unwrap_or(i32::MAX)),
            None => DataType::List(item),
        }
    })
}
