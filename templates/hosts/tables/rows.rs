//! The elements of columns as a model reads them, and the rows where there are none.

use super::column::Column;
use super::columns::Feed;
use super::elements::{copied, is_text};
use super::{Bad, Element, Hint, Problem, Said, joined, quoted, row_shape};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, RecordBatch};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
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

impl Feed {
    /// The input's rows in a batch, unless some are bad: null, or lists of the wrong length.
    ///
    /// # Errors
    /// If Arrow cannot copy lists.
    pub fn rows(&self, batch: &RecordBatch, bad: &mut Bad) -> Result<Option<Rows<'_>>, Problem> {
        let row = row_shape(self.tensor);
        let known: Option<usize> = row.iter().copied().product();
        let (mut parts, mut shape) = (Vec::new(), vec![batch.num_rows()]);
        for column in &self.columns {
            let Some((part, sizes)) = column.part(batch.column(column.place), &row, bad)? else {
                continue;
            };
            parts.push(part);
            let flat = sizes.len() != row.len();
            if self.columns.len() == 1 && !flat {
                shape.extend(sizes);
            } else if let [one] = sizes[..] {
                shape.extend(opened(&row, one));
            }
        }
        if shape.len() == 1 {
            shape.extend(opened(&row, known.unwrap_or(self.columns.len())));
        }
        Ok(bad.is_empty().then_some(Rows {
            feed: self,
            parts,
            shape,
        }))
    }
}

impl Rows<'_> {
    /// The shape of so many of them.
    pub fn shape(&self, rows: usize) -> Vec<usize> {
        [&[rows], &self.shape[1..]].concat()
    }

    /// What belongs to some of them, of the elements of all.
    pub fn some<'s, T>(&self, elements: &'s [T], place: usize, rows: usize) -> &'s [T] {
        let width = self.width();
        &elements[place * width..(place + rows) * width]
    }

    fn width(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// The elements in row-major order: where they lie, if that can be, else in `room`. Rows with one that the model's type cannot hold
    /// are bad.
    pub fn elements<'s, T: Element>(&'s self, room: &'s mut Vec<T>, bad: &mut Bad) -> &'s [T] {
        if let [part] = &self.parts[..]
            && part.missing.is_none()
            && let Some(lie) = T::lie(&part.elements)
        {
            return lie;
        }
        let rows = self.shape[0];
        let width = self.width();
        room.clear();
        if let ([part], [column]) = (&self.parts[..], &self.feed.columns[..]) {
            let fill = column.element::<T>();
            let Some(missing) = &part.missing else {
                room.resize(rows * width, fill);
                column.copied(part, width, room, bad);
                return room;
            };
            let mut present = vec![fill.clone(); part.elements.len()];
            column.copied(part, width, &mut present, bad);
            let mut from = present.into_iter();
            for row in 0..rows {
                let run = if missing.is_valid(row) { width } else { 0 };
                room.extend(from.by_ref().take(run));
                room.resize((row + 1) * width, fill.clone());
            }
            return room;
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
            one.resize(rows, column.element::<T>());
            column.copied(part, 1, &mut one, bad);
            places.zip(one.drain(..)).for_each(|(to, from)| *to = from);
        }
        room
    }
}

