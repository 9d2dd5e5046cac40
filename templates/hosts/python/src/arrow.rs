//! Tables between Python and the model: what has `__arrow_c_stream__` or `__arrow_c_array__` goes in, what has both comes out.

use crate::tables::{Kind, Options, Problem};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchReader, StringArray,
    StructArray,
};
use arrow_schema::{Field, FieldRef, SchemaRef};
use arrow_select::concat::concat_batches;
use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyCapsule, PyDict, PyTuple};
use pyo3_arrow::ffi::{
    ArrayIterator, to_array_pycapsules, to_schema_pycapsule, to_stream_pycapsule,
};
use pyo3_arrow::input::AnyRecordBatch;
use std::collections::HashMap;
use std::sync::Arc;

/// The batches of a table.
pub type Reader = Box<dyn RecordBatchReader + Send>;
/// The columns of each input.
pub type Names = HashMap<String, OneOrMore>;

/// The name of a column, or of several.
#[derive(FromPyObject)]
pub enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// What `Model.predict_arrow` returns: batches, as Arrow's C interface gives them.
#[pyclass(frozen, module = "_native")]
pub struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Table {
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }

    fn field(&self) -> FieldRef {
        Arc::new(Field::new_struct("", self.schema.fields().clone(), false))
    }
}

#[pymethods]
impl Table {
    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.schema
            .fields()
            .iter()
            .map(|f| f.name().clone())
            .collect()
    }

    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    fn __repr__(&self) -> String {
        let fields = self.schema.fields().iter();
        let columns: Vec<String> = fields
            .map(|f| format!("{}: {}", f.name(), f.data_type()))
            .collect();
        format!("<Table of {} rows: {}>", self.__len__(), columns.join(", "))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, self.schema.as_ref())?)
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let batches = self.batches.clone().into_iter();
        let arrays = batches.map(|batch| Ok(Arc::new(StructArray::from(batch)) as ArrayRef));
        Ok(to_stream_pycapsule(
            py,
            Box::new(ArrayIterator::new(arrays, self.field())),
            requested_schema,
        )?)
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let one = match &self.batches[..] {
            [one] => one.clone(),
            all => concat_batches(&self.schema, all)
                .map_err(|e| PyValueError::new_err(e.to_string()))?,
        };
        Ok(to_array_pycapsules(
            py,
            self.field(),
            &StructArray::from(one),
            requested_schema,
        )?)
    }
}

/// The batches of what Python gives.
pub fn reader(table: &Bound<'_, PyAny>) -> PyResult<Reader> {
    if !table.hasattr("__arrow_c_stream__")? && !table.hasattr("__arrow_c_array__")? {
        let is = table.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "a {is} is no table: it has neither __arrow_c_stream__ nor __arrow_c_array__"
        )));
    }
    // an array that is no struct, too, has __arrow_c_array__
    let no_table = |e: PyErr| {
        if e.is_instance_of::<PyValueError>(table.py()) {
            PyTypeError::new_err(format!("this is no table: {}", e.value(table.py())))
        } else {
            e
        }
    };
    table
        .extract::<AnyRecordBatch>()
        .and_then(AnyRecordBatch::into_reader)
        .map_err(no_table)
}

/// The options of a call.
pub fn options(
    columns: Option<Names>,
    nulls: Option<&Bound<'_, PyAny>>,
    cast: bool,
    keep: Option<Vec<String>>,
) -> PyResult<Options> {
    let columns = columns
        .unwrap_or_default()
        .into_iter()
        .map(|(input, names)| {
            let names = match names {
                OneOrMore::One(name) => vec![name],
                OneOrMore::More(names) => names,
            };
            (input, names)
        });
    let mut found = Options {
        columns: columns.collect(),
        cast,
        keep: keep.unwrap_or_default(),
        ..Options::default()
    };
    match nulls.map(|n| (n, n.cast::<PyDict>())) {
        None => {}
        Some((_, Ok(each))) => {
            for (name, value) in each {
                found.fills.insert(name.extract()?, fill(&value)?);
            }
        }
        Some((one, Err(_))) => found.fill = Some(fill(one)?),
    }
    Ok(found)
}

/// What takes the place of nulls, as an array of one element.
fn fill(value: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    if value.is_instance_of::<PyBool>() {
        return Ok(Arc::new(BooleanArray::from(vec![value.extract::<bool>()?])));
    }
    if let Ok(text) = value.extract::<String>() {
        return Ok(Arc::new(StringArray::from(vec![text])));
    }
    if let Ok(int) = value.extract::<i64>() {
        return Ok(Arc::new(Int64Array::from(vec![int])));
    }
    match value.extract::<f64>() {
        Ok(float) => Ok(Arc::new(Float64Array::from(vec![float]))),
        Err(_) => {
            let is = value.get_type().name()?;
            Err(PyTypeError::new_err(format!(
                "nulls: a {is} takes no null's place: give a number, a text, or a dict of them by column"
            )))
        }
    }
}

/// A problem as Python says it.
pub fn refused(problem: Problem) -> PyErr {
    match problem.kind {
        Kind::Type => PyTypeError::new_err(problem.text),
        Kind::Value => PyValueError::new_err(problem.text),
        Kind::Memory => PyMemoryError::new_err(problem.text),
    }
}
