//! Tensors of any rank against vectors of sizes and elements.

mod draws;

use draws::Rng;
use tf_layers::sequence::{Sequence, SequenceAtUnranked, SequenceInsertUnranked};
use tf_layers::unranked::{
    BroadcastShapes, Elements, Expand, Like, Ranked, Reshape, ShapeOf, Squeeze, UnrankedCopy,
    Unsqueeze, Wrap,
};
use tf_layers::{Cpu, Error, Unranked};

/// A shape of up to four axes, none of which has more than three places, and its elements.
fn drawn(rng: &mut Rng) -> (Vec<usize>, Vec<i32>) {
    let axes = rng.size(0, 5);
    let shape: Vec<usize> = (0..axes).map(|_| rng.size(0, 4)).collect();
    let elements = shape.iter().product::<usize>();
    (shape, (0..).take(elements).collect())
}

fn as_i64(shape: &[usize]) -> Vec<i64> {
    let sizes = shape.iter();
    sizes.map(|&n| i64::try_from(n).expect("small")).collect()
}

/// A buffer that held something else before.
fn used() -> Unranked<i32> {
    Unranked::of(&[2, 1, 2], &[9, 9, 9, 9]).expect("shapes fit")
}

#[test]
fn a_new_one_is_empty_and_a_set_one_holds_what_it_is_given() {
    let mut x = Unranked::<i32>::new();
    assert_eq!((x.shape(), x.data(), x.bytes()), (&[0][..], &[][..], 0));
    x.set(&[], &[5]).expect("a scalar");
    assert_eq!((x.shape(), x.data()), (&[][..], &[5][..]));
    let error = x.set(&[2, 2], &[1]).expect_err("too few");
    let name = "a tensor of any rank";
    let (expected, actual) = (4, 1);
    assert_eq!(
        error,
        Error::InputLength {
            name,
            expected,
            actual
        }
    );
    assert_eq!(x, Unranked::of(&[], &[5]).expect("as before"));
    assert_eq!(format!("{:?}", used()), "[2, 1, 2] [i32; 4]");
}

#[test]
fn wrapped_copied_and_read_again() {
    let (cpu, mut rng) = (Cpu::new(), Rng::new(3));
    for _ in 0..100 {
        let (shape, data) = drawn(&mut rng);
        let x = Unranked::of(&shape, &data).expect("shapes fit");
        let mut y = used();
        UnrankedCopy.run(cpu, &x, &mut y).expect("room");
        assert_eq!(x, y);
        let [n] = Elements.sizes(cpu, &x).expect("never");
        let mut flat = vec![7; n];
        Elements.run(cpu, &x, &mut flat);
        assert_eq!(flat, data);
        let doubled: Vec<f64> = data.iter().map(|&v| f64::from(v) * 2.0).collect();
        let mut z = Unranked::new();
        Like.run(cpu, &doubled, &x, &mut z).expect("as many");
        assert_eq!((z.shape(), z.data()), (x.shape(), &doubled[..]));
    }
    let mut y = used();
    Wrap.run(cpu, [3, 1], &[1, 2, 3], &mut y).expect("room");
    assert_eq!((y.shape(), y.data()), (&[3, 1][..], &[1, 2, 3][..]));
}

#[test]
fn ranked_is_what_it_must_be() {
    let (cpu, x) = (Cpu::new(), used());
    let layer = Ranked {
        shape: [2, 0, 2],
        open_axes: [1],
    }
    .checked();
    assert_eq!(layer.sizes(cpu, &x), Ok([1]));
    let mut y = [0; 4];
    layer.run(cpu, &x, &mut y).expect("fits");
    assert_eq!(y, [9; 4]);
    let what = "the number of axes";
    let (left, right) = (3, 2);
    let two = Ranked {
        shape: [2, 0],
        open_axes: [1],
    };
    assert_eq!(
        two.sizes(cpu, &x),
        Err(Error::SizeMismatch { what, left, right })
    );
    let what = "the size of an axis";
    let (left, right) = (2, 4);
    let other = Ranked {
        shape: [2, 1, 4],
        open_axes: [],
    };
    let found = other.run(cpu, &x, &mut y);
    assert_eq!(found, Err(Error::SizeMismatch { what, left, right }));
}