/// The place of a row, given that among those that are not missing.
fn row_of(missing: Option<&NullBuffer>, k: usize) -> usize {
    missing
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
    /// The elements of a column, and the sizes of a row as its lists have them, unless there are bad rows.
    fn part(
        &self,
        array: &ArrayRef,
        row: &[Option<usize>],
        bad: &mut Bad,
    ) -> Result<Option<(Part, Vec<usize>)>, Problem> {
        let deep = depth(array.data_type());
        let missing = array.logical_nulls().filter(|n| n.null_count() > 0);
        if let Some(nulls) = &missing
            && self.fill.is_none()
        {
            self.mark_nulls(nulls, bad, |k| k, "null");
            return Ok(None);
        }
        if deep == 0 {
            let elements = Arc::clone(array);
            let missing = None;
            return Ok(Some((Part { elements, missing }, Vec::new())));
        }
        let mut lists = Arc::clone(array);
        if let Some(nulls) = &missing {
            let problem = |e| Problem::value(format!("column {}: {e}", quoted(&self.name)));
            lists = joined([(array, nulls.valid_slices().collect())]).map_err(problem)?;
        }
        let row_of = |k: usize| row_of(missing.as_ref(), k);
        let wanted = if deep == row.len() {
            row.to_vec()
        } else {
            vec![row.iter().copied().product()]
        };
        let mut sizes = Vec::new();
        for want in &wanted {
            let inside: usize = sizes.iter().product::<usize>().max(1);
            let row_of = |k: usize| row_of(k / inside);
            if let Some(nulls) = lists.logical_nulls().filter(|n| n.null_count() > 0) {
                self.mark_nulls(&nulls, bad, row_of, "a list is null");
                return Ok(None);
            }
            let Some((values, size)) = self.opened(&lists, *want, bad, row_of) else {
                return Ok(None);
            };
            sizes.push(size);
            lists = values;
        }
        let nulls = lists.logical_nulls().filter(|n| n.null_count() > 0);
        if let Some(nulls) = nulls.filter(|_| self.fill.is_none()) {
            let each: usize = sizes.iter().product::<usize>().max(1);
            self.mark_nulls(&nulls, bad, |k| row_of(k / each), "an element is null");
            return Ok(None);
        }
        let elements = lists;
        Ok(Some((Part { elements, missing }, sizes)))
    }

    /// What lies in lists, and how much in each, unless one has another length; `row_of` says in which row a list is.
    fn opened(
        &self,
        lists: &ArrayRef,
        want: Option<usize>,
        bad: &mut Bad,
        row_of: impl Fn(usize) -> usize,
    ) -> Option<(ArrayRef, usize)> {
        let why = if want.is_some() {
            "the model needs"
        } else {
            "rows before it have"
        };
        let mut wrong = |k: usize, has: usize, needs: usize| {
            self.mark(bad, row_of(k), None, || {
                format!("a list of {has}, {why} {needs}")
            });
        };
        match lists.data_type() {
            DataType::FixedSizeList(_, n) => {
                let size = usize::try_from(*n).unwrap_or(0);
                Some((Arc::clone(lists.as_fixed_size_list().values()), size))
            }
            DataType::LargeList(_) => even::<i64>(lists, want, &mut wrong),
            _ => even::<i32>(lists, want, &mut wrong),
        }
    }

    /// Copies elements, of which each row has so many.
    fn copied<T: Element>(&self, part: &Part, width: usize, to: &mut [T], bad: &mut Bad) {
        let text = match part.elements.data_type() {
            DataType::Dictionary(_, values) => is_text(values),
            of => is_text(of),
        };
        copied(&part.elements, to, &mut |k, what| {
            let row = row_of(part.missing.as_ref(), k / width.max(1));
            // an empty string says of a number that there is none
            if !(text && what.trim().is_empty()) {
                self.mark(bad, row, None, || {
                    format!("{} is no {}", quoted(&what), self.dtype)
                });
            } else if self.fill.is_none() {
                self.mark(bad, row, Some(Hint::Nulls), || "null".to_string());
            }
        });
    }

    /// What takes the place of nulls, as an element of the model; anything if there is nothing.
    fn element<T: Element>(&self) -> T {
        let mut one = T::default();
        if let Some(fill) = &self.fill {
            // the type holds it: `column` has seen to that
            copied(fill, std::slice::from_mut(&mut one), &mut |_, _| {});
        }
        one
    }

    fn mark_nulls(
        &self,
        nulls: &NullBuffer,
        bad: &mut Bad,
        row_of: impl Fn(usize) -> usize,
        what: &str,
    ) {
        for k in (0..nulls.len()).filter(|&k| nulls.is_null(k)) {
            self.mark(bad, row_of(k), Some(Hint::Nulls), || what.to_string());
        }
    }

    /// Says of a row what is wrong with it, if that is the first thing.
    fn mark(&self, bad: &mut Bad, row: usize, hint: Option<Hint>, what: impl FnOnce() -> String) {
        bad.entry(row).or_insert_with(|| Said {
            column: self.name.clone(),
            what: what(),
            hint,
        });
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
    wrong: &mut impl FnMut(usize, usize, usize),
) -> Option<(ArrayRef, usize)> {
    let lists = lists.as_list::<O>();
    let offsets = lists.offsets();
    let needs = want.or_else(|| offsets.lengths().next()).unwrap_or(0);
    let mut all = true;
    for (k, has) in offsets.lengths().enumerate().filter(|(_, n)| *n != needs) {
        wrong(k, has, needs);
        all = false;
    }
    let begin = offsets[0].as_usize();
    all.then(|| (lists.values().slice(begin, needs * lists.len()), needs))
}
