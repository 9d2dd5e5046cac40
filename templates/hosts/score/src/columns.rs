//! Which columns are which inputs, held against a table's schema before a row is read.

use crate::failure::{Problem, shortened};
use arrow_cast::can_cast_types;
use arrow_schema::{DataType, Schema};
use std::collections::BTreeMap;

/// An input of the model.
#[derive(Debug)]
pub struct Input {
    pub name: &'static str,
    /// What Rust calls it.
    pub field: &'static str,
    pub arrow: DataType,
    /// Values of a row.
    pub width: usize,
}

/// An output of the model.
#[derive(Debug)]
pub struct Output {
    /// What Rust calls it, and its column.
    pub name: &'static str,
    /// Its name in the model file.
    pub file: &'static str,
    pub arrow: DataType,
    /// Values of a row.
    pub width: usize,
    pub names: Names,
}

/// What the model says that an output's numbers, or its columns, stand for.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "a model has the forms that it has")]
pub enum Names {
    None,
    /// A number is a place in the list.
    Texts(&'static [&'static str]),
    Numbers(&'static [i64]),
    /// Column k stands for the k-th.
    TextColumns(&'static [&'static str]),
    NumberColumns(&'static [i64]),
}

/// Where an input's values are: places of columns in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// A column for each value of a row.
    Columns(Vec<usize>),
    /// One column of lists.
    List(usize),
}

impl Form {
    pub fn places(&self) -> &[usize] {
        match self {
            Form::Columns(places) => places,
            Form::List(place) => std::slice::from_ref(place),
        }
    }

    /// The same in another list of columns.
    pub fn moved(&self, to: impl Fn(&usize) -> usize) -> Self {
        match self {
            Form::Columns(places) => Form::Columns(places.iter().map(to).collect()),
            Form::List(place) => Form::List(to(place)),
        }
    }
}

/// How columns are found.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    pub mapping: Vec<(String, Vec<String>)>,
    pub keep: Vec<String>,
    pub cast: bool,
    /// Whether the table is text, whose columns become what is asked for.
    pub text: bool,
}

/// The columns of each input, and those that are passed through; or all that is wrong.
pub fn bound(
    inputs: &[Input],
    schema: &Schema,
    wishes: &Wishes,
) -> Result<(Vec<Form>, Vec<usize>), Vec<Problem>> {
    let mut problems = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (k, field) in schema.fields().iter().enumerate() {
        if places.insert(field.name(), k).is_some() {
            let what = format!("column `{}` stands there twice", shortened(field.name()));
            problems.push(Problem::new("", what, "give columns names of their own"));
        }
    }
    let mut keep = Vec::new();
    for name in &wishes.keep {
        match places.get(name.as_str()) {
            Some(&place) if !keep.contains(&place) => keep.push(place),
            Some(_) => {}
            None if name == "*" => keep.extend(
                (0..schema.fields().len())
                    .filter(|k| !keep.contains(k))
                    .collect::<Vec<_>>(),
            ),
            None => problems.push(missing("--keep", name, schema)),
        }
    }
    for (name, _) in &wishes.mapping {
        let known = inputs.iter().filter(|i| i.name == name || i.field == name);
        if known.count() == 0 {
            let names: Vec<_> = inputs.iter().map(|i| shortened(i.name)).collect();
            let what = format!(
                "--column {}: the model's inputs are {}",
                shortened(name),
                names.join(", ")
            );
            problems.push(Problem::new("", what, ""));
        }
    }
    let all = wishes.keep.iter().any(|k| k == "*");
    let mut forms = Vec::new();
    for input in inputs {
        let named = named(input, &places, wishes);
        let found = match named {
            Some(names) => {
                let found: Vec<_> = names
                    .iter()
                    .map(|n| places.get(n.as_str()).copied().ok_or(n))
                    .collect();
                let lost = found.iter().filter_map(|f| f.err());
                problems.extend(lost.map(|n| missing("--column", n, schema)));
                found.into_iter().collect::<Result<Vec<_>, _>>().ok()
            }
            None => {
                let others: Vec<usize> = (0..schema.fields().len())
                    .filter(|k| all || !keep.contains(k))
                    .collect();
                if inputs.len() == 1 && others.len() == input.width {
                    Some(others)
                } else {
                    problems.push(unbound(input, inputs.len() == 1, others.len()));
                    None
                }
            }
        };
        if let Some(places) = found {
            match form(input, places, schema, wishes) {
                Ok(form) => forms.push(form),
                Err(more) => problems.extend(more),
            }
        }
    }
    if problems.is_empty() {
        Ok((forms, keep))
    } else {
        Err(problems)
    }
}