#[test]
fn parts_of_shapes_as_python_slices_them() {
    let (cpu, x) = (
        Cpu::new(),
        Unranked::of(&[4, 0, 2], &[0.5; 0]).expect("empty"),
    );
    for (start, end, want) in [
        (0, i64::MAX, &[4, 0, 2][..]),
        (-2, 5, &[0, 2]),
        (1, -1, &[0]),
        (2, 1, &[]),
        (-9, 1, &[4]),
        (i64::MIN, i64::MIN, &[]),
        (7, 9, &[]),
    ] {
        let layer = ShapeOf { start, end }.checked();
        let [n] = layer.sizes(cpu, &x).expect("never");
        let mut y = vec![-1; n];
        layer.run(cpu, &x, &mut y);
        assert_eq!(y, want, "{start}..{end}");
    }
}

/// x broadcast to a shape, by the definition: element by element, places of axes of size 1 are 0.
fn expanded(shape: &[usize], data: &[i32], target: &[usize]) -> Option<(Vec<usize>, Vec<i32>)> {
    let rank = shape.len().max(target.len());
    let wide = |s: &[usize]| [&vec![1; rank - s.len()][..], s].concat();
    let (from, to) = (wide(shape), wide(target));
    let sizes = from.iter().zip(&to).map(|(&a, &b)| match (a, b) {
        (1, n) | (n, 1) => Some(n),
        (a, b) => (a == b).then_some(a),
    });
    let out: Vec<usize> = sizes.collect::<Option<_>>()?;
    let elements = (0..out.iter().product()).map(|mut number: usize| {
        let (mut at, mut stride) = (0, 1);
        for axis in (0..rank).rev() {
            let place = number % out[axis];
            number /= out[axis];
            at += if from[axis] == 1 { 0 } else { place } * stride;
            stride *= from[axis];
        }
        data[at]
    });
    let elements = elements.collect();
    Some((out, elements))
}

#[test]
fn expanded_as_by_the_definition() {
    let (cpu, mut rng) = (Cpu::new(), Rng::new(5));
    let mut fitted = 0;
    for _ in 0..2000 {
        let ((shape, data), (target, _)) = (drawn(&mut rng), drawn(&mut rng));
        let (old, new) = (as_i64(&shape), as_i64(&target));
        let mut y = used();
        let done = Expand.run(cpu, &data, &old, &new, &mut y);
        let [rank] = BroadcastShapes.sizes(cpu, &old, &new).expect("never");
        let mut joined = vec![-1; rank];
        let joins = BroadcastShapes.run(cpu, &old, &new, &mut joined);
        let Some((out, elements)) = expanded(&shape, &data, &target) else {
            assert!(matches!(
                done,
                Err(Error::SizeMismatch {
                    what: "a broadcast axis",
                    ..
                })
            ));
            assert_eq!(done, joins);
            continue;
        };
        fitted += 1;
        assert_eq!((done, joins), (Ok(()), Ok(())));
        assert_eq!((y.shape(), y.data()), (&out[..], &elements[..]));
        assert_eq!(joined, as_i64(&out));
    }
    assert!(fitted > 200, "{fitted}");
}

#[test]
fn expanded_to_what_is_no_shape_or_too_large() {
    let (cpu, mut y) = (Cpu::new(), used());
    let negative = Expand.run(cpu, &[1], &[], &[2, -1], &mut y);
    let what = "an axis";
    assert_eq!(negative, Err(Error::Size { what, value: -1 }));
    assert_eq!(y.shape(), [0]);
    let many = vec![1 << 20; 4];
    let large = Expand.run(cpu, &[1], &[], &many, &mut y);
    let layer = "a tensor of any rank";
    assert!(
        matches!(large, Err(Error::At { layer: found, .. }) if found == layer),
        "{large:?}"
    );
    assert_eq!((y.shape(), y.data()), (&[0][..], &[][..]));
    Expand.run(cpu, &[1], &[], &[2, 2], &mut y).expect("fits");
    assert_eq!((y.shape(), y.data()), (&[2, 2][..], &[1; 4][..]));
}

