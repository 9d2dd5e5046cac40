//! A model's outputs as columns.

use super::{Element, Options, Problem, arrow_type, elements_known, joined, row_shape};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, Int64Array, ListArray, StringArray, new_empty_array,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, DataType, Field};
use model::tf_layers::signature::Tensor;
use std::sync::Arc;

/// What the model says that an output's numbers, or its columns, stand for.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "a model has the forms that it has")]
pub enum Names {
    /// Nothing but themselves.
    None,
    /// A number is a place in the list.
    Texts(&'static [&'static str]),
    /// Likewise.
    Numbers(&'static [i64]),
    /// Column k stands for the k-th.
    TextColumns(&'static [&'static str]),
    /// Likewise.
    NumberColumns(&'static [i64]),
}

/// What becomes of an output.
#[derive(Clone)]
pub struct Output {
    tensor: &'static Tensor,
    names: Names,
    /// What its column is called, or what the names of its columns begin with.
    name: String,
    /// Whether each element of a row has a column of its own.
    split: bool,
}

impl Output {
    /// Of a tensor that is `called` so.
    pub(super) fn new(
        tensor: &'static Tensor,
        called: &[&str],
        names: Names,
        options: &Options,
    ) -> Self {
        let name = called.iter().find_map(|&name| options.rename.get(name));
        let fixed = row_shape(tensor).iter().all(Option::is_some);
        let named = matches!(names, Names::TextColumns(_) | Names::NumberColumns(_));
        Self {
            tensor,
            names,
            name: name.map_or(tensor.field, String::as_str).to_string(),
            split: named || options.spread && fixed && elements_known(tensor) != 1,
        }
    }

    /// Its columns.
    pub(super) fn fields(&self) -> Vec<Field> {
        let name = &self.name;
        let one = |end: String| Field::new(format!("{name}_{end}"), self.element(), true);
        match self.names {
            Names::TextColumns(names) => names.iter().map(|n| one(n.to_string())).collect(),
            Names::NumberColumns(names) => names.iter().map(|n| one(n.to_string())).collect(),
            _ if self.split => (0..elements_known(self.tensor))
                .map(|k| one(k.to_string()))
                .collect(),
            _ => vec![Field::new(name, self.column_type(), true)],
        }
    }

    /// The type of what stands in its columns.
    fn element(&self) -> DataType {
        match self.names {
            Names::Texts(_) => DataType::Utf8,
            Names::Numbers(_) => DataType::Int64,
            _ => arrow_type(self.tensor.dtype),
        }
    }

    /// The type of its only column: elements, or lists of them where a row has more than one.
    fn column_type(&self) -> DataType {
        let sizes = row_shape(self.tensor);
        if sizes.iter().all(|n| *n == Some(1)) {
            return self.element();
        }
        sizes.iter().rev().fold(self.element(), |inner, size| {
            let item = Arc::new(Field::new_list_field(inner, true));
            match size {
                Some(n) => DataType::FixedSizeList(item, i32::try_from(*n).unwrap_or(i32::MAX)),
                None => DataType::List(item),
            }
        })
    }

    /// What numbers stand for, if they are places in a list.
    fn named(&self, numbers: ArrayRef) -> Result<ArrayRef, Problem> {
        let place = |k: &i64| usize::try_from(*k).ok();
        let places = numbers.as_primitive_opt::<Int64Type>();
        let places = places.map_or(&[][..], |p| &p.values()[..]).iter();
        let found: Option<ArrayRef> = match self.names {
            Names::Texts(names) => {
                let found = places.map(|k| names.get(place(k)?).copied());
                let found: Option<Vec<&str>> = found.collect();
                found.map(|found| Arc::new(StringArray::from(found)) as ArrayRef)
            }
            Names::Numbers(names) => {
                let found = places.map(|k| names.get(place(k)?).copied());
                let found: Option<Vec<i64>> = found.collect();
                found.map(|found| Arc::new(Int64Array::from(found)) as ArrayRef)
            }
            _ => Some(numbers),
        };
        found.ok_or_else(|| self.problem("has a number that stands for no name"))
    }

