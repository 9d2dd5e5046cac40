//! Element types: how a model's elements lie in Arrow's arrays.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray, StringArray};
use arrow_buffer::ScalarBuffer;
use arrow_schema::DataType;
use model::tf_layers::F16;
use model::tf_layers::signature::Dtype;
use num_traits::ToPrimitive;
use std::sync::Arc;

/// An element of a model's inputs and outputs.
pub trait Element: Clone + Default {
    /// All of them where they lie, if Arrow has them as the model does and none is null.
    fn lie(_: &dyn Array) -> Option<&[Self]> {
        None
    }

    /// Copies the elements of an array that is no dictionary, whose type `column::becomes` allows. Where one is null, or cannot be
    /// held, `to` stays as it is; `wrong` hears of the latter.
    fn copy(array: &dyn Array, to: &mut [Self], wrong: &mut Wrong<'_>);

    /// The element that a text stands for.
    fn parse(text: &str) -> Option<Self>;

    /// Elements as Arrow has them.
    fn array(elements: Vec<Self>) -> ArrayRef;
}

/// Hears of elements that a type cannot hold: their places, and what they are.
pub type Wrong<'a> = dyn FnMut(usize, String) + 'a;

/// Copies the elements of any array, as `Element::copy` does.
pub fn copied<T: Element>(array: &dyn Array, to: &mut [T], wrong: &mut Wrong<'_>) {
    let Some(dictionary) = array.as_any_dictionary_opt() else {
        if array.data_type() != &DataType::Null {
            T::copy(array, to, wrong);
        }
        return;
    };
    if dictionary.values().is_empty() {
        return;
    }
    let keys = dictionary.normalized_keys();
    for (k, (to, key)) in to.iter_mut().zip(keys).enumerate() {
        if array.is_valid(k) {
            let value = dictionary.values().slice(key, 1);
            let to = std::slice::from_mut(to);
            copied(&value, to, &mut |_, what| wrong(k, what));
        }
    }
}

/// Whether the only element of an array is one of this type.
pub fn holds(dtype: Dtype, one: &ArrayRef) -> bool {
    fn of<T: Element>(one: &ArrayRef) -> bool {
        let mut right = one.null_count() == 0;
        copied(one, &mut [T::default()], &mut |_, _| right = false);
        right
    }
    match dtype {
        Dtype::Bool => of::<bool>(one),
        Dtype::U8 => of::<u8>(one),
        Dtype::U16 => of::<u16>(one),
        Dtype::U32 => of::<u32>(one),
        Dtype::U64 => of::<u64>(one),
        Dtype::I8 => of::<i8>(one),
        Dtype::I16 => of::<i16>(one),
        Dtype::I32 => of::<i32>(one),
        Dtype::I64 => of::<i64>(one),
        Dtype::F16 => of::<F16>(one),
        Dtype::F32 => of::<f32>(one),
        Dtype::F64 => of::<f64>(one),
        _ => of::<String>(one),
    }
}

/// Whether it is a type of strings.
pub fn is_text(of: &DataType) -> bool {
    matches!(
        of,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

/// Copies values that `of` turns into elements.
fn turned<A: ArrowPrimitiveType, T>(
    array: &dyn Array,
    to: &mut [T],
    wrong: &mut Wrong<'_>,
    of: impl Fn(A::Native) -> Option<T>,
) {
    let array = array.as_primitive::<A>();
    for (k, (to, value)) in to.iter_mut().zip(array.values()).enumerate() {
        if array.is_valid(k) {
            match of(*value) {
                Some(value) => *to = value,
                None => wrong(k, format!("{value:?}")),
            }
        }
    }
}

/// Copies what the strings of an array stand for.
fn parsed<T: Element>(array: &dyn Array, to: &mut [T], wrong: &mut Wrong<'_>) {
    for (k, to) in to.iter_mut().enumerate() {
        if array.is_valid(k) {
            let text = text_at(array, k);
            match T::parse(text) {
                Some(value) => *to = value,
                None => wrong(k, text.to_string()),
            }
        }
    }
}

fn text_at(array: &dyn Array, k: usize) -> &str {
    match array.data_type() {
        DataType::LargeUtf8 => array.as_string::<i64>().value(k),
        DataType::Utf8View => array.as_string_view().value(k),
        _ => array.as_string::<i32>().value(k),
    }
}

/// Copies numbers of any type, bools, or what strings stand for.
fn numbers<T: Number + Element>(array: &dyn Array, to: &mut [T], wrong: &mut Wrong<'_>) {
    match array.data_type() {
        DataType::Int8 => turned::<Int8Type, T>(array, to, wrong, T::of),
        DataType::Int16 => turned::<Int16Type, T>(array, to, wrong, T::of),
        DataType::Int32 => turned::<Int32Type, T>(array, to, wrong, T::of),
        DataType::Int64 => turned::<Int64Type, T>(array, to, wrong, T::of),
        DataType::UInt8 => turned::<UInt8Type, T>(array, to, wrong, T::of),
        DataType::UInt16 => turned::<UInt16Type, T>(array, to, wrong, T::of),
        DataType::UInt32 => turned::<UInt32Type, T>(array, to, wrong, T::of),
        DataType::UInt64 => turned::<UInt64Type, T>(array, to, wrong, T::of),
        DataType::Float16 => turned::<Float16Type, T>(array, to, wrong, T::of),
        DataType::Float32 => turned::<Float32Type, T>(array, to, wrong, T::of),
        DataType::Float64 => turned::<Float64Type, T>(array, to, wrong, T::of),
        DataType::Decimal128(_, scale) => {
            // the power of ten is exact (up to 10²²), so that a quotient is rounded once
            let unit = 10f64.powi(i32::from(scale.unsigned_abs()));
            let of = |v: i128| {
                let v = v.to_f64()?;
                T::of(if *scale < 0 { v * unit } else { v / unit })
            };
            turned::<Decimal128Type, T>(array, to, wrong, of);
        }
        text if is_text(text) => parsed(array, to, wrong),
        _ => {
            let array = array.as_boolean();
            for (k, to) in to.iter_mut().enumerate() {
                if array.is_valid(k) {
                    *to = T::of(u8::from(array.value(k))).unwrap_or_default();
                }
            }
        }
    }
}

/// A number that others become, rounded to the nearest if it is a float.
trait Number: Sized {
    /// None where it cannot hold the other one.
    fn of(number: impl ToPrimitive) -> Option<Self>;
}

macro_rules! number {
    ($($int:ty),*) => {$(
        impl Number for $int {
            fn of(number: impl ToPrimitive) -> Option<Self> {
                <$int as num_traits::NumCast>::from(number)
            }
        }
    )*};
}
number!(u8, u16, u32, u64, i8, i16, i32, i64, f64);

impl Number for f32 {
    fn of(number: impl ToPrimitive) -> Option<Self> {
        let wide = number.to_f64()?;
        let near = wide as f32;
        (near.is_finite() || !wide.is_finite()).then_some(near)
    }
}

impl Number for F16 {
    fn of(number: impl ToPrimitive) -> Option<Self> {
        let wide = number.to_f64()?;
        let near = <Float16Type as ArrowPrimitiveType>::Native::from_f64(wide);
        (near.is_finite() || !wide.is_finite()).then_some(F16(near.to_bits()))
    }
}

/// Not infinite, unless the text says so.
fn in_range(text: &str, number: f64) -> bool {
    number.is_finite() || !text.contains(|c: char| c.is_ascii_digit())
}

macro_rules! primitive {
    ($($t:ty: $arrow:ty, $right:expr);*) => {$(
        impl Element for $t {
            fn lie(array: &dyn Array) -> Option<&[Self]> {
                let same = array.as_primitive_opt::<$arrow>().filter(|a| a.null_count() == 0);
                same.map(|array| &array.values()[..])
            }
            fn copy(array: &dyn Array, to: &mut [Self], wrong: &mut Wrong<'_>) {
                numbers(array, to, wrong);
            }
            fn parse(text: &str) -> Option<Self> {
                let right: fn(&str, $t) -> bool = $right;
                text.trim().parse().ok().filter(|number| right(text, *number))
            }
            fn array(elements: Vec<Self>) -> ArrayRef {
                Arc::new(PrimitiveArray::<$arrow>::new(ScalarBuffer::from(elements), None))
            }
        }
    )*};
}
primitive!(
    u8: UInt8Type, |_, _| true;
    u16: UInt16Type, |_, _| true;
    u32: UInt32Type, |_, _| true;
    u64: UInt64Type, |_, _| true;
    i8: Int8Type, |_, _| true;
    i16: Int16Type, |_, _| true;
    i32: Int32Type, |_, _| true;
    i64: Int64Type, |_, _| true;
    f32: Float32Type, |text, number| in_range(text, f64::from(number));
    f64: Float64Type, in_range
);

impl Element for F16 {
    fn copy(array: &dyn Array, to: &mut [Self], wrong: &mut Wrong<'_>) {
        match array.data_type() {
            // a NaN keeps its bits
            DataType::Float16 => {
                turned::<Float16Type, Self>(array, to, wrong, |v| Some(F16(v.to_bits())));
            }
            _ => numbers(array, to, wrong),
        }
    }
    fn parse(text: &str) -> Option<Self> {
        f64::parse(text).and_then(Self::of)
    }
    fn array(elements: Vec<Self>) -> ArrayRef {
        let halves = elements
            .iter()
            .map(|h| <Float16Type as ArrowPrimitiveType>::Native::from_bits(h.0));
        Arc::new(PrimitiveArray::<Float16Type>::from_iter_values(halves))
    }
}

impl Element for bool {
    fn copy(array: &dyn Array, to: &mut [Self], wrong: &mut Wrong<'_>) {
        if is_text(array.data_type()) {
            return parsed(array, to, wrong);
        }
        let array = array.as_boolean();
        let valid = to
            .iter_mut()
            .enumerate()
            .filter(|(k, _)| array.is_valid(*k));
        valid.for_each(|(k, to)| *to = array.value(k));
    }
    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "true" | "True" | "TRUE" | "1" => Some(true),
            "false" | "False" | "FALSE" | "0" => Some(false),
            _ => None,
        }
    }
    fn array(elements: Vec<Self>) -> ArrayRef {
        Arc::new(BooleanArray::from(elements))
    }
}

impl Element for String {
    fn copy(array: &dyn Array, to: &mut [Self], _: &mut Wrong<'_>) {
        for (k, to) in to.iter_mut().enumerate() {
            if array.is_valid(k) {
                to.clear();
                to.push_str(text_at(array, k));
            }
        }
    }
    fn parse(text: &str) -> Option<Self> {
        Some(text.to_string())
    }
    fn array(elements: Vec<Self>) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(elements))
    }
}
