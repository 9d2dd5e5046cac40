//! Element types: how the values of a model's tensor lie in Arrow's arrays.

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray};
use arrow_cast::parse::Parser;
use arrow_schema::DataType;
use model::tf_layers::F16;
use std::sync::Arc;

/// An element of a tensor.
pub trait Element: Clone + Default + 'static {
    /// What Arrow calls it.
    const ARROW: DataType;

    /// The values of an array of this type, if they lie there as the model wants them.
    fn slice(array: &dyn Array) -> Option<&[Self]>;
    /// `out[k·step] = array[k]`; what is null becomes anything.
    fn put(array: &dyn Array, out: &mut [Self], step: usize);
    /// An array of values.
    fn array(values: Vec<Self>) -> ArrayRef;
    /// The value that a text stands for.
    fn parse(text: &str) -> Option<Self>;
}

fn each<T>(values: impl Iterator<Item = T>, out: &mut [T], step: usize) {
    for (place, value) in out.iter_mut().step_by(step).zip(values) {
        *place = value;
    }
}

macro_rules! primitive {
    ($($rust:ty, $arrow:ty;)*) => {$(
        impl Element for $rust {
            const ARROW: DataType = <$arrow as ArrowPrimitiveType>::DATA_TYPE;

            fn slice(array: &dyn Array) -> Option<&[Self]> {
                Some(array.as_primitive::<$arrow>().values())
            }

            fn put(array: &dyn Array, out: &mut [Self], step: usize) {
                each(array.as_primitive::<$arrow>().values().iter().copied(), out, step);
            }

            fn array(values: Vec<Self>) -> ArrayRef {
                Arc::new(PrimitiveArray::<$arrow>::new(values.into(), None))
            }

            fn parse(text: &str) -> Option<Self> {
                <$arrow as Parser>::parse(text)
            }
        }
    )*};
}

primitive! {
    f32, Float32Type;
    f64, Float64Type;
    i8, Int8Type;
    i16, Int16Type;
    i32, Int32Type;
    i64, Int64Type;
    u8, UInt8Type;
    u16, UInt16Type;
    u32, UInt32Type;
    u64, UInt64Type;
}

impl Element for F16 {
    const ARROW: DataType = DataType::Float16;

    fn slice(_: &dyn Array) -> Option<&[Self]> {
        None
    }

    fn put(array: &dyn Array, out: &mut [Self], step: usize) {
        let values = array.as_primitive::<Float16Type>().values().iter();
        each(values.map(|half| F16(half.to_bits())), out, step);
    }

    fn array(values: Vec<Self>) -> ArrayRef {
        type Half = <Float16Type as ArrowPrimitiveType>::Native;
        let halves = values.into_iter().map(|F16(bits)| Half::from_bits(bits));
        let halves: Vec<Half> = halves.collect();
        Arc::new(PrimitiveArray::<Float16Type>::new(halves.into(), None))
    }

    fn parse(text: &str) -> Option<Self> {
        let half = <Float16Type as Parser>::parse(text)?;
        Some(F16(half.to_bits()))
    }
}

impl Element for bool {
    const ARROW: DataType = DataType::Boolean;

    fn slice(_: &dyn Array) -> Option<&[Self]> {
        None
    }

    fn put(array: &dyn Array, out: &mut [Self], step: usize) {
        each(array.as_boolean().values().iter(), out, step);
    }

    fn array(values: Vec<Self>) -> ArrayRef {
        Arc::new(BooleanArray::from(values))
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "true" | "True" | "TRUE" | "1" => Some(true),
            "false" | "False" | "FALSE" | "0" => Some(false),
            _ => None,
        }
    }
}

impl Element for String {
    const ARROW: DataType = DataType::Utf8;

    fn slice(_: &dyn Array) -> Option<&[Self]> {
        None
    }

    fn put(array: &dyn Array, out: &mut [Self], step: usize) {
        let array = array.as_string::<i32>();
        let values = (0..array.len()).map(|k| array.value(k).to_string());
        each(values, out, step);
    }

    fn array(values: Vec<Self>) -> ArrayRef {
        let mut found = StringBuilder::new();
        for value in values {
            found.append_value(value);
        }
        Arc::new(found.finish())
    }

    fn parse(text: &str) -> Option<Self> {
        Some(text.to_string())
    }
}
