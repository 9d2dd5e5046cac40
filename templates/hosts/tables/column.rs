//! Whether a column's type is that of an input.

use super::columns::place;
use super::elements::{holds, is_text};
use super::problems::{Hint, quoted};
use super::{Options, Problem, arrow_type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Schema};
use model::tf_layers::signature::{Dtype, Tensor};

/// A column that is an input, or a part of one.
pub(super) struct Column {
    pub(super) place: usize,
    pub(super) name: String,
    /// The type that its elements get.
    pub(super) dtype: Dtype,
    /// What takes the place of nulls.
    pub(super) fill: Option<ArrayRef>,
}

/// One column of an input; `alone` if the input has no other.
pub(super) fn column(
    tensor: &'static Tensor,
    schema: &Schema,
    options: &Options,
    name: &str,
    alone: bool,
    shape: &[Option<usize>],
) -> Result<Column, Problem> {
    let columns = Hint::Columns(tensor.field);
    let place = place(schema, name).map_err(|text| Problem::value(text).hinted(columns))?;
    let (leaf, levels) = levels(schema.field(place).data_type());
    let elements: Option<usize> = shape.iter().copied().product();
    let is = format!(
        "column {} is {}",
        quoted(name),
        schema.field(place).data_type()
    );
    if !alone && !levels.is_empty() {
        return Err(Problem::of_type(format!(
            "{is}; of several columns, each holds one value a row"
        )));
    }
    if alone && levels.is_empty() && elements != Some(1) && !shape.is_empty() {
        let many = elements.map_or("lists".to_string(), |n| {
            format!("lists of {n}, or {n} columns")
        });
        let text = format!("{is}; the model needs {many}");
        return Err(Problem::of_type(text).hinted(columns));
    }
    let wanted = if levels.len() == shape.len() {
        shape.to_vec()
    } else {
        vec![elements]
    };
    if levels.len() > 1 && levels.len() != shape.len() {
        return Err(Problem::of_type(format!(
            "{is}; the model needs lists {} deep, or flat ones",
            shape.len()
        )));
    }
    if levels
        .iter()
        .zip(&wanted)
        .any(|(have, want)| have.is_some() && want.is_some() && have != want)
    {
        return Err(Problem::value(format!(
            "{is}; the model needs {}",
            row_text(&wanted)
        )));
    }
    let element = arrow_type(tensor.dtype);
    if !becomes(leaf, &element, options.cast, options.text) {
        let problem = Problem::of_type(format!("{is}; the model needs {}", tensor.dtype));
        return Err(if becomes(leaf, &element, true, true) {
            problem.hinted(Hint::Cast)
        } else {
            problem
        });
    }
    let fill = options.fills.get(name).or(options.fill.as_ref()).cloned();
    let fits = |fill: &ArrayRef| {
        let of = fill.data_type();
        (of != &DataType::Boolean || of == &element)
            && becomes(of, &element, true, true)
            && holds(tensor.dtype, fill)
    };
    if fill.as_ref().is_some_and(|fill| !fits(fill)) {
        let of = if options.fills.contains_key(name) {
            format!(" in column {}", quoted(name))
        } else {
            String::new()
        };
        let text = format!("what takes the place of nulls{of} is no {}", tensor.dtype);
        return Err(Problem::of_type(text));
    }
    Ok(Column {
        place,
        name: name.to_string(),
        dtype: tensor.dtype,
        fill,
    })
}

/// The element type inside of lists, and the lengths of those that have one.
fn levels(mut of: &DataType) -> (&DataType, Vec<Option<usize>>) {
    let mut found = Vec::new();
    loop {
        of = match of {
            DataType::List(item) | DataType::LargeList(item) => {
                found.push(None);
                item.data_type()
            }
            DataType::FixedSizeList(item, n) => {
                found.push(usize::try_from(*n).ok());
                item.data_type()
            }
            leaf => return (leaf, found),
        };
    }
}

/// Whether elements of one type are taken for those of another: those that it holds without loss; with `cast` those that
/// may be rounded or not fit, too; strings if they are what numbers look like in this table (`text`).
fn becomes(from: &DataType, to: &DataType, cast: bool, text: bool) -> bool {
    match from {
        DataType::Null => true,
        DataType::Dictionary(_, values) => becomes(values, to, cast, text),
        _ if from == to => true,
        _ if is_text(from) => is_text(to) || text || cast,
        _ if is_wider(from, to) => true,
        _ if !cast || to == &DataType::Boolean => false,
        DataType::Boolean => to.is_numeric(),
        DataType::Decimal128(..) => to.is_floating(),
        _ if to.is_floating() => from.is_integer() || from.is_floating(),
        _ => from.is_integer() && to.is_integer(),
    }
}

/// Whether every number of a type is one of another: it has more bytes, and signs and fractions if the first has.
fn is_wider(from: &DataType, to: &DataType) -> bool {
    from.primitive_width() < to.primitive_width()
        && if from.is_integer() {
            to.is_floating()
                || to.is_signed_integer()
                || from.is_unsigned_integer() && to.is_unsigned_integer()
        } else {
            from.is_floating() && to.is_floating()
        }
}

fn row_text(sizes: &[Option<usize>]) -> String {
    let sizes: Vec<String> = sizes
        .iter()
        .map(|n| n.map_or("?".to_string(), |n| n.to_string()))
        .collect();
    format!("lists of {}", sizes.join(" times "))
}
