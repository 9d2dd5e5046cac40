//! The elements of columns as a model reads them.

use super::column::Column;
use super::columns::{Feed, quoted};
use super::{Element, Problem, row_shape};
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float16Type, Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, OffsetSizeTrait, PrimitiveArray};
use arrow_buffer::NullBuffer;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;
use arrow_select::filter::filter;
use std::sync::Arc;

/// The rows of an input.
pub struct Rows<'a> {
    feed: &'a Feed,
    parts: Vec<Part>,
    shape: Vec<usize>,
}

/// The elements of a column.
struct Part {
    elements: ArrayRef,
    /// Rows that are null as a whole, if there are any: they have no elements.
    missing: Option<NullBuffer>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        feed: &'a Feed,
        arrays: Vec<ArrayRef>,
        rows: usize,
        first: usize,
    ) -> Result<Self, Problem> {
        let row = row_shape(feed.tensor);
        let known: Option<usize> = row.iter().copied().product();
        let (mut parts, mut shape) = (Vec::new(), vec![rows]);
        for (column, array) in feed.columns.iter().zip(arrays) {
            let (part, sizes) = column.part(&array, &row, first)?;
            parts.push(part);
            let flat = sizes.len() != row.len();
            if feed.columns.len() == 1 && !flat {
                shape.extend(sizes);
            } else if let [one] = sizes[..] {
                shape.extend(opened(&row, one));
            }
        }
        if shape.len() == 1 {
            shape.extend(opened(&row, known.unwrap_or(feed.columns.len())));
        }
        Ok(Self { feed, parts, shape })
    }

    /// The shape, rows first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements in row-major order: where they lie, if that can be, else in `room`.
    pub fn elements<'s, T: Element>(&'s self, room: &'s mut Vec<T>) -> &'s [T] {
        if let [part] = &self.parts[..]
            && part.missing.is_none()
            && part.elements.null_count() == 0
            && let Some(lie) = T::lie(&part.elements)
        {
            return lie;
        }
        let (each, width) = (self.parts.len(), self.shape[1..].iter().product::<usize>());
        room.clear();
        room.resize(self.shape[0] * width, T::default());
        for (k, (part, column)) in self.parts.iter().zip(&self.feed.columns).enumerate() {
            let fill = column
                .fill
                .as_ref()
                .map(|f| T::get(f, 0))
                .unwrap_or_default();
            let mut from = 0;
            // of several columns, each is a step of a row
            let run = width / each;
            for (row, to) in room.chunks_mut(width.max(1)).enumerate() {
                if part.missing.as_ref().is_some_and(|m| m.is_null(row)) {
                    to.fill(fill.clone());
                    continue;
                }
                T::copy(&part.elements, from, &mut to[k * run..(k + 1) * run], &fill);
                from += run;
            }
        }
        room
    }
}

/// The sizes of a row whose elements are counted only: at most one is open.
fn opened(row: &[Option<usize>], elements: usize) -> Vec<usize> {
    let others: usize = row.iter().flatten().product();
    row.iter()
        .map(|n| n.unwrap_or(elements.checked_div(others).unwrap_or(0)))
        .collect()
}

