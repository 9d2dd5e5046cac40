//! The values of a batch's columns as the model's inputs take them, and the rows where there are none.

use crate::columns::{Form, Input};
use crate::elements::Element;
use crate::failure::shortened;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, RecordBatch, UInt64Array};
use arrow_cast::display::array_value_to_string;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType};
use arrow_select::take::take;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Rows that the model cannot take, by their place in a batch: the column, and what is wrong.
pub type Bad = BTreeMap<usize, (String, String)>;

/// An input's columns for some rows, in the input's type.
pub struct Reading {
    arrays: Vec<ArrayRef>,
    rows: usize,
    width: usize,
    null: Option<String>,
}

/// How columns are read.
pub struct Manner<'a> {
    /// What stands for nulls.
    pub null: Option<&'a str>,
    /// Whether an empty text is a null.
    pub text: bool,
}

/// Reads an input's columns. Where rows are bad, they are added to `bad`, and the reading is of no use.
pub fn read(
    batch: &RecordBatch,
    input: &Input,
    form: &Form,
    manner: &Manner<'_>,
    bad: &mut Bad,
) -> Result<Reading, ArrowError> {
    let mut arrays = Vec::new();
    match form {
        Form::Columns(places) => {
            for &place in places {
                let mut column = Column::of(batch, place, input, manner, 1, bad);
                arrays.push(column.converted(batch.column(place))?);
            }
        }
        &Form::List(place) => {
            let mut column = Column::of(batch, place, input, manner, input.width, bad);
            let flat = column.flat(batch.column(place))?;
            if flat.len() == batch.num_rows() * input.width {
                arrays.push(column.converted(&flat)?);
            }
        }
    }
    Ok(Reading {
        arrays,
        rows: batch.num_rows(),
        width: input.width,
        null: manner.null.map(str::to_string),
    })
}

/// The values of a reading without bad rows: those that lie there, or copies.
pub fn values<T: Element>(reading: &Reading) -> Cow<'_, [T]> {
    if let [array] = &reading.arrays[..]
        && array.null_count() == 0
        && let Some(values) = T::slice(array)
    {
        return Cow::Borrowed(values);
    }
    let step = reading.arrays.len();
    let mut found = vec![T::default(); reading.rows * reading.width];
    for (k, array) in reading.arrays.iter().enumerate() {
        let out = found.get_mut(k..).unwrap_or_default();
        T::put(array, out, step);
        let null = reading.null.as_deref().and_then(T::parse);
        if let (Some(null), Some(nulls)) = (null, array.nulls()) {
            for (place, valid) in out.iter_mut().step_by(step).zip(nulls.iter()) {
                if !valid {
                    *place = null.clone();
                }
            }
        }
    }
    Cow::Owned(found)
}

struct Column<'a> {
    name: String,
    input: &'a Input,
    manner: &'a Manner<'a>,
    /// Values of a row.
    width: usize,
    bad: &'a mut Bad,
}

impl<'a> Column<'a> {
    fn of(
        batch: &RecordBatch,
        place: usize,
        input: &'a Input,
        manner: &'a Manner<'a>,
        width: usize,
        bad: &'a mut Bad,
    ) -> Self {
        Self {
            name: batch.schema().field(place).name().clone(),
            input,
            manner,
            width,
            bad,
        }
    }

    fn mark(&mut self, row: usize, what: impl FnOnce() -> String) {
        let name = &self.name;
        self.bad
            .entry(row)
            .or_insert_with(|| (name.clone(), what()));
    }

    /// The values in the input's type; those that are not of it, and nulls that nothing stands for, make bad rows.
    fn converted(&mut self, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        let to = &self.input.arrow;
        let found = if array.data_type() == to {
            array.clone()
        } else {
            cast_with_options(array, to, &CastOptions::default())?
        };
        if found.null_count() == 0 {
            return Ok(found);
        }
        for k in (0..found.len()).filter(|&k| found.is_null(k)) {
            let row = k / self.width;
            let is_null = array.is_null(k)
                || (self.manner.text
                    && array
                        .as_string_opt::<i32>()
                        .is_some_and(|a| a.value(k).is_empty()));
            if !is_null {
                let value = array_value_to_string(array, k).unwrap_or_default();
                self.mark(row, || format!("`{}` is no {to}", shortened(&value)));
            } else if self.manner.null.is_none() {
                self.mark(row, || "null".to_string());
            }
        }
        Ok(found)
    }

    /// The items of lists, side by side; lists of other lengths make bad rows.
    fn flat(&mut self, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        match array.data_type() {
            DataType::FixedSizeList(..) => {
                let lists = array.as_fixed_size_list();
                let first = if lists.is_empty() {
                    0
                } else {
                    lists.value_offset_at(0)
                };
                if lists.null_count() == 0 {
                    return Ok(lists.values().slice(first, lists.len() * self.width));
                }
                let start = |k: usize| (!lists.is_null(k)).then(|| lists.value_offset_at(k));
                self.scattered(lists.values(), lists.len(), start)
            }
            DataType::LargeList(_) => self.listed::<i64>(array),
            _ => self.listed::<i32>(array),
        }
    }

    fn listed<O: OffsetSizeTrait>(&mut self, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        let lists = array.as_list::<O>();
        let width = self.width;
        let offsets = lists.value_offsets();
        let mut other = false;
        for (row, pair) in offsets.windows(2).enumerate() {
            let length = pair[1].as_usize() - pair[0].as_usize();
            if length != width && !lists.is_null(row) {
                self.mark(row, || format!("{length} values, the model needs {width}"));
                other = true;
            }
        }
        if other {
            return Ok(lists.values().slice(0, 0));
        }
        if lists.null_count() == 0 {
            let first = offsets[0].as_usize();
            return Ok(lists.values().slice(first, lists.len() * width));
        }
        let start = |k: usize| (!lists.is_null(k)).then(|| offsets[k].as_usize());
        self.scattered(lists.values(), lists.len(), start)
    }

    /// The items of lists of which some are null: all of those items are.
    fn scattered(
        &mut self,
        values: &ArrayRef,
        rows: usize,
        start: impl Fn(usize) -> Option<usize>,
    ) -> Result<ArrayRef, ArrowError> {
        let width = self.width;
        let places = (0..rows * width).map(|k| Some((start(k / width)? + k % width) as u64));
        take(values, &UInt64Array::from_iter(places), None)
    }
}
