//! The elements of columns as a model reads them.

use super::column::Column;
use super::columns::{Feed, quoted};
use super::elements::copied;
use super::{Element, Problem, joined, row_shape};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, OffsetSizeTrait};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use std::sync::Arc;

/// The rows of an input.
pub struct Rows<'a> {
    feed: &'a Feed,
    parts: Vec<Part>,
    shape: Vec<usize>,
    /// The number of the first one in the table.
    first: usize,
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
        Ok(Self {
            feed,
            parts,
            shape,
            first,
        })
    }

    /// The shape, rows first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements in row-major order: where they lie, if that can be, else in `room`.
    ///
    /// # Errors
    /// If there is a number that the model's type cannot hold.
    pub fn elements<'s, T: Element>(&'s self, room: &'s mut Vec<T>) -> Result<&'s [T], Problem> {
        if let [part] = &self.parts[..]
            && part.missing.is_none()
            && let Some(lie) = T::lie(&part.elements)
        {
            return Ok(lie);
        }
        let rows = self.shape[0];
        let width = self.shape[1..].iter().product::<usize>();
        room.clear();
        if let ([part], [column]) = (&self.parts[..], &self.feed.columns[..]) {
            let fill = column.element(rows * width)?;
            let Some(missing) = &part.missing else {
                room.resize(rows * width, fill);
                self.copied(part, column, room)?;
                return Ok(room);
            };
            let mut present = vec![fill.clone(); part.elements.len()];
            self.copied(part, column, &mut present)?;
            let mut from = present.into_iter();
            for row in 0..rows {
                let run = if missing.is_valid(row) { width } else { 0 };
                room.extend(from.by_ref().take(run));
                room.resize((row + 1) * width, fill.clone());
            }
            return Ok(room);
        }
        room.resize(rows * width, T::default());
        let mut one = Vec::new();
        for (k, (part, column)) in self.parts.iter().zip(&self.feed.columns).enumerate() {
            let places = room.iter_mut().skip(k).step_by(width);
            if let Some(lie) = T::lie(&part.elements) {
                places.zip(lie).for_each(|(to, from)| to.clone_from(from));
                continue;
            }
            one.clear();
            one.resize(rows, column.element::<T>(rows)?);
            self.copied(part, column, &mut one)?;
            places.zip(one.drain(..)).for_each(|(to, from)| *to = from);
        }
        Ok(room)
    }

    fn copied<T: Element>(
        &self,
        part: &Part,
        column: &Column,
        to: &mut [T],
    ) -> Result<(), Problem> {
        copied(&part.elements, to).map_err(|k| {
            let width = if self.parts.len() > 1 {
                1
            } else {
                self.shape[1..].iter().product()
            };
            let row = row_of(self.first, part.missing.as_ref(), k / width.max(1));
            let (name, dtype) = (quoted(&column.name), column.dtype);
            Problem::value(format!(
                "column {name}: what row {row} holds is beyond {dtype}"
            ))
        })
    }
}

/// The number in the table of a row, given its place among those that are not missing.
fn row_of(first: usize, missing: Option<&NullBuffer>, k: usize) -> usize {
    first
        + missing
            .and_then(|m| m.inner().set_indices().nth(k))
            .unwrap_or(k)
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
                    elements: self.checked(array, 1, |row| first + row)?,
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
            lists = joined([(array, nulls.valid_slices().collect())])
                .map_err(|e| self.unreadable(&e))?;
        }
        // with rows missing, a place among the lists is no row's number
        let row_of = |k: usize| row_of(first, missing.as_ref(), k);
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
        let elements = self.checked(&lists, sizes.iter().product(), row_of)?;
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

    /// The elements, if none is null that nothing takes the place of. `each` are those of a row, whose number in the table
    /// `row_of` says.
    fn checked(
        &self,
        array: &ArrayRef,
        each: usize,
        row_of: impl Fn(usize) -> usize,
    ) -> Result<ArrayRef, Problem> {
        match array.logical_nulls().filter(|n| n.null_count() > 0) {
            Some(nulls) if self.fill.is_none() => Err(self.null(&nulls, each, row_of)),
            _ => Ok(Arc::clone(array)),
        }
    }

    /// What takes the place of nulls, as an element of the model; anything if there is nothing, or if no element is wanted.
    fn element<T: Element>(&self, wanted: usize) -> Result<T, Problem> {
        let mut one = T::default();
        if let Some(fill) = self.fill.as_ref().filter(|_| wanted > 0) {
            copied(fill, std::slice::from_mut(&mut one)).map_err(|_| self.no_fill())?;
        }
        Ok(one)
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