impl Column {
    /// The elements of a column, and the sizes of a row as its lists have them.
    fn part(
        &self,
        array: &ArrayRef,
        row: &[Option<usize>],
        first: usize,
    ) -> Result<(Part, Vec<usize>), Problem> {
        let is_list = matches!(
            array.data_type(),
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)
        );
        if !is_list {
            return Ok((
                Part {
                    elements: self.cast(array, 1, |row| first + row)?,
                    missing: None,
                },
                Vec::new(),
            ));
        }
        let missing = array.logical_nulls().filter(|n| n.null_count() > 0);
        let mut lists = Arc::clone(array);
        if let Some(nulls) = &missing {
            if self.fill.is_none() {
                return Err(self.null(nulls, 1, |row| first + row));
            }
            let present = BooleanArray::new(nulls.inner().clone(), None);
            lists = filter(array, &present).map_err(|e| self.unreadable(&e))?;
        }
        // with rows missing, a place among the lists is no row's number
        let row_of = |k: usize| {
            let present = missing.as_ref().map(|m| m.inner().set_indices().nth(k));
            first + present.flatten().unwrap_or(k)
        };
        let deep = depth(array.data_type());
        let all: Option<usize> = row.iter().copied().product();
        let wanted = if deep == row.len() {
            row.to_vec()
        } else {
            vec![all]
        };
        let mut sizes = Vec::new();
        for want in &wanted {
            let inside: usize = sizes.iter().product();
            if !sizes.is_empty() && lists.null_count() > 0 {
                let at = (0..lists.len()).find(|&k| lists.is_null(k)).unwrap_or(0);
                return Err(Problem::value(format!(
                    "column {}: a list in row {} is null",
                    quoted(&self.name),
                    row_of(at / inside.max(1))
                )));
            }
            let (values, size) = self.opened(&lists, *want, |k| row_of(k / inside.max(1)))?;
            sizes.push(size);
            lists = values;
        }
        let elements = self.cast(&lists, sizes.iter().product(), row_of)?;
        Ok((Part { elements, missing }, sizes))
    }

    /// What lies in lists, and how much in each.
    fn opened(
        &self,
        lists: &ArrayRef,
        want: Option<usize>,
        row_of: impl Fn(usize) -> usize,
    ) -> Result<(ArrayRef, usize), Problem> {
        let wrong = |k: usize, has: usize, needs: usize| {
            let why = if want.is_some() {
                "the model needs"
            } else {
                "rows before it have"
            };
            let name = quoted(&self.name);
            Problem::value(format!(
                "column {name}: row {} has a list of {has}, {why} {needs}",
                row_of(k)
            ))
        };
        let (values, size) = match lists.data_type() {
            DataType::FixedSizeList(_, n) => (
                Arc::clone(lists.as_fixed_size_list().values()),
                usize::try_from(*n).unwrap_or(0),
            ),
            DataType::LargeList(_) => even::<i64>(lists, want, wrong)?,
            _ => even::<i32>(lists, want, wrong)?,
        };
        let size = if lists.is_empty() {
            want.unwrap_or(size)
        } else {
            size
        };
        match want {
            Some(n) if n != size => Err(wrong(0, size, n)),
            _ => Ok((values, size)),
        }
    }

    /// The elements as those of the model. `each` are those of a row, whose number in the table `row_of` says.
    fn cast(
        &self,
        array: &ArrayRef,
        each: usize,
        row_of: impl Fn(usize) -> usize,
    ) -> Result<ArrayRef, Problem> {
        let strict = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        let found = if array.data_type() == &self.element {
            Arc::clone(array)
        } else {
            let found = cast_with_options(array, &self.element, &strict).map_err(|e| {
                let fails = |k: &usize| {
                    cast_with_options(&array.slice(*k, 1), &self.element, &strict).is_err()
                };
                match (0..array.len()).find(fails) {
                    Some(k) => self.no_place(row_of(k / each.max(1))),
                    None => self.unreadable(&e),
                }
            })?;
            if let Some(k) = overflow(array, &found) {
                return Err(self.no_place(row_of(k / each.max(1))));
            }
            found
        };
        match found.logical_nulls().filter(|n| n.null_count() > 0) {
            Some(nulls) if self.fill.is_none() => Err(self.null(&nulls, each, row_of)),
            _ => Ok(found),
        }
    }

    fn null(&self, nulls: &NullBuffer, each: usize, row_of: impl Fn(usize) -> usize) -> Problem {
        let at = (0..nulls.len()).find(|&k| nulls.is_null(k)).unwrap_or(0);
        let (row, name) = (row_of(at / each.max(1)), quoted(&self.name));
        let place = if each > 1 {
            format!(", place {}", at % each)
        } else {
            String::new()
        };
        Problem::value(format!(
            "column {name}: row {row}{place} is null; give what takes its place (nulls=0), or leave such rows out"
        ))
    }

    fn no_place(&self, row: usize) -> Problem {
        Problem::value(format!(
            "column {}: what row {row} holds is beyond {}",
            quoted(&self.name),
            self.element
        ))
    }

    fn unreadable(&self, error: &arrow_schema::ArrowError) -> Problem {
        Problem::value(format!("column {}: {error}", quoted(&self.name)))
    }
}

fn depth(of: &DataType) -> usize {
    match of {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            1 + depth(item.data_type())
        }
        _ => 0,
    }
}

/// What lies in lists that are all of one length; `wrong` says where one is not.
fn even<O: OffsetSizeTrait>(
    lists: &ArrayRef,
    want: Option<usize>,
    wrong: impl Fn(usize, usize, usize) -> Problem,
) -> Result<(ArrayRef, usize), Problem> {
    let lists = lists.as_list::<O>();
    let offsets = lists.offsets();
    let needs = want.or_else(|| offsets.lengths().next()).unwrap_or(0);
    if let Some((k, has)) = offsets.lengths().enumerate().find(|(_, n)| *n != needs) {
        return Err(wrong(k, has, needs));
    }
    let begin = offsets[0].as_usize();
    Ok((lists.values().slice(begin, needs * lists.len()), needs))
}

/// The place of a number that became infinite.
fn overflow(from: &ArrayRef, to: &ArrayRef) -> Option<usize> {
    if !from.data_type().is_numeric()
        || !to.data_type().is_floating()
        || to.data_type() == &DataType::Float64
    {
        return None;
    }
    let wide =
        |a: &ArrayRef| cast_with_options(a, &DataType::Float64, &CastOptions::default()).ok();
    let infinite: Vec<usize> = match to.data_type() {
        DataType::Float32 => places(to.as_primitive::<Float32Type>(), |v| v.is_infinite()),
        _ => places(to.as_primitive::<Float16Type>(), |v| v.is_infinite()),
    };
    if infinite.is_empty() {
        return None;
    }
    let from = wide(from)?;
    infinite
        .into_iter()
        .find(|&k| from.as_primitive::<Float64Type>().value(k).is_finite())
}

fn places<A: ArrowPrimitiveType>(
    array: &PrimitiveArray<A>,
    is: impl Fn(A::Native) -> bool,
) -> Vec<usize> {
    (0..array.len())
        .filter(|&k| array.is_valid(k) && is(array.value(k)))
        .collect()
}
