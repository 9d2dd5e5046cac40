//! Layers of strings, against loops over indices.

mod draws;

use draws::Rng;
use tf_layers::text::{Names, Places, StringConcat};
use tf_layers::{Cpu, Error};

const WORDS: [&str; 6] = ["", "a", "naïve", "日本", "two words", "\u{301}"];

fn words(rng: &mut Rng, n: usize) -> Vec<String> {
    (0..n)
        .map(|_| WORDS[rng.size(0, WORDS.len())].into())
        .collect()
}

/// The element of an operand of this shape at an index of the result.
fn at(shape: [usize; 3], index: [usize; 3]) -> usize {
    (0..3).fold(0, |at, k| {
        at * shape[k] + if shape[k] == 1 { 0 } else { index[k] }
    })
}

#[test]
fn joined_in_every_broadcast() {
    let (cpu, mut rng) = (Cpu::new(), Rng::new(1));
    for _ in 0..300 {
        let whole: [usize; 3] = core::array::from_fn(|_| rng.size(1, 6));
        let mut shape = || whole.map(|n| if rng.size(0, 3) == 0 { 1 } else { n });
        let shapes = [shape(), shape()];
        let y_shape: [usize; 3] = core::array::from_fn(|k| shapes[0][k].max(shapes[1][k]));
        let len = |shape: [usize; 3]| shape.iter().product::<usize>();
        let (a, b) = (
            words(&mut rng, len(shapes[0])),
            words(&mut rng, len(shapes[1])),
        );
        // What a buffer held before is of no matter.
        let mut y = words(&mut rng, len(y_shape));
        let layer = StringConcat.checked();
        layer
            .run(cpu, shapes[0], &a, shapes[1], &b, &mut y)
            .expect("shapes fit");
        for (i, y) in y.iter().enumerate() {
            let index = [
                i / y_shape[2] / y_shape[1],
                i / y_shape[2] % y_shape[1],
                i % y_shape[2],
            ];
            let want = a[at(shapes[0], index)].clone() + &b[at(shapes[1], index)];
            assert_eq!(*y, want, "{shapes:?} at {index:?}");
        }
        if shapes[0] == y_shape {
            let mut a = a;
            layer
                .run_in_place(cpu, shapes[0], &mut a, shapes[1], &b)
                .expect("shapes fit");
            assert_eq!(a, y);
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let (a, b) = (vec![String::new(); 3], vec![String::new(); 2]);
    let mut y = vec![String::new(); 3];
    let error = StringConcat.run(Cpu::new(), [3], &a, [2], &b, &mut y);
    assert_eq!(
        error,
        Err(Error::SizeMismatch {
            what: "broadcast",
            left: 3,
            right: 2
        })
    );
    let error = StringConcat.run_in_place(Cpu::new(), [3], &mut y, [2], &b);
    assert_eq!(
        error,
        Err(Error::SizeMismatch {
            what: "broadcast",
            left: 3,
            right: 2
        })
    );
    let mut one = vec![String::new(); 1];
    let error = StringConcat.run_in_place(Cpu::new(), [1], &mut one, [2], &b);
    assert_eq!(
        error,
        Err(Error::SizeMismatch {
            what: "broadcast result",
            left: 2,
            right: 1
        })
    );
}

#[test]
fn names_are_found_by_place_and_places_by_name() {
    let cpu = Cpu::new();
    let mut y = vec![String::from("before"); 4];
    let names = Names {
        names: ["", "b", "日本"],
    }
    .checked();
    names
        .run(cpu, &[2, 0, 1, 2], &mut y)
        .expect("places are there");
    assert_eq!(y, ["日本", "", "b", "日本"]);
    for index in [-1, 3, i64::MAX, i64::MIN] {
        let error = names.run(cpu, &[index], &mut y);
        assert_eq!(error, Err(Error::IndexOutOfRange { index, size: 3 }));
    }
    let mut places = [7; 4];
    Places {
        names: ["", "b", "日本"],
    }
    .checked()
    .run(cpu, &y, &mut places);
    assert_eq!(places, [2, 0, 1, 2]);
    let others: Vec<String> = ["a", "b ", "日", "zz"].map(String::from).into();
    Places {
        names: ["", "b", "日本"],
    }
    .checked()
    .run(cpu, &others, &mut places);
    assert_eq!(places, [3; 4]);
    Places { names: [] }
        .checked()
        .run(cpu, &others, &mut places);
    assert_eq!(places, [0; 4]);
}

#[test]
#[should_panic(expected = "Places: names in ascending order")]
fn a_name_stands_once_in_a_table() {
    let _ = Places {
        names: ["a", "b", "b"],
    }
    .checked();
}

#[test]
#[should_panic(expected = "Places: names in ascending order")]
fn names_stand_in_order() {
    let _ = Places { names: ["b", "a"] }.checked();
}
