//! Tables between Python and the model: what has `__arrow_c_stream__`, `__arrow_c_array__` or `__dataframe__` goes in, what has the
//! first two comes out.

use crate::tables::{Hint, Kind, Options, Problem, Problems, joined};
use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::{
    Array, ArrayReader, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch,
    RecordBatchIterator, RecordBatchOptions, RecordBatchReader, StringArray, StructArray,
    UInt64Array, make_array,
};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};
use std::collections::HashMap;
use std::ffi::CStr;
use std::ptr::NonNull;
use std::sync::Arc;

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";
const STREAM: &CStr = c"arrow_array_stream";

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
        let schema = FFI_ArrowSchema::try_from(self.schema.as_ref()).map_err(|e| unsaid(&e))?;
        PyCapsule::new_with_value(py, schema, SCHEMA)
    }

    /// The batches. Another schema may be asked for, and need not be given.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema);
        let batches = self.batches.clone().into_iter().map(Ok);
        let reader = RecordBatchIterator::new(batches, Arc::clone(&self.schema));
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), STREAM)
    }

    /// All batches as one.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        drop(requested_schema);
        let one = match &self.batches[..] {
            [one] => one.clone(),
            [] => RecordBatch::new_empty(Arc::clone(&self.schema)),
            all => {
                let column =
                    |k: usize| joined(all.iter().map(|b| (b.column(k), vec![(0, b.num_rows())])));
                let columns: Result<_, _> = (0..self.schema.fields().len()).map(column).collect();
                RecordBatch::try_new(Arc::clone(&self.schema), columns.map_err(|e| unsaid(&e))?)
                    .map_err(|e| unsaid(&e))?
            }
        };
        let array = FFI_ArrowArray::new(&StructArray::from(one).to_data());
        Ok((
            self.__arrow_c_schema__(py)?,
            PyCapsule::new_with_value(py, array, ARRAY)?,
        ))
    }
}

fn unsaid(error: &ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// What a capsule of this name points to.
fn pointer<T>(capsule: &Bound<'_, PyAny>, name: &CStr) -> PyResult<NonNull<T>> {
    Ok(capsule
        .cast::<PyCapsule>()?
        .pointer_checked(Some(name))?
        .cast())
}

/// The schema of rows. Raises TypeError if the type is no struct.
fn schema(of: &DataType) -> PyResult<SchemaRef> {
    match of {
        DataType::Struct(fields) => Ok(Arc::new(Schema::new(fields.clone()))),
        other => Err(PyTypeError::new_err(format!(
            "this is no table: its rows are {other}"
        ))),
    }
}

/// Rows as a batch.
fn batch(rows: &ArrayRef, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let rows = rows.as_struct();
    if let Some(k) = rows
        .nulls()
        .and_then(|nulls| (0..nulls.len()).find(|&k| nulls.is_null(k)))
    {
        return Err(ArrowError::InvalidArgumentError(format!(
            "row {k} of a batch is null as a whole"
        )));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), rows.columns().to_vec(), &options)
}

/// The batches of what Python gives.
pub fn reader(table: &Bound<'_, PyAny>) -> PyResult<Reader> {
    let no_table = |e: ArrowError| PyTypeError::new_err(format!("this is no table: {e}"));
    if table.hasattr("__arrow_c_stream__")? {
        let capsule = table.call_method0("__arrow_c_stream__")?;
        let stream = pointer::<FFI_ArrowArrayStream>(&capsule, STREAM)?;
        // SAFETY: a capsule of this name holds a valid stream (Arrow's PyCapsule interface), and lives until this function ends. The
        // stream is moved out of it; what stays there says that it is released, so that the capsule does not free it again.
        let arrays = unsafe { ArrayStreamReader::from_raw(stream.as_ptr()) }.map_err(no_table)?;
        let schema = schema(arrays.field().data_type())?;
        let of = Arc::clone(&schema);
        let batches = arrays.map(move |array| batch(&array?, &of));
        return Ok(Box::new(RecordBatchIterator::new(batches, schema)));
    }
    if table.hasattr("__arrow_c_array__")? {
        let (schema, array): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
            table.call_method0("__arrow_c_array__")?.extract()?;
        let schema = pointer::<FFI_ArrowSchema>(&schema, SCHEMA)?;
        let array = pointer::<FFI_ArrowArray>(&array, ARRAY)?;
        // SAFETY: as above; the schema is read while its capsule lives, the array is moved out, and the schema is the array's.
        let data = unsafe { from_ffi(FFI_ArrowArray::from_raw(array.as_ptr()), schema.as_ref()) };
        let array = make_array(data.map_err(no_table)?);
        let schema = self::schema(array.data_type())?;
        return Ok(Box::new(RecordBatchIterator::new(
            [batch(&array, &schema)],
            schema,
        )));
    }
    let is = table.get_type().name()?;
    if table.hasattr("__dataframe__")? {
        // an older protocol, of buffers by their addresses: pyarrow reads it
        let pyarrow = table.py().import("pyarrow.interchange").map_err(|_| {
            PyTypeError::new_err(format!(
                "a {is} has __dataframe__ alone, which pyarrow reads: install pyarrow"
            ))
        })?;
        return reader(&pyarrow.call_method1("from_dataframe", (table,))?);
    }
    Err(PyTypeError::new_err(format!(
        "a {is} is no table: it has none of __arrow_c_stream__, __arrow_c_array__ and __dataframe__"
    )))
}

/// Which columns inputs have, and what takes the place of nulls.
pub fn options(columns: Option<Names>, nulls: Option<&Bound<'_, PyAny>>) -> PyResult<Options> {
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
    // numpy's bools, too
    if let Ok(yes) = value.extract::<bool>() {
        return Ok(Arc::new(BooleanArray::from(vec![yes])));
    }
    if let Ok(text) = value.extract::<String>() {
        return Ok(Arc::new(StringArray::from(vec![text])));
    }
    if let Ok(int) = value.extract::<i64>() {
        return Ok(Arc::new(Int64Array::from(vec![int])));
    }
    if let Ok(large) = value.extract::<u64>() {
        return Ok(Arc::new(UInt64Array::from(vec![large])));
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

/// Problems as Python says them: a TypeError only if each is a mistake of types.
pub fn refused(Problems(problems): Problems) -> PyErr {
    let lines: Vec<String> = problems.iter().map(line).collect();
    let text = lines.join("\n");
    let all = |kind: Kind| problems.iter().all(|p| p.kind == kind);
    if all(Kind::Type) {
        PyTypeError::new_err(text)
    } else if all(Kind::Memory) {
        PyMemoryError::new_err(text)
    } else {
        PyValueError::new_err(text)
    }
}

/// What is wrong, and which argument helps.
fn line(problem: &Problem) -> String {
    let text = &problem.text;
    match problem.hint {
        None => text.clone(),
        Some(Hint::Cast) => format!("{text} (cast=True converts it)"),
        Some(Hint::Columns(input)) => {
            format!("{text} (say which with columns={{\"{input}\": [...]}})")
        }
        Some(Hint::Nulls) => format!("{text} (nulls=0 takes the place of nulls)"),
        Some(Hint::Rename) => {
            format!("{text} (rename={{\"output\": \"column\"}} calls it otherwise)")
        }
    }
}
