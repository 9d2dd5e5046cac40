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
use num_traits::ToPrimitive;
use std::sync::Arc;

/// An element of a model's inputs and outputs.
pub trait Element: Clone + Default {
    /// All of them where they lie, if Arrow has them as the model does and none is null.
    fn lie(_: &dyn Array) -> Option<&[Self]> {
        None
    }

    /// Copies the elements of an array that is no dictionary, whose type `column::becomes` allows. Where one is null, `to` stays as it is.
    ///
    /// # Errors
    /// With the place of an element that the type cannot hold.
    fn copy(array: &dyn Array, to: &mut [Self]) -> Result<(), usize>;

    /// Elements as Arrow has them.
    fn array(elements: Vec<Self>) -> ArrayRef;
}

/// Copies the elements of any array, as `Element::copy` does.
pub fn copied<T: Element>(array: &dyn Array, to: &mut [T]) -> Result<(), usize> {
    if array.data_type() == &DataType::Null {
        return Ok(());
    }
    let Some(dictionary) = array.as_any_dictionary_opt() else {
        return T::copy(array, to);
    };
    if dictionary.values().is_empty() {
        return Ok(());
    }
    let keys = dictionary.normalized_keys();
    for (k, (to, key)) in to.iter_mut().zip(keys).enumerate() {
        if array.is_valid(k) {
            let value = dictionary.values().slice(key, 1);
            copied(&value, std::slice::from_mut(to)).map_err(|_| k)?;
        }
    }
    Ok(())
}

/// Copies values that `of` turns into elements.
fn turned<A: ArrowPrimitiveType, T>(
    array: &dyn Array,
    to: &mut [T],
    of: impl Fn(A::Native) -> Option<T>,
) -> Result<(), usize> {
    let array = array.as_primitive::<A>();
    for (k, (to, value)) in to.iter_mut().zip(array.values()).enumerate() {
        if array.is_valid(k) {
            *to = of(*value).ok_or(k)?;
        }
    }
    Ok(())
}

/// Copies numbers of any type.
fn numbers<T: Number>(array: &dyn Array, to: &mut [T]) -> Result<(), usize> {
    match array.data_type() {
        DataType::Int8 => turned::<Int8Type, T>(array, to, T::of),
        DataType::Int16 => turned::<Int16Type, T>(array, to, T::of),
        DataType::Int32 => turned::<Int32Type, T>(array, to, T::of),
        DataType::Int64 => turned::<Int64Type, T>(array, to, T::of),
        DataType::UInt8 => turned::<UInt8Type, T>(array, to, T::of),
        DataType::UInt16 => turned::<UInt16Type, T>(array, to, T::of),
        DataType::UInt32 => turned::<UInt32Type, T>(array, to, T::of),
        DataType::UInt64 => turned::<UInt64Type, T>(array, to, T::of),
        DataType::Float16 => turned::<Float16Type, T>(array, to, T::of),
        DataType::Float32 => turned::<Float32Type, T>(array, to, T::of),
        DataType::Float64 => turned::<Float64Type, T>(array, to, T::of),
        DataType::Decimal128(_, scale) => {
            let unit = 10f64.powi(-i32::from(*scale));
            turned::<Decimal128Type, T>(array, to, |v| T::of(v.to_f64()? * unit))
        }
        _ => {
            let array = array.as_boolean();
            for (k, to) in to.iter_mut().enumerate() {
                if array.is_valid(k) {
                    *to = T::of(u8::from(array.value(k))).ok_or(k)?;
                }
            }
            Ok(())
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

macro_rules! primitive {
    ($($t:ty: $arrow:ty),*) => {$(
        impl Element for $t {
            fn lie(array: &dyn Array) -> Option<&[Self]> {
                let same = array.as_primitive_opt::<$arrow>().filter(|a| a.null_count() == 0);
                same.map(|array| &array.values()[..])
            }
            fn copy(array: &dyn Array, to: &mut [Self]) -> Result<(), usize> {
                numbers(array, to)
            }
            fn array(elements: Vec<Self>) -> ArrayRef {
                Arc::new(PrimitiveArray::<$arrow>::new(ScalarBuffer::from(elements), None))
            }
        }
    )*};
}
primitive!(
    u8: UInt8Type, u16: UInt16Type, u32: UInt32Type, u64: UInt64Type,
    i8: Int8Type, i16: Int16Type, i32: Int32Type, i64: Int64Type, f32: Float32Type, f64: Float64Type
);

impl Element for F16 {
    fn copy(array: &dyn Array, to: &mut [Self]) -> Result<(), usize> {
        match array.data_type() {
            // a NaN keeps its bits
            DataType::Float16 => turned::<Float16Type, Self>(array, to, |v| Some(F16(v.to_bits()))),
            _ => numbers(array, to),
        }
    }
    fn array(elements: Vec<Self>) -> ArrayRef {
        let halves = elements
            .iter()
            .map(|h| <Float16Type as ArrowPrimitiveType>::Native::from_bits(h.0));
        Arc::new(PrimitiveArray::<Float16Type>::from_iter_values(halves))
    }
}

impl Element for bool {
    fn copy(array: &dyn Array, to: &mut [Self]) -> Result<(), usize> {
        let array = array.as_boolean();
        let valid = to
            .iter_mut()
            .enumerate()
            .filter(|(k, _)| array.is_valid(*k));
        valid.for_each(|(k, to)| *to = array.value(k));
        Ok(())
    }
    fn array(elements: Vec<Self>) -> ArrayRef {
        Arc::new(BooleanArray::from(elements))
    }
}

impl Element for String {
    fn copy(array: &dyn Array, to: &mut [Self]) -> Result<(), usize> {
        for (k, to) in to
            .iter_mut()
            .enumerate()
            .filter(|(k, _)| array.is_valid(*k))
        {
            let text = match array.data_type() {
                DataType::LargeUtf8 => array.as_string::<i64>().value(k),
                DataType::Utf8View => array.as_string_view().value(k),
                _ => array.as_string::<i32>().value(k),
            };
            to.clear();
            to.push_str(text);
        }
        Ok(())
    }
    fn array(elements: Vec<Self>) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(elements))
    }
}
