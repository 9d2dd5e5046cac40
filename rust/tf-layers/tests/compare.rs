//! What generated tests assert.

#![cfg(feature = "npz")]

use tf_layers::compare::{Tolerance, assert_near};
use tf_layers::npz::{Array, Data};

const TOLERANCE: Tolerance = Tolerance {
    rtol: 0.0,
    atol: 0.01,
};

fn array(data: Data) -> Array {
    Array {
        name: "y".into(),
        shape: vec![3],
        data,
    }
}

fn floats(values: [f32; 3]) -> Array {
    array(Data::F32(values.to_vec()))
}

#[test]
fn slack_is_added_to_the_tolerance() {
    let expected = floats([0.0, -1.0, f32::NAN]);
    assert_near(
        &floats([0.259, -1.259, f32::NAN]),
        &expected,
        TOLERANCE,
        0.25,
    );
    let steps = array(Data::I8(vec![-128, 0, 127]));
    assert_near(&array(Data::I8(vec![-127, 1, 126])), &steps, TOLERANCE, 1.0);
    let ids = array(Data::I64(vec![1, 2, 3]));
    assert_near(&ids, &ids, TOLERANCE, 1.0);
}

#[test]
#[should_panic(expected = "output `y`: element 1 is -1.5, the reference computed -1")]
fn floats_beyond_it_differ() {
    let expected = floats([0.0, -1.0, 1.0]);
    assert_near(&floats([0.0, -1.5, 1.0]), &expected, TOLERANCE, 0.25);
}

#[test]
#[should_panic(expected = "output `y`: element 2 is 125, the reference computed 127")]
fn bytes_beyond_it_differ() {
    let expected = array(Data::U8(vec![0, 0, 127]));
    assert_near(&array(Data::U8(vec![0, 1, 125])), &expected, TOLERANCE, 1.0);
}

#[test]
#[should_panic(expected = "output `y` is not what the reference computed")]
fn other_types_must_be_equal() {
    let (a, b) = (Data::I64(vec![1, 2, 3]), Data::I64(vec![1, 2, 4]));
    assert_near(&array(a), &array(b), TOLERANCE, 1.0);
}