#[test]
fn reshaped() {
    let cpu = Cpu::new();
    let data: Vec<i32> = (0..12).collect();
    let run = |allow_zero, shape: &[i64], target: &[i64]| {
        let mut y = used();
        let elements = usize::try_from(shape.iter().product::<i64>()).expect("small");
        let layer = Reshape { allow_zero }.checked();
        let done = layer.run(cpu, &data[..elements], shape, target, &mut y);
        done.map(|()| y.shape().to_vec())
    };
    assert_eq!(run(false, &[3, 4], &[2, -1]), Ok(vec![2, 6]));
    assert_eq!(run(false, &[3, 4], &[0, 2, -1]), Ok(vec![3, 2, 2]));
    assert_eq!(run(false, &[1], &[]), Ok(vec![]));
    assert_eq!(run(true, &[0, 4], &[4, 0, 5]), Ok(vec![4, 0, 5]));
    let what = "a reshaped axis";
    for (allow_zero, shape, target, value) in [
        (false, &[3, 4][..], &[-2, 6][..], -2),
        (false, &[3, 4], &[-1, -1], -1),
        (false, &[3, 4], &[12, 1, 0], 0),
        (true, &[0, 4], &[0, -1], -1),
    ] {
        assert_eq!(
            run(allow_zero, shape, target),
            Err(Error::Size { what, value })
        );
    }
    let what = "elements of a reshaped tensor";
    let (left, right) = (12, 10);
    let wrong = Err(Error::SizeMismatch { what, left, right });
    assert_eq!(run(false, &[3, 4], &[5, -1]), wrong);
    assert_eq!(run(false, &[3, 4], &[5, 2]), wrong);
}

#[test]
fn axes_come_and_go() {
    let (cpu, x) = (Cpu::new(), [1, 2, 3]);
    let shape = [1, 3, 1];
    let squeezed = |axes: Option<&[i64]>| {
        let mut y = used();
        let done = match axes {
            Some(axes) => Squeeze.run_axes(cpu, &x, &shape, axes, &mut y),
            None => Squeeze.run(cpu, &x, &shape, &mut y),
        };
        done.map(|()| (y.shape().to_vec(), y.data().to_vec()))
    };
    assert_eq!(squeezed(None), Ok((vec![3], vec![1, 2, 3])));
    assert_eq!(squeezed(Some(&[-1])), Ok((vec![1, 3], vec![1, 2, 3])));
    assert_eq!(squeezed(Some(&[2, 0, 2])), Ok((vec![3], vec![1, 2, 3])));
    assert_eq!(squeezed(Some(&[])), Ok((vec![1, 3, 1], vec![1, 2, 3])));
    let (what, left, right) = ("a squeezed axis", 3, 1);
    assert_eq!(
        squeezed(Some(&[1])),
        Err(Error::SizeMismatch { what, left, right })
    );
    let (index, size) = (3, 3);
    assert_eq!(
        squeezed(Some(&[3])),
        Err(Error::IndexOutOfRange { index, size })
    );

    let unsqueezed = |axes: &[i64]| {
        let mut y = used();
        let done = Unsqueeze.run(cpu, &x, &[3], axes, &mut y);
        done.map(|()| (y.shape().to_vec(), y.data().to_vec()))
    };
    assert_eq!(unsqueezed(&[2, 0]), Ok((vec![1, 3, 1], vec![1, 2, 3])));
    assert_eq!(unsqueezed(&[-2]), Ok((vec![1, 3], vec![1, 2, 3])));
    for (axes, index, size) in [
        (&[0, -3][..], -3, 3),
        (&[2], 2, 2),
        (&[i64::MIN], i64::MIN, 2),
    ] {
        assert_eq!(
            unsqueezed(axes),
            Err(Error::IndexOutOfRange { index, size })
        );
    }
}

#[test]
fn into_sequences_and_out_of_them() {
    let cpu = Cpu::new();
    let mut items = Sequence::new();
    items.push(&[2], &[1, 2]).expect("fits");
    let mut more = Sequence::new();
    SequenceInsertUnranked
        .run(cpu, &items, &used(), &mut more)
        .expect("room");
    SequenceInsertUnranked
        .run_at_in_place(
            cpu,
            &mut more,
            &Unranked::of(&[], &[5]).expect("a scalar"),
            &[-2],
        )
        .expect("a place");
    let shapes: Vec<_> = more.iter().map(|item| item.shape.to_vec()).collect();
    assert_eq!(shapes, [vec![], vec![2], vec![2, 1, 2]]);
    let mut y = Unranked::new();
    SequenceAtUnranked
        .run(cpu, &more, &[-1], &mut y)
        .expect("an item");
    assert_eq!(y, used());
    let (index, size) = (3, 3);
    let beyond = SequenceAtUnranked.run(cpu, &more, &[3], &mut y);
    assert_eq!(beyond, Err(Error::IndexOutOfRange { index, size }));
}
