//! Element types: how a model's elements lie in Arrow's arrays.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray, StringArray};
use arrow_buffer::ScalarBuffer;
use model::tf_layers::F16;
use std::sync::Arc;

/// An element of a model's inputs and outputs.
pub trait Element: Clone + Default {
    /// All of them where they lie, if Arrow has them as the model does.
    fn lie(_: &ArrayRef) -> Option<&[Self]> {
        None
    }
    /// The element at a place.
    fn get(array: &ArrayRef, k: usize) -> Self;
    /// Copies elements from this place on; `fill` takes the place of nulls.
    fn copy(array: &ArrayRef, from: usize, to: &mut [Self], fill: &Self) {
        for (k, to) in to.iter_mut().enumerate() {
            *to = if array.is_null(from + k) {
                fill.clone()
            } else {
                Self::get(array, from + k)
            };
        }
    }
    /// Elements as Arrow has them.
    fn array(elements: Vec<Self>) -> ArrayRef;
}

macro_rules! primitive {
    ($($t:ty: $arrow:ty),*) => {$(
        impl Element for $t {
            fn lie(array: &ArrayRef) -> Option<&[Self]> {
                Some(array.as_primitive::<$arrow>().values())
            }
            fn get(array: &ArrayRef, k: usize) -> Self {
                array.as_primitive::<$arrow>().value(k)
            }
            fn copy(array: &ArrayRef, from: usize, to: &mut [Self], fill: &Self) {
                let array = array.as_primitive::<$arrow>();
                to.clone_from_slice(&array.values()[from..from + to.len()]);
                if array.null_count() > 0 {
                    let nulls = to.iter_mut().enumerate().filter(|(k, _)| array.is_null(from + k));
                    nulls.for_each(|(_, to)| *to = *fill);
                }
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
    fn get(array: &ArrayRef, k: usize) -> Self {
        F16(array.as_primitive::<Float16Type>().value(k).to_bits())
    }
    fn array(elements: Vec<Self>) -> ArrayRef {
        let halves = elements
            .iter()
            .map(|h| <Float16Type as ArrowPrimitiveType>::Native::from_bits(h.0));
        Arc::new(PrimitiveArray::<Float16Type>::from_iter_values(halves))
    }
}

impl Element for bool {
    fn get(array: &ArrayRef, k: usize) -> Self {
        array.as_boolean().value(k)
    }
    fn array(elements: Vec<Self>) -> ArrayRef {
        Arc::new(BooleanArray::from(elements))
    }
}

impl Element for String {
    fn get(array: &ArrayRef, k: usize) -> Self {
        array.as_string::<i32>().value(k).to_string()
    }
    fn array(elements: Vec<Self>) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(elements))
    }
}
