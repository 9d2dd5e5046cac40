//! Which columns are a model's inputs; all that can be said of a table before its rows are read.

use super::column::{Column, column};
use super::{Options, Problem, Rows, column_type, row_shape};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema, SchemaRef};
use model::tf_layers::signature::Tensor;
use std::sync::Arc;

/// The columns of an input.
pub struct Feed {
    pub(super) tensor: &'static Tensor,
    pub(super) columns: Vec<Column>,
}

impl Feed {
    /// Its elements in some rows of a batch, which begin at `place`; the batch's first one is row `before` of the table.
    ///
    /// # Errors
    /// If there is a null that nothing takes the place of, a list of the wrong length, or a number that does not fit.
    pub fn rows(
        &self,
        batch: &RecordBatch,
        place: usize,
        rows: usize,
        before: usize,
    ) -> Result<Rows<'_>, Problem> {
        let arrays = self
            .columns
            .iter()
            .map(|c| batch.column(c.place).slice(place, rows))
            .collect();
        Rows::new(self, arrays, rows, before + place)
    }
}

/// What of a table goes in, and what comes out.
pub struct Columns {
    /// The columns of each input.
    pub feeds: Vec<Feed>,
    keep: Vec<usize>,
    /// What comes out: the columns that are handed on, and the outputs.
    pub schema: SchemaRef,
}

impl Columns {
    /// Holds a table's schema against a model.
    ///
    /// # Errors
    /// With all that does not fit.
    pub fn new(
        inputs: &'static [Tensor],
        outputs: &'static [Tensor],
        schema: &Schema,
        options: &Options,
    ) -> Result<Self, Problem> {
        let mut problems = unknown(inputs, schema, options);
        let mut feeds = Vec::new();
        for tensor in inputs {
            match feed(tensor, inputs.len() == 1, schema, options) {
                Ok(feed) => feeds.push(feed),
                Err(found) => problems.extend(found),
            }
        }
        let mut keep = Vec::new();
        let mut fields = Vec::new();
        for name in &options.keep {
            match place(schema, name) {
                Ok(at) => {
                    keep.push(at);
                    fields.push(schema.field(at).clone());
                }
                Err(text) => problems.push(Problem::value(format!("keep: {text}"))),
            }
        }
        for tensor in outputs {
            if fields.iter().any(|f| f.name() == tensor.field) {
                problems.push(Problem::value(format!(
                    "keep: an output is called `{}`, too",
                    tensor.field
                )));
            }
            fields.push(Field::new(tensor.field, column_type(tensor), true));
        }
        if problems.is_empty() {
            Ok(Self {
                feeds,
                keep,
                schema: Arc::new(Schema::new(fields)),
            })
        } else {
            Err(Problem::all(&problems))
        }
    }

    /// The outputs of a batch, beside the columns that are handed on.
    ///
    /// # Errors
    /// If the outputs have other lengths than the batch.
    pub fn batch(
        &self,
        batch: &RecordBatch,
        outputs: Vec<ArrayRef>,
    ) -> Result<RecordBatch, Problem> {
        let kept = self.keep.iter().map(|&at| Arc::clone(batch.column(at)));
        RecordBatch::try_new(Arc::clone(&self.schema), kept.chain(outputs).collect())
            .map_err(|e| Problem::value(e.to_string()))
    }
}

/// What the options speak of and nobody has.
fn unknown(inputs: &[Tensor], schema: &Schema, options: &Options) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut given: Vec<&String> = options.columns.keys().collect();
    given.sort();
    for name in given {
        if !inputs.iter().any(|t| t.field == name || t.name == name) {
            let has = listed(inputs.iter().map(|t| t.field));
            problems.push(Problem::value(format!(
                "columns: the model has no input {}; it has {has}",
                quoted(name)
            )));
        }
    }
    let mut filled: Vec<&String> = options.fills.keys().collect();
    filled.sort();
    for name in filled {
        if let Err(text) = place(schema, name) {
            problems.push(Problem::value(format!("nulls: {text}")));
        }
    }
    problems
}

/// The names of an input's columns: those that are given; one of its own name; its name with the numbers from 0 on; or all columns
/// that are not handed on, if there is no other input and they are as many as its elements.
fn named(tensor: &Tensor, alone: bool, schema: &Schema, options: &Options) -> Vec<String> {
    let elements: Option<usize> = row_shape(tensor).into_iter().product();
    let own = [tensor.field, tensor.name];
    if let Some(names) = own.iter().find_map(|&name| options.columns.get(name)) {
        return names.clone();
    }
    let has = |name: &str| schema.column_with_name(name).is_some();
    if let Some(name) = own.into_iter().find(|name| has(name)) {
        return vec![name.to_string()];
    }
    if let (Some(name), Some(n)) = (
        own.into_iter().find(|name| has(&format!("{name}_0"))),
        elements,
    ) {
        return (0..n).map(|k| format!("{name}_{k}")).collect();
    }
    let others: Vec<&String> = schema
        .fields()
        .iter()
        .map(|f| f.name())
        .filter(|&n| !options.keep.contains(n))
        .collect();
    if alone && elements == Some(others.len()) {
        return others.into_iter().cloned().collect();
    }
    vec![tensor.field.to_string()]
}

fn feed(
    tensor: &'static Tensor,
    alone: bool,
    schema: &Schema,
    options: &Options,
) -> Result<Feed, Vec<Problem>> {
    let names = named(tensor, alone, schema, options);
    let shape = row_shape(tensor);
    let elements: Option<usize> = shape.iter().copied().product();
    let at = |text: String| format!("input `{}`: {text}", tensor.field);
    if names.len() != 1 && elements.is_some_and(|n| n != names.len()) || names.is_empty() {
        let wanted = elements.map_or("at least one".to_string(), |n| {
            format!("{n}, or one with lists of {n}")
        });
        return Err(vec![Problem::value(at(format!(
            "{} columns are given for it, it needs {wanted}",
            names.len()
        )))]);
    }
    let (mut columns, mut problems) = (Vec::new(), Vec::new());
    for name in &names {
        match column(tensor, schema, options, name, names.len() == 1, &shape) {
            Ok(column) => columns.push(column),
            Err(problem) => problems.push(Problem {
                text: at(problem.text),
                ..problem
            }),
        }
    }
    if problems.is_empty() {
        Ok(Feed { tensor, columns })
    } else {
        Err(problems)
    }
}

/// Where the column of this name stands.
pub(super) fn place(schema: &Schema, name: &str) -> Result<usize, String> {
    let mut found = schema
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, f)| f.name() == name);
    match (found.next(), found.next()) {
        (Some((at, _)), None) => Ok(at),
        (Some(_), Some(_)) => Err(format!("several columns are called {}", quoted(name))),
        _ => {
            let has = listed(schema.fields().iter().map(|f| f.name().as_str()));
            Err(format!(
                "there is no column {}; there are {has}",
                quoted(name)
            ))
        }
    }
}

/// A name of somebody else in a message.
pub(super) fn quoted(name: &str) -> String {
    let short: String = name.chars().take(60).collect();
    format!(
        "`{}{}`",
        short.escape_debug(),
        if short.len() < name.len() { "…" } else { "" }
    )
}

fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let all = names.len();
    let mut found: Vec<String> = names.take(SHOWN).map(quoted).collect();
    if all > SHOWN {
        found.push(format!("{} more", all - SHOWN));
    }
    if found.is_empty() {
        "none".to_string()
    } else {
        found.join(", ")
    }
}

/// Names that a message shows.
const SHOWN: usize = 12;