    fn problem(&self, what: impl std::fmt::Display) -> Problem {
        Problem::value(format!("output `{}`: {what}", self.tensor.field))
    }
}

/// Collects an output, block by block.
pub struct Gather<T> {
    output: Output,
    elements: Vec<T>,
    /// The shape of the rows in `elements`.
    row: Vec<usize>,
    rows: usize,
    done: Vec<ArrayRef>,
}

impl<T: Element> Gather<T> {
    /// For this output.
    pub fn new(output: &Output) -> Self {
        Self {
            output: output.clone(),
            elements: Vec::new(),
            row: Vec::new(),
            rows: 0,
            done: Vec::new(),
        }
    }

    /// Takes the output of a block that has this many rows, if `shape` begins with them.
    ///
    /// # Errors
    /// If it does not, or has sizes that the model does not name.
    pub fn push(&mut self, data: &[T], shape: &[usize], rows: usize) -> Result<(), Problem> {
        let row = shape.get(1..).unwrap_or_default();
        let fits = row_shape(self.output.tensor)
            .iter()
            .zip(row)
            .all(|(want, have)| want.is_none_or(|n| n == *have));
        if shape.first() != Some(&rows) || !fits {
            let what = format!("is {shape:?} for {rows} rows, which is no column of a table");
            return Err(self.output.problem(what));
        }
        if self.row != row {
            self.flush()?;
            self.row = row.to_vec();
        }
        self.elements.extend_from_slice(data);
        self.rows += rows;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Problem> {
        if self.rows > 0 {
            let elements = T::array(std::mem::take(&mut self.elements));
            let elements = self.output.named(elements)?;
            let of = self.output.column_type();
            let array = nested(elements, &of, self.rows, &self.row);
            self.done.push(array.map_err(|e| self.output.problem(e))?);
            self.rows = 0;
        }
        Ok(())
    }

    /// The columns so far.
    ///
    /// # Errors
    /// If one has more elements than a column can, or a number that stands for no name.
    pub fn columns(&mut self) -> Result<Vec<ArrayRef>, Problem> {
        if self.output.split {
            let elements = std::mem::take(&mut self.elements);
            self.rows = 0;
            let step = self.output.fields().len();
            let column = |k: usize| {
                let own = elements.iter().skip(k).step_by(step.max(1));
                self.output.named(T::array(own.cloned().collect()))
            };
            return (0..step).map(column).collect();
        }
        self.flush()?;
        let mut done = std::mem::take(&mut self.done);
        Ok(vec![match done.len() {
            0 => new_empty_array(&self.output.column_type()),
            1 => done.remove(0),
            _ => {
                let parts = done.iter().map(|a| (a, vec![(0, a.len())]));
                joined(parts).map_err(|e| self.output.problem(e))?
            }
        }])
    }
}

/// Elements as lists of this type, one a row.
fn nested(
    elements: ArrayRef,
    of: &DataType,
    rows: usize,
    row: &[usize],
) -> Result<ArrayRef, ArrowError> {
    let (item, rest) = match of {
        DataType::FixedSizeList(item, _) | DataType::List(item) => (item, row),
        _ => return Ok(elements),
    };
    let Some((&size, rest)) = rest.split_first() else {
        return Ok(elements);
    };
    let values = nested(elements, item.data_type(), rows * size, rest)?;
    Ok(match of {
        DataType::FixedSizeList(_, n) => Arc::new(FixedSizeListArray::try_new(
            Arc::clone(item),
            *n,
            values,
            None,
        )?),
        _ => {
            let lengths = std::iter::repeat_n(size, rows);
            if i32::try_from(rows * size).is_err() {
                return Err(ArrowError::OffsetOverflowError(rows * size));
            }
            Arc::new(ListArray::try_new(
                Arc::clone(item),
                OffsetBuffer::from_lengths(lengths),
                values,
                None,
            )?)
        }
    })
}
