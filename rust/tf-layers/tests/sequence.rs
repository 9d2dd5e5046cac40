//! Sequences of tensors against vectors of tensors.

mod draws;

use draws::Rng;
use tf_layers::sequence::{
    ConcatFromSequence, OptionalHasElement, Sequence, SequenceAt, SequenceConstruct, SequenceCopy,
    SequenceEmpty, SequenceErase, SequenceInsert, SequenceLength, SplitToSequence,
};
use tf_layers::{Cpu, Error};

/// What a sequence should hold.
type Plain = Vec<(Vec<usize>, Vec<i32>)>;

fn filled(plain: &Plain) -> Sequence<i32> {
    let mut sequence = Sequence::new();
    for (shape, data) in plain {
        sequence.push(shape, data).expect("shapes fit");
    }
    sequence
}

fn plain(sequence: &Sequence<i32>) -> Plain {
    let items = sequence.iter();
    items.map(|i| (i.shape.to_vec(), i.data.to_vec())).collect()
}

/// Items of any shapes, some without elements, some without axes.
fn drawn(rng: &mut Rng, most: usize) -> Plain {
    let count = rng.size(0, most + 1);
    (0..count)
        .map(|k| {
            let axes = rng.size(0, 4);
            let shape: Vec<usize> = (0..axes).map(|_| rng.size(0, 4)).collect();
            let elements = shape.iter().product::<usize>();
            let first = i32::try_from(k * 100).expect("small");
            (shape, (first..).take(elements).collect())
        })
        .collect()
}

#[test]
fn inserted_and_erased_at_every_position() {
    let (cpu, mut rng) = (Cpu::new(), Rng::new(1));
    for _ in 0..200 {
        let items = drawn(&mut rng, 5);
        let count = i64::try_from(items.len()).expect("small");
        let x = filled(&items);
        for position in -count..=count {
            let place = usize::try_from(if position < 0 {
                position + count
            } else {
                position
            })
            .expect("inside");
            let mut want = items.clone();
            want.insert(place, (vec![2, 1], vec![7, 8]));
            // what a buffer held before is of no matter
            let mut y = filled(&drawn(&mut rng, 3));
            SequenceInsert
                .run_at(cpu, [2, 1], &x, &[7, 8], &[position], &mut y)
                .expect("inside");
            assert_eq!(plain(&y), want);
            SequenceErase
                .run_at_in_place(cpu, &mut y, &[position - i64::from(position < 0)])
                .expect("inside");
            assert_eq!(plain(&y), items);
            if position < count {
                want = items.clone();
                want.remove(place);
                SequenceErase
                    .run_at(cpu, &x, &[position], &mut y)
                    .expect("inside");
                assert_eq!(plain(&y), want);
            }
        }
        let mut y = Sequence::new();
        SequenceInsert
            .run(cpu, [1], &x, &[9], &mut y)
            .expect("there is memory");
        assert_eq!(plain(&y).last(), Some(&(vec![1], vec![9])));
        SequenceErase
            .run_in_place(cpu, &mut y)
            .expect("there is one");
        assert_eq!(y, x);
        let mut length = [0];
        SequenceLength.run(cpu, &x, &mut length);
        assert_eq!(length, [count]);
        let mut any = [false];
        OptionalHasElement.run(cpu, &x, &mut any);
        assert_eq!(any, [count > 0]);
    }
}

#[test]
fn positions_beyond_the_items_are_errors() {
    let cpu = Cpu::new();
    let x = filled(&vec![(vec![2], vec![1, 2])]);
    let mut y = Sequence::new();
    for position in [-3, 2, i64::MAX, i64::MIN] {
        let found = SequenceInsert.run_at(cpu, [], &x, &[1], &[position], &mut y);
        let (index, size) = (position, 1);
        assert_eq!(found, Err(Error::IndexOutOfRange { index, size }));
    }
    for position in [-2, 1] {
        let (index, size) = (position, 1);
        let error = Error::IndexOutOfRange { index, size };
        let erased = SequenceErase.run_at(cpu, &x, &[position], &mut y);
        assert_eq!(erased, Err(error.clone()));
        let at = SequenceAt { open_axes: [0] };
        assert_eq!(at.sizes(cpu, &x, &[position]), Err(error.clone()));
        assert_eq!(at.run(cpu, &x, &[position], &mut [0; 2]), Err(error));
    }
    SequenceEmpty.run(cpu, &mut y);
    let (index, size) = (-1, 0);
    assert_eq!(
        SequenceErase.run_in_place(cpu, &mut y),
        Err(Error::IndexOutOfRange { index, size })
    );
}