/// The names of an input's columns: those that the user says, one of its own name, or its name with numbers.
fn named(input: &Input, places: &BTreeMap<&str, usize>, wishes: &Wishes) -> Option<Vec<String>> {
    let said = wishes
        .mapping
        .iter()
        .filter(|(n, _)| n == input.name || n == input.field);
    if let Some((_, names)) = said.last() {
        return Some(names.clone());
    }
    for name in [input.name, input.field] {
        if places.contains_key(name) {
            return Some(vec![name.to_string()]);
        }
        if places.contains_key(format!("{name}_0").as_str()) {
            return Some((0..input.width).map(|k| format!("{name}_{k}")).collect());
        }
    }
    None
}

fn form(
    input: &Input,
    places: Vec<usize>,
    schema: &Schema,
    wishes: &Wishes,
) -> Result<Form, Vec<Problem>> {
    let type_of = |place: usize| schema.field(place).data_type();
    let name = shortened(input.name);
    if let [place] = places[..] {
        let item = match type_of(place) {
            DataType::List(item) | DataType::LargeList(item) => Some(item),
            DataType::FixedSizeList(item, length) => {
                if *length as usize != input.width {
                    let what = format!(
                        "input {name}: column `{}` has lists of {length}, the model needs {}",
                        shortened(schema.field(place).name()),
                        input.width
                    );
                    return Err(vec![Problem::new("", what, "")]);
                }
                Some(item)
            }
            _ => None,
        };
        if let Some(item) = item {
            let fits = fits(input, schema.field(place).name(), item.data_type(), wishes);
            return fits.map(|()| Form::List(place)).map_err(|p| vec![p]);
        }
    }
    if places.len() != input.width {
        let what = format!(
            "input {name}: takes {} values a row, {} columns are given",
            input.width,
            places.len()
        );
        return Err(vec![Problem::new(
            "",
            what,
            "name as many columns with --column INPUT=COL,COL…, or one of lists",
        )]);
    }
    let wrong: Vec<Problem> = places
        .iter()
        .filter_map(|&p| fits(input, schema.field(p).name(), type_of(p), wishes).err())
        .collect();
    if wrong.is_empty() {
        Ok(Form::Columns(places))
    } else {
        Err(wrong)
    }
}

/// Whether a column's values can be those of an input.
fn fits(input: &Input, column: &str, from: &DataType, wishes: &Wishes) -> Result<(), Problem> {
    let from = match from {
        DataType::Dictionary(_, values) => values,
        other => other,
    };
    let to = &input.arrow;
    if wishes.text || from == to || is_wider(from, to) {
        return Ok(());
    }
    let castable = can_cast_types(from, to) && !from.is_nested();
    if castable && wishes.cast {
        return Ok(());
    }
    let column = shortened(column);
    let what = format!(
        "input {}: column `{column}` is {from}, the model needs {to}",
        shortened(input.name)
    );
    let hint = if castable {
        "--cast converts, with rounding"
    } else {
        ""
    };
    Err(Problem::new("", what, hint))
}

/// Whether every value of a type is one of another.
fn is_wider(from: &DataType, to: &DataType) -> bool {
    use DataType::{
        Float16, Float32, Float64, Int8, Int16, Int32, Int64, LargeUtf8, UInt8, UInt16, UInt32,
        UInt64, Utf8, Utf8View,
    };
    match to {
        Utf8 => matches!(from, LargeUtf8 | Utf8View),
        Float64 => matches!(
            from,
            Float16 | Float32 | Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32
        ),
        Float32 => matches!(from, Float16 | Int8 | Int16 | UInt8 | UInt16),
        Float16 => matches!(from, Int8 | UInt8),
        Int64 => matches!(from, Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32),
        Int32 => matches!(from, Int8 | Int16 | UInt8 | UInt16),
        Int16 => matches!(from, Int8 | UInt8),
        UInt64 => matches!(from, UInt8 | UInt16 | UInt32),
        UInt32 => matches!(from, UInt8 | UInt16),
        UInt16 => matches!(from, UInt8),
        _ => false,
    }
}

fn missing(option: &str, name: &str, schema: &Schema) -> Problem {
    let names: Vec<_> = schema
        .fields()
        .iter()
        .take(20)
        .map(|f| shortened(f.name()))
        .collect();
    let more = if schema.fields().len() > 20 {
        ", …"
    } else {
        ""
    };
    let what = format!("{option}: there is no column `{}`", shortened(name));
    Problem::new(
        "",
        what,
        &format!("the columns are {}{more}", names.join(", ")),
    )
}

fn unbound(input: &Input, only: bool, others: usize) -> Problem {
    let name = shortened(input.name);
    let width = input.width;
    let what = if only {
        format!(
            "input {name}: takes {width} values a row; there is no column of that name, and {others} columns are not kept"
        )
    } else {
        format!("input {name}: there is no column of that name, nor `{name}_0` and so on")
    };
    Problem::new(
        "",
        what,
        "say which with --column INPUT=COL,COL…, and which are not for the model with --keep COL,COL…",
    )
}
