//! A model's outputs as columns.

use super::{Element, Problem, column_type, joined, row_shape};
use arrow_array::{Array, ArrayRef, FixedSizeListArray, ListArray, new_empty_array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, DataType};
use model::tf_layers::signature::Tensor;
use std::sync::Arc;

/// Collects an output, block by block.
pub struct Gather<T> {
    tensor: &'static Tensor,
    of: DataType,
    elements: Vec<T>,
    /// The shape of the rows in `elements`.
    row: Vec<usize>,
    rows: usize,
    done: Vec<ArrayRef>,
}

impl<T: Element> Gather<T> {
    /// For this output.
    pub fn new(tensor: &'static Tensor) -> Self {
        Self {
            tensor,
            of: column_type(tensor),
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
        let field = self.tensor.field;
        let row = shape.get(1..).unwrap_or_default();
        let fits = row_shape(self.tensor)
            .iter()
            .zip(row)
            .all(|(want, have)| want.is_none_or(|n| n == *have));
        if shape.first() != Some(&rows) || !fits {
            return Err(Problem::value(format!(
                "output `{field}` is {shape:?} for {rows} rows: it is no column of a table"
            )));
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
            let array =
                nested(elements, &self.of, self.rows, &self.row).map_err(|e| self.too_large(&e))?;
            self.done.push(array);
            self.rows = 0;
        }
        Ok(())
    }

    /// The column so far.
    ///
    /// # Errors
    /// If it has more elements than a column can.
    pub fn column(&mut self) -> Result<ArrayRef, Problem> {
        self.flush()?;
        let mut done = std::mem::take(&mut self.done);
        match done.len() {
            0 => Ok(new_empty_array(&self.of)),
            1 => Ok(done.remove(0)),
            _ => {
                let parts = done.iter().map(|a| (a, vec![(0, a.len())]));
                joined(parts).map_err(|e| self.too_large(&e))
            }
        }
    }

    fn too_large(&self, error: &ArrowError) -> Problem {
        Problem::value(format!("output `{}`: {error}", self.tensor.field))
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
