//! Inputs from archives: samples as flattened rows, in the tensor's shape, or behind an axis in front.

use tf_layers::npz::{Array, Data, Dtype, Npz, NpzWriter};
use tf_layers::signature::{Axis, Tensor, sizes};

const BATCHED: Tensor = Tensor {
    name: "x",
    field: "x",
    dtype: Dtype::F32,
    shape: &[Axis::Symbol("batch"), Axis::Symbol("h"), Axis::Symbol("w")],
};
const FIXED: Tensor = Tensor {
    name: "x",
    field: "x",
    dtype: Dtype::F32,
    shape: &[Axis::Size(2), Axis::Size(3)],
};

/// An archive with 0, 1, 2… under "x".
fn archive(shape: &[usize]) -> Npz {
    let count: usize = shape.iter().product();
    let data = Data::F32(
        (0..u16::try_from(count).expect("small"))
            .map(f32::from)
            .collect(),
    );
    let mut writer = NpzWriter::new();
    writer
        .add(&Array {
            name: "x".to_string(),
            shape: shape.to_vec(),
            data,
        })
        .expect("a plain array");
    let path = std::env::temp_dir().join(format!(
        "tf-layers-signature-{}-{shape:?}.npz",
        std::process::id()
    ));
    writer.write(&path).expect("the archive can be written");
    let npz = Npz::open(&path).expect("the archive can be read");
    std::fs::remove_file(path).expect("it was just written");
    npz
}

#[test]
fn a_sample_in_the_tensor_s_shape_keeps_it() {
    let (elements, shape) = BATCHED
        .read::<f32>(&archive(&[4, 2, 3]), Some(1))
        .expect("fits");
    assert_eq!(shape, [1, 2, 3]);
    assert_eq!(elements, [6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let found = sizes(["batch", "h", "w"], &[BATCHED], &[&shape]).expect("all sizes are told");
    assert_eq!(found, [1, 2, 3]);
}

#[test]
fn a_sample_behind_an_axis_in_front_has_the_tensor_s_shape() {
    let (elements, shape) = FIXED
        .read::<f32>(&archive(&[4, 2, 3]), Some(3))
        .expect("fits");
    assert_eq!(shape, [2, 3]);
    assert_eq!(elements[0], 18.0);
    assert_eq!(sizes([], &[FIXED], &[&shape]), Ok([]));
}

#[test]
fn a_flattened_sample_is_one_row() {
    let (elements, shape) = BATCHED
        .read::<f32>(&archive(&[4, 6]), Some(0))
        .expect("fits");
    assert_eq!(shape, [1, 6]);
    assert_eq!(elements.len(), 6);
    assert!(
        sizes(["batch", "h", "w"], &[BATCHED], &[&shape]).is_err(),
        "two sizes stay open"
    );
}

#[test]
fn without_a_sample_the_array_is_taken_whole() {
    let (elements, shape) = BATCHED
        .read::<f32>(&archive(&[4, 2, 3]), None)
        .expect("fits");
    assert_eq!((elements.len(), shape), (24, vec![4, 2, 3]));
}

#[test]
fn a_sample_that_is_not_there_is_an_error() {
    let error = BATCHED
        .read::<f32>(&archive(&[4, 6]), Some(4))
        .expect_err("four samples");
    assert_eq!(
        error.to_string(),
        "input `x`: has 4 rows, there is no row 4"
    );
}

#[test]
fn shapes_of_nothing_may_be_huge_and_are_no_overflow() {
    const ROWS: Tensor = Tensor {
        name: "y",
        field: "y",
        dtype: Dtype::F32,
        shape: &[Axis::Symbol("batch"), Axis::Symbol("h"), Axis::Size(4)],
    };
    let huge = usize::MAX / 4 + 1;
    let found = sizes(["batch", "h", "w"], &[BATCHED], &[&[huge, huge, 0]]);
    assert_eq!(found, Ok([huge, huge, 0]));
    // The second array is flattened: its length is a product of what the first one told.
    let found = sizes(
        ["batch", "h", "w"],
        &[BATCHED, ROWS],
        &[&[huge, huge, 0], &[huge, 0]],
    );
    assert_eq!(
        found.map_err(|e| e.to_string()),
        Err(format!(
            "input `y`: 0 elements do not fill the model's shape ({} a sample)",
            usize::MAX
        ))
    );
}

#[test]
fn a_map_is_two_arrays() {
    let table = |name: &str, shape: &[usize], data: Data| Array {
        name: name.to_string(),
        shape: shape.to_vec(),
        data,
    };
    let texts = |words: &[&str]| Data::Text(words.iter().map(ToString::to_string).collect());
    let read = |arrays: &[Array], sample| {
        let mut writer = NpzWriter::new();
        arrays
            .iter()
            .for_each(|array| writer.add(array).expect("a plain array"));
        let path = std::env::temp_dir().join(format!("tf-layers-map-{}.npz", std::process::id()));
        writer.write(&path).expect("the archive can be written");
        let npz = Npz::open(&path).expect("the archive can be read");
        std::fs::remove_file(path).expect("it was just written");
        Tensor {
            shape: &[Axis::Items],
            ..FIXED
        }
        .read_pairs::<String, f32>(&npz, sample)
    };
    let keys = table("x/keys", &[2, 3], texts(&["a", "b", "a", "", "é", "c"]));
    let values = table(
        "x/values",
        &[2, 3],
        Data::F32(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
    );
    let of = |pairs: &[(&str, f32)]| Ok(pairs.iter().map(|&(k, v)| (k.to_string(), v)).collect());
    let both = [keys.clone(), values.clone()];
    assert_eq!(
        read(&both, Some(0)),
        of(&[("a", 3.0), ("b", 2.0)]),
        "the last of two counts"
    );
    assert_eq!(
        read(&both, Some(1)),
        of(&[("", 4.0), ("c", 6.0), ("é", 5.0)])
    );
    assert!(read(&both, Some(2)).is_err(), "no such row");
    assert!(read(&[keys], None).is_err(), "no values");
    let few = [table("x/keys", &[1], texts(&["a"])), values];
    let problem = read(&few, None)
        .expect_err("six values for one key")
        .to_string();
    assert_eq!(problem, "input `x`: 1 keys for 6 values");
}
