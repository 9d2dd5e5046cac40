//! Layers of strings, against loops over indices.

mod draws;

use draws::Rng;
use tf_layers::text::{Names, Places, StringConcat};
use tf_layers::{Cpu, Error};

const WORDS: [&str; 7] = ["", "a", "Zebra", "naïve", "日本", "two words", "\u{301}"];

fn words(rng: &mut Rng, shape: [usize; 3]) -> Vec<String> {
    let count = shape.iter().product();
    (0..count)
        .map(|_| WORDS[rng.size(0, WORDS.len())].into())
        .collect()
}

/// Where the element of y at `index` comes from, in an operand of this shape.
fn at(shape: [usize; 3], index: [usize; 3]) -> usize {
    let mut at = 0;
    for (n, i) in shape.into_iter().zip(index) {
        at = at * n + if n == 1 { 0 } else { i };
    }
    at
}

/// By the definition: numpy's broadcasting, index by index.
fn joined(
    a_shape: [usize; 3],
    a: &[String],
    b_shape: [usize; 3],
    b: &[String],
) -> ([usize; 3], Vec<String>) {
    let shape = std::array::from_fn(|k| {
        if a_shape[k] == 1 {
            b_shape[k]
        } else {
            a_shape[k]
        }
    });
    let mut y = Vec::new();
    for i in 0..shape[0] {
        for j in 0..shape[1] {
            for k in 0..shape[2] {
                let index = [i, j, k];
                y.push(format!(
                    "{}{}",
                    a[at(a_shape, index)],
                    b[at(b_shape, index)]
                ));
            }
        }
    }
    (shape, y)
}

#[test]
fn joined_as_the_definition_does() {
    let (cpu, mut rng) = (Cpu::new(), Rng::new(7));
    let layer = StringConcat.checked();
    for _ in 0..400 {
        let whole: [usize; 3] = std::array::from_fn(|_| rng.size(0, 5));
        let mut drawn = || whole.map(|n| if rng.size(0, 3) == 0 { 1 } else { n });
        let (a_shape, b_shape) = (drawn(), drawn());
        let (a, b) = (words(&mut rng, a_shape), words(&mut rng, b_shape));
        let (shape, want) = joined(a_shape, &a, b_shape, &b);
        let what = format!("{a_shape:?} {b_shape:?}");
        // What was there before is written over, whether longer or shorter.
        let mut y: Vec<String> = words(&mut rng, shape).iter().map(|w| w.repeat(3)).collect();
        assert_eq!(layer.run(cpu, a_shape, &a, b_shape, &b, &mut y), Ok(()));
        assert_eq!(y, want, "{what}");
        let mut y = words(&mut rng, shape);
        layer.run_known(cpu, a_shape, &a, b_shape, &b, &mut y);
        assert_eq!(y, want, "{what}");
        if shape == a_shape {
            let (mut y, mut known) = (a.clone(), a.clone());
            let done = layer.run_in_place(cpu, a_shape, &mut y, b_shape, &b);
            assert_eq!((done, &y), (Ok(()), &want), "{what}");
            layer.run_known_in_place(cpu, a_shape, &mut known, b_shape, &b);
            assert_eq!(known, want, "{what}");
        }
        if shape == b_shape {
            let (mut y, mut known) = (b.clone(), b.clone());
            let done = layer.run_in_place_right(cpu, a_shape, &a, b_shape, &mut y);
            assert_eq!((done, &y), (Ok(()), &want), "{what}");
            layer.run_known_in_place_right(cpu, a_shape, &a, b_shape, &mut known);
            assert_eq!(known, want, "{what}");
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors_and_nothing_is_written() {
    let cpu = Cpu::new();
    let of = |n: usize| vec![String::from("x"); n];
    let unequal = |left, right| {
        Err(Error::SizeMismatch {
            what: "broadcast",
            left,
            right,
        })
    };
    let mut y = of(3);
    assert_eq!(
        StringConcat.run(cpu, [3], &of(3), [2], &of(2), &mut y),
        unequal(3, 2)
    );
    assert_eq!(
        StringConcat.run_in_place(cpu, [3], &mut y, [2], &of(2)),
        unequal(3, 2)
    );
    assert_eq!(
        StringConcat.run_in_place_right(cpu, [2], &of(2), [3], &mut y),
        unequal(2, 3)
    );
    // They fit, but not into the operand that is written over.
    let longer = |left, right| {
        Err(Error::SizeMismatch {
            what: "broadcast result",
            left,
            right,
        })
    };
    let mut one = of(1);
    assert_eq!(
        StringConcat.run_in_place(cpu, [1], &mut one, [3], &of(3)),
        longer(3, 1)
    );
    assert_eq!(
        StringConcat.run_in_place_right(cpu, [3], &of(3), [1], &mut one),
        longer(3, 1)
    );
    assert_eq!(
        StringConcat.run(cpu, [1], &of(1), [3], &of(3), &mut one),
        longer(3, 1)
    );
    assert_eq!((y, one), (of(3), of(1)));
}

#[test]
fn nothing_is_allocated_where_longer_strings_were_before() {
    let (a, b) = ([String::from("日本")], [String::from("ab")]);
    let mut y = [String::with_capacity(8)];
    let place = y[0].as_ptr();
    StringConcat.run_known(Cpu::new(), [1], &a, [1], &b, &mut y);
    assert_eq!((y[0].as_str(), y[0].as_ptr()), ("日本ab", place));
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