#[test]
fn constructed_copied_and_read() {
    let (cpu, mut rng) = (Cpu::new(), Rng::new(2));
    let layer = SequenceConstruct { ranks: [2, 0, 1] }.checked();
    let mut y = filled(&drawn(&mut rng, 3));
    layer
        .run(cpu, [2, 2, 3], &[&[1, 2, 3, 4], &[5], &[6, 7, 8]], &mut y)
        .expect("there is memory");
    let want: Plain = vec![
        (vec![2, 2], vec![1, 2, 3, 4]),
        (vec![], vec![5]),
        (vec![3], vec![6, 7, 8]),
    ];
    assert_eq!(plain(&y), want);
    let mut copy = filled(&drawn(&mut rng, 3));
    SequenceCopy
        .run(cpu, &y, &mut copy)
        .expect("there is memory");
    assert_eq!(copy, y);
    let at = SequenceAt { open_axes: [1, 0] }.checked();
    assert_eq!(at.sizes(cpu, &y, &[-3]), Ok([2, 2]));
    let mut first = [0; 4];
    at.run(cpu, &y, &[0], &mut first).expect("inside");
    assert_eq!(first, [1, 2, 3, 4]);
    assert_eq!(format!("{y:?}"), "[[2, 2], [], [3]]");
    assert_eq!(y.get(3), None);
    assert!(y.bytes() > 0 && !y.is_empty());
}

#[test]
fn joined_along_axes_of_theirs_and_new_ones() {
    let cpu = Cpu::new();
    let x = filled(&vec![
        (vec![2, 1], vec![1, 2]),
        (vec![2, 3], vec![3, 4, 5, 6, 7, 8]),
        (vec![2, 0], vec![]),
    ]);
    let layer = ConcatFromSequence {
        axis: 1,
        new_axis: false,
        open_axes: [1, 0],
    }
    .checked();
    assert_eq!(layer.sizes(cpu, &x), Ok([4, 2]));
    let mut y = [0; 8];
    layer.run(cpu, &x, &mut y).expect("they fit");
    assert_eq!(y, [1, 3, 4, 5, 2, 6, 7, 8]);
    let front = ConcatFromSequence {
        axis: 0,
        new_axis: false,
        open_axes: [0],
    };
    let what = "shapes of joined items";
    let error = Err(Error::SizeMismatch {
        what,
        left: 1,
        right: 3,
    });
    assert_eq!(front.sizes(cpu, &x), error);

    let x = filled(&vec![
        (vec![2, 2], vec![1, 2, 3, 4]),
        (vec![2, 2], vec![5, 6, 7, 8]),
    ]);
    for (axis, want) in [
        (0, [1, 2, 3, 4, 5, 6, 7, 8]),
        (1, [1, 2, 5, 6, 3, 4, 7, 8]),
        (2, [1, 5, 2, 6, 3, 7, 4, 8]),
    ] {
        let layer = ConcatFromSequence {
            axis,
            new_axis: true,
            open_axes: [0, 1, 2],
        };
        assert_eq!(layer.sizes(cpu, &x), Ok([2, 2, 2]));
        layer.run(cpu, &x, &mut y).expect("they fit");
        assert_eq!(y, want);
    }
    // an item that adds nothing may have any other sizes; one of no elements that adds something may not
    let empty = |sizes: [usize; 2]| (sizes.to_vec(), vec![]);
    let two = (vec![2, 2], vec![1, 2, 3, 4]);
    let layer = ConcatFromSequence {
        axis: 0,
        new_axis: false,
        open_axes: [0, 1],
    };
    for items in [
        vec![empty([0, 0]), two.clone(), empty([0, 3])],
        vec![two.clone(), empty([0, 0])],
    ] {
        let (x, mut y) = (filled(&items), [0; 4]);
        assert_eq!(layer.sizes(cpu, &x), Ok([2, 2]));
        layer.run(cpu, &x, &mut y).expect("they fit");
        assert_eq!(y, [1, 2, 3, 4]);
    }
    let x = filled(&vec![empty([0, 3]), empty([0, 2])]);
    assert_eq!(layer.sizes(cpu, &x), Ok([0, 3]));
    let (left, right) = (2, 0);
    let error = Err(Error::SizeMismatch { what, left, right });
    assert_eq!(layer.sizes(cpu, &filled(&vec![two, empty([1, 0])])), error);
    let none = Err(Error::Size {
        what: "items to join",
        value: 0,
    });
    assert_eq!(front.sizes::<i32>(cpu, &Sequence::new()), none);
}

