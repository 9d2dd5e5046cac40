//! Which columns are a model's inputs; all that can be said of a table before its rows are read.

use super::bad::without;
use super::column::{Column, column};
use super::outputs::Output;
use super::problems::{Hint, listed, quoted};
use super::{Bad, Names, Options, Problem, Problems, row_shape};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use model::tf_layers::signature::Tensor;
use std::collections::HashSet;
use std::sync::Arc;

/// What the names of columns begin with that pandas hands on as a frame's index.
const INDEX: &str = "__index_level_";

/// The columns of an input.
pub struct Feed {
    pub(super) tensor: &'static Tensor,
    pub(super) columns: Vec<Column>,
}

/// What of a table goes in, and what comes out.
pub struct Columns {
    /// The columns of each input.
    pub feeds: Vec<Feed>,
    /// The places of the columns that are handed on.
    pub keep: Vec<usize>,
    /// What becomes of each output.
    pub outputs: Vec<Output>,
    /// What comes out: the columns that are handed on, and those of the outputs.
    pub schema: SchemaRef,
}

impl Columns {
    /// Holds a table's schema against a model, whose outputs' numbers stand for these names.
    ///
    /// # Errors
    /// With all that does not fit.
    pub fn new(
        inputs: &'static [Tensor],
        outputs: &'static [Tensor],
        names: &[Names],
        schema: &Schema,
        options: &Options,
    ) -> Result<Self, Problems> {
        let (keep, lost) = kept(schema, options);
        let mut problems = unknown(inputs, outputs, schema, options);
        problems.extend(lost);
        let mut feeds = Vec::new();
        for tensor in inputs {
            match feed(tensor, inputs, schema, &keep, options) {
                Ok(feed) => feeds.push(feed),
                Err(found) => problems.extend(found.into_iter().map(|p| p.at(tensor.field))),
            }
        }
        let outputs: Vec<Output> = outputs
            .iter()
            .zip(names)
            .map(|(tensor, names)| Output::new(tensor, &called(tensor, outputs), *names, options))
            .collect();
        let mut fields: Vec<_> = keep
            .iter()
            .map(|&at| Arc::clone(&schema.fields()[at]))
            .collect();
        fields.extend(outputs.iter().flat_map(Output::fields).map(Arc::new));
        let mut seen = HashSet::new();
        let twice = fields.iter().filter(|f| !seen.insert(f.name()));
        problems.extend(twice.map(|f| {
            let text = format!("two columns of the result are called {}", quoted(f.name()));
            Problem::value(text).hinted(Hint::Rename)
        }));
        if problems.is_empty() {
            Ok(Self {
                feeds,
                keep,
                outputs,
                schema: Arc::new(Schema::new(fields)),
            })
        } else {
            Err(Problems(problems))
        }
    }

    /// The places of the columns that are needed, in order; from now on batches have no others.
    pub fn narrowed(&mut self) -> Vec<usize> {
        let columns = self.feeds.iter_mut().flat_map(|f| &mut f.columns);
        let mut own: Vec<&mut usize> = columns.map(|c| &mut c.place).collect();
        own.extend(&mut self.keep);
        let mut places: Vec<usize> = own.iter().map(|place| **place).collect();
        places.sort_unstable();
        places.dedup();
        for place in own {
            *place = places.partition_point(|p| p < place);
        }
        places
    }

    /// The outputs of the rows of a batch that are not bad, beside what of these is handed on.
    ///
    /// # Errors
    /// If there are not as many.
    pub fn result(
        &self,
        batch: &RecordBatch,
        bad: &Bad,
        outputs: Vec<ArrayRef>,
    ) -> Result<RecordBatch, Problem> {
        let rows = without(batch, bad)?;
        let kept = self.keep.iter().map(|&at| Arc::clone(rows.column(at)));
        RecordBatch::try_new(Arc::clone(&self.schema), kept.chain(outputs).collect())
            .map_err(Problem::value)
    }
}

/// The places of the columns that are handed on, and what is wrong with their names.
fn kept(schema: &Schema, options: &Options) -> (Vec<usize>, Vec<Problem>) {
    let (mut keep, mut problems) = (Vec::new(), Vec::new());
    for name in &options.keep {
        match place(schema, name) {
            Ok(at) => keep.push(at),
            Err(_) if name == "*" => keep.extend(0..schema.fields().len()),
            Err(text) => problems.push(Problem::value(format!("keep: {text}"))),
        }
    }
    let mut seen = HashSet::new();
    keep.retain(|&at| seen.insert(at));
    (keep, problems)
}

