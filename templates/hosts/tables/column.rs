//! Whether a column's type is that of an input.

use super::columns::{place, quoted};
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
    tensor: &Tensor,
    schema: &Schema,
    options: &Options,
    name: &str,
    alone: bool,
    shape: &[Option<usize>],
) -> Result<Column, Problem> {
    let place = place(schema, name).map_err(Problem::value)?;
    let (leaf, levels) = levels(schema.field(place).data_type());
    let elements: Option<usize> = shape.iter().copied().product();
    let is = format!(
        "column {} is {}",
        quoted(name),
        schema.field(place).data_type()
    );
    if !alone && !levels.is_empty() {
        return Err(Problem::of_type(format!(
            "{is}; of several columns, each holds one number a row"
        )));
    }
    if alone && levels.is_empty() && elements != Some(1) && !shape.is_empty() {
        let many = elements.map_or("lists".to_string(), |n| {
            format!("lists of {n}, or {n} columns")
        });
        return Err(Problem::of_type(format!(
            "{is}; the model needs {many}: columns={{\"{}\": [...]}}",
            tensor.field
        )));
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
    if !becomes(leaf, &element, false) {
        let hint = if !becomes(leaf, &element, true) {
            ""
        } else if options.cast {
            return filled(tensor, options, name, place, &element);
        } else {
            " (cast=True converts it)"
        };
        return Err(Problem::of_type(format!(
            "{is}; the model needs {}{hint}",
            tensor.dtype
        )));
    }
    filled(tensor, options, name, place, &element)
}

/// The column, if what is given in the place of its nulls is of the model's type.
fn filled(
    tensor: &Tensor,
    options: &Options,
    name: &str,
    place: usize,
    element: &DataType,
) -> Result<Column, Problem> {
    let fill = options.fills.get(name).or(options.fill.as_ref()).cloned();
    let column = Column {
        place,
        name: name.to_string(),
        dtype: tensor.dtype,
        fill,
    };
    let fits =
        |of: &DataType| becomes(of, element, true) && (of != &DataType::Boolean || of == element);
    match &column.fill {
        Some(fill) if !fits(fill.data_type()) => Err(column.no_fill()),
        _ => Ok(column),
    }
}

impl Column {
    /// What is said where the model's type cannot hold what is given in the place of nulls.
    pub(super) fn no_fill(&self) -> Problem {
        Problem::of_type(format!(
            "nulls: what is given for column {} is no {}",
            quoted(&self.name),
            self.dtype
        ))
    }
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

/// Whether elements of one type are taken for those of another; `cast` if numbers may be rounded, too.
fn becomes(from: &DataType, to: &DataType, cast: bool) -> bool {
    let text =
        |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    match from {
        DataType::Null => true,
        DataType::Dictionary(_, values) => becomes(values, to, cast),
        _ if from == to || text(from) && text(to) => true,
        _ if !cast || to == &DataType::Boolean => false,
        DataType::Boolean => to.is_numeric(),
        DataType::Decimal128(..) => to.is_floating(),
        _ if to.is_floating() => from.is_integer() || from.is_floating(),
        _ => from.is_integer() && to.is_integer(),
    }
}

fn row_text(sizes: &[Option<usize>]) -> String {
    let sizes: Vec<String> = sizes
        .iter()
        .map(|n| n.map_or("?".to_string(), |n| n.to_string()))
        .collect();
    format!("lists of {}", sizes.join(" times "))
}