#[test]
fn split_into_pieces() {
    let cpu = Cpu::new();
    let x: Vec<i32> = (0..12).collect();
    let mut y = Sequence::new();
    let layer = |axis, keepdims| SplitToSequence { axis, keepdims }.checked();
    layer(0, false)
        .run(cpu, [2, 3, 2], &x, &mut y)
        .expect("there is memory");
    let halves: Plain = vec![
        (vec![3, 2], (0..6).collect()),
        (vec![3, 2], (6..12).collect()),
    ];
    assert_eq!(plain(&y), halves);
    layer(2, true)
        .run(cpu, [2, 3, 2], &x, &mut y)
        .expect("there is memory");
    let (even, odd) = (
        x.iter().copied().step_by(2),
        x.iter().copied().skip(1).step_by(2),
    );
    assert_eq!(
        plain(&y),
        vec![
            (vec![2, 3, 1], even.collect()),
            (vec![2, 3, 1], odd.collect())
        ]
    );
    layer(1, true)
        .run_each(cpu, [2, 3, 2], &x, &[2], &mut y)
        .expect("it is positive");
    let pieces: Plain = vec![
        (vec![2, 2, 2], vec![0, 1, 2, 3, 6, 7, 8, 9]),
        (vec![2, 1, 2], vec![4, 5, 10, 11]),
    ];
    assert_eq!(plain(&y), pieces);
    layer(1, true)
        .run_parts(cpu, [2, 3, 2], &x, &[2, 0, 1], &mut y)
        .expect("they sum up");
    assert_eq!(plain(&y)[1], (vec![2, 0, 2], vec![]));
    assert_eq!(plain(&y)[2], pieces[1]);
    // what has no elements has pieces all the same
    layer(0, true)
        .run(cpu, [2, 0], &[], &mut y)
        .expect("there is memory");
    assert_eq!(plain(&y), vec![(vec![1, 0], vec![]); 2]);

    let what = "the size of a piece";
    for value in [0, -1] {
        let found = layer(1, true).run_each(cpu, [2, 3, 2], &x, &[value], &mut y);
        assert_eq!(found, Err(Error::Size { what, value }));
    }
    let value = -1;
    let found = layer(1, true).run_parts(cpu, [2, 3, 2], &x, &[4, value], &mut y);
    let all = "the sizes of all pieces";
    assert_eq!(
        found,
        Err(Error::SizeMismatch {
            what: all,
            left: 4,
            right: 3
        })
    );
    let found = layer(1, true).run_parts(cpu, [2, 3, 2], &x, &[value], &mut y);
    assert_eq!(found, Err(Error::Size { what, value }));
    let found = layer(1, true).run_parts(cpu, [2, 3, 2], &x, &[1, 1], &mut y);
    assert_eq!(
        found,
        Err(Error::SizeMismatch {
            what: all,
            left: 2,
            right: 3
        })
    );
}

#[test]
fn checked_against_a_shape() {
    let x = filled(&vec![(vec![2, 3], vec![0; 6]), (vec![1, 3], vec![0; 3])]);
    assert_eq!(x.check("x", None), Ok(()));
    assert_eq!(x.check("x", Some(&[None, Some(3)])), Ok(()));
    let differ = |left, right| {
        Err(Error::SizeMismatch {
            what: "x",
            left,
            right,
        })
    };
    assert_eq!(x.check("x", Some(&[Some(2), None])), differ(1, 2));
    assert_eq!(x.check("x", Some(&[None])), differ(2, 1));
}

#[test]
fn an_item_has_as_many_elements_as_its_shape_says() {
    let mut x = Sequence::new();
    let name = "an item of a sequence";
    let error = Error::InputLength {
        name,
        expected: 4,
        actual: 3,
    };
    assert_eq!(x.push(&[2, 2], &[1, 2, 3]), Err(error));
    assert!(x.is_empty());
    assert!(matches!(
        x.push(&[1 << 20, 1 << 20], &[1]),
        Err(Error::At { .. })
    ));
    assert_eq!(x, Sequence::new());
}