/// What the options speak of and nobody has.
fn unknown(
    inputs: &[Tensor],
    outputs: &[Tensor],
    schema: &Schema,
    options: &Options,
) -> Vec<Problem> {
    let mut problems = strangers("input", sorted(options.columns.keys()), inputs);
    problems.extend(strangers("output", sorted(options.rename.keys()), outputs));
    for name in sorted(options.fills.keys()) {
        if let Err(text) = place(schema, &name) {
            problems.push(Problem::value(format!("nulls: {text}")));
        }
    }
    problems
}

fn sorted<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut names: Vec<String> = names.cloned().collect();
    names.sort();
    names
}

/// Names that none of the model's tensors has.
fn strangers(what: &str, names: Vec<String>, tensors: &[Tensor]) -> Vec<Problem> {
    let known = |name: &String| tensors.iter().any(|t| t.field == name || t.name == name);
    let has = listed(tensors.iter().map(|t| t.field));
    let unknown = names.into_iter().filter(|name| !known(name));
    unknown
        .map(|name| {
            let name = quoted(&name);
            Problem::value(format!("the model has no {what} {name}; it has {has}"))
        })
        .collect()
}

/// What a tensor is called: by its field, unless that is another's name in the model file, and by its own name there.
fn called(tensor: &'static Tensor, all: &[Tensor]) -> Vec<&'static str> {
    let taken = |field: &str| {
        all.iter()
            .any(|t| t.name == field && t.field != tensor.field)
    };
    let field = Some(tensor.field).filter(|field| !taken(field));
    field.into_iter().chain([tensor.name]).collect()
}

/// The names of an input's columns: those that are given; one of its own name; its name with the numbers from 0 on; or all columns
/// that are not handed on, if there is no other input and they are as many as its elements.
fn named(
    tensor: &'static Tensor,
    inputs: &[Tensor],
    schema: &Schema,
    keep: &[usize],
    options: &Options,
) -> Result<Vec<String>, Problem> {
    let elements: Option<usize> = row_shape(tensor).into_iter().product();
    let own = called(tensor, inputs);
    let mut own = own.iter();
    if let Some(names) = own.clone().find_map(|&name| options.columns.get(name)) {
        return Ok(names.clone());
    }
    let has = |name: &str| schema.column_with_name(name).is_some();
    if let Some(name) = own.clone().find(|name| has(name)) {
        return Ok(vec![name.to_string()]);
    }
    if let (Some(name), Some(n)) = (own.find(|name| has(&format!("{name}_0"))), elements) {
        return Ok((0..n).map(|k| format!("{name}_{k}")).collect());
    }
    let all = options.keep.iter().any(|name| name == "*");
    let others: Vec<&String> = schema
        .fields()
        .iter()
        .enumerate()
        .filter(|(k, f)| (all || !keep.contains(k)) && !f.name().starts_with(INDEX))
        .map(|(_, f)| f.name())
        .collect();
    let names = schema.fields().iter().map(|f| f.name().as_str());
    let (own, there) = (quoted(called(tensor, inputs)[0]), listed(names));
    match elements.filter(|_| inputs.len() == 1) {
        Some(n) if n == others.len() => Ok(others.into_iter().cloned().collect()),
        Some(n) => Err(format!(
            "there is no column {own}, and {} columns that are not kept are not {n}; there are {there}",
            others.len()
        )),
        None => Err(format!("there is no column {own}; there are {there}")),
    }
    .map_err(|text| Problem::value(text).hinted(Hint::Columns(called(tensor, inputs)[0])))
}

fn feed(
    tensor: &'static Tensor,
    inputs: &[Tensor],
    schema: &Schema,
    keep: &[usize],
    options: &Options,
) -> Result<Feed, Vec<Problem>> {
    let names = named(tensor, inputs, schema, keep, options).map_err(|p| vec![p])?;
    let shape = row_shape(tensor);
    let elements: Option<usize> = shape.iter().copied().product();
    if names.len() != 1 && elements.is_some_and(|n| n != names.len()) || names.is_empty() {
        let wanted = elements.map_or("at least one".to_string(), |n| {
            format!("{n}, or one with lists of {n}")
        });
        return Err(vec![Problem::value(format!(
            "{} columns are given for it, it needs {wanted}",
            names.len()
        ))]);
    }
    let (mut columns, mut problems) = (Vec::new(), Vec::new());
    for name in &names {
        match column(tensor, schema, options, name, names.len() == 1, &shape) {
            Ok(column) => columns.push(column),
            // what takes the place of nulls is no fault of each column
            Err(problem) if problems.iter().any(|p: &Problem| p.text == problem.text) => {}
            Err(problem) => problems.push(problem),
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
