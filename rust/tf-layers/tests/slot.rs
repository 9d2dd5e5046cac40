//! Workspace buffers.

use tf_layers::{Error, Slot, check_input, check_lengths, elements, open_size};

#[test]
fn a_slot_begins_at_a_cache_line_and_never_shrinks() {
    let mut slot: Slot<f32> = Slot::new();
    assert_eq!((slot.fit(0).unwrap().len(), slot.bytes()), (0, 0));
    for len in [1, 3, 100, 1000] {
        let buffer = slot.fit(len).unwrap();
        assert_eq!(buffer.len(), len);
        assert_eq!(buffer.as_ptr().align_offset(64), 0);
        buffer.fill(len as f32);
        assert_eq!(slot.get(len), vec![len as f32; len]);
    }
    let (bytes, begin) = (slot.bytes(), slot.get(1).as_ptr());
    slot.fit(7).unwrap()[6] = -1.0;
    assert_eq!(slot.fit(1000).unwrap()[6], -1.0);
    assert_eq!((slot.bytes(), slot.get(1).as_ptr()), (bytes, begin));
}

#[test]
fn what_was_written_stays_when_a_slot_grows() {
    // Allocations of many sizes between, so that they lie differently between cache lines.
    let mut others: Vec<Vec<u8>> = Vec::new();
    let mut slots: Vec<Slot<f32>> = vec![Slot::new(); 20];
    for rows in 1..60_usize {
        for (k, slot) in slots.iter_mut().enumerate() {
            let row = &mut slot.fit(rows * 6).unwrap()[(rows - 1) * 6..];
            row.fill((100 * k + rows) as f32);
            others.push(vec![0; 16 * (1 + (k * rows) % 37)]);
        }
    }
    for (k, slot) in slots.iter().enumerate() {
        let rows = slot.get(59 * 6).chunks(6).enumerate();
        rows.for_each(|(r, row)| {
            assert_eq!(row, [(100 * k + r + 1) as f32; 6], "slot {k} row {r}")
        });
    }
}

#[test]
fn memory_that_is_not_there_is_an_error() {
    let mut slot: Slot<u64> = Slot::new();
    slot.fit(3).unwrap().fill(7);
    for (len, bytes) in [
        (usize::MAX, usize::MAX),
        (usize::MAX / 8, usize::MAX - 7),
        #[cfg(target_pointer_width = "64")]
        (1 << 60, 1 << 63),
    ] {
        let refused = slot.fit(len).unwrap_err();
        assert_eq!(refused, Error::Memory { bytes });
        let text = format!("no memory for a buffer of {bytes} bytes");
        assert_eq!(refused.to_string(), text);
    }
    assert_eq!(slot.get(3), [7; 3]);
    assert_eq!(slot.fit(3).unwrap(), [7; 3]);
}

#[test]
fn a_copy_of_a_slot_holds_the_same() {
    let mut slot: Slot<u8> = Slot::new();
    slot.fit(5).unwrap().copy_from_slice(b"hello");
    let mut copy = slot.clone();
    slot.fit(5).unwrap().fill(0);
    assert_eq!(copy.get(5), b"hello");
    assert_eq!(copy.fit(3).unwrap(), b"hel");
}

#[test]
fn shapes_that_the_data_decide_have_a_limit() {
    assert_eq!(elements("n", &[3, 0, 7]), Ok(0));
    assert_eq!(elements("n", &[]), Ok(1));
    assert_eq!(elements("n", &[1 << 16, 1 << 15]), Ok(1 << 31));
    assert_eq!(elements("n", &[usize::MAX, usize::MAX, 0]), Ok(0));
    for (shape, value) in [
        (&[1 << 16, (1 << 15) + 1][..], (1 << 31) + (1 << 16)),
        #[cfg(target_pointer_width = "64")]
        (&[1 << 40, 1 << 40], i64::MAX),
        (&[usize::MAX], i64::try_from(usize::MAX).unwrap_or(i64::MAX)),
    ] {
        let what = "elements of a tensor";
        let refused = elements("range", shape);
        assert_eq!(refused, Err(Error::Size { what, value }.at("range")));
    }
}

#[test]
fn an_input_fits_its_shape_and_hides_no_huge_axis() {
    assert_eq!(check_input("x", 6, &[2, 3]), Ok(()));
    assert_eq!(check_input("x", 0, &[2, 0, 3]), Ok(()));
    assert_eq!(check_input("x", 0, &[1 << 31, 0]), Ok(()));
    let beyond = [usize::MAX / 2, 3];
    for (shape, expected) in [(&[2, 3][..], 6), (&beyond[..], usize::MAX)] {
        let (name, actual) = ("x", 5);
        let refused = check_input(name, actual, shape);
        assert_eq!(
            refused,
            Err(Error::InputLength {
                name,
                expected,
                actual
            })
        );
    }
    for (shape, value) in [
        (&[(1 << 31) + 1, 0][..], (1 << 31) + 1),
        #[cfg(target_pointer_width = "64")]
        (&[1 << 20, 0, 1 << 20], 1 << 40),
        (
            &[0, usize::MAX],
            i64::try_from(usize::MAX).unwrap_or(i64::MAX),
        ),
    ] {
        let refused = check_input("x", 0, shape);
        assert_eq!(refused, Err(Error::Size { what: "x", value }));
    }
}

#[test]
fn lengths_are_counted_before_they_wrap() {
    let most = isize::MAX.unsigned_abs();
    let half = 1_usize << (usize::BITS / 2);
    assert_eq!(
        check_lengths(&[&[3, 4], &[most], &[0, half / 2, half / 2]]),
        Ok(())
    );
    for shape in [&[most + 1][..], &[half, half], &[half, 0, half], &[7, most]] {
        let refused = Err(Error::Memory { bytes: usize::MAX });
        assert_eq!(check_lengths(&[&[2], shape, &[3]]), refused);
    }
}

#[test]
fn a_length_says_the_one_size_that_is_open() {
    assert_eq!(open_size("x", 192, &[1, 8, 8]), Ok(3));
    assert_eq!(open_size("x", 0, &[1, 8, 8]), Ok(0));
    assert_eq!(open_size("x", 5, &[]), Ok(5));
    for (actual, others, expected) in [
        (65, &[1, 8, 8][..], 128),
        (1, &[64], 64),
        (3, &[usize::MAX / 2, 3], usize::MAX),
    ] {
        let name = "x";
        let refused = Err(Error::InputLength {
            name,
            expected,
            actual,
        });
        assert_eq!(open_size(name, actual, others), refused);
    }
    let any = Err(Error::Size {
        what: "x",
        value: 0,
    });
    assert_eq!(open_size("x", 0, &[8, 0]), any);
}

#[test]
fn debug_tells_the_room_of_a_slot() {
    let mut slot = Slot::<f32>::new();
    assert_eq!(format!("{slot:?}"), "[f32; 0]");
    slot.fit(1 << 20).expect("there is room");
    assert!(format!("{slot:?}").len() < 20);
}

#[test]
fn a_fixed_buffer_has_its_room_and_no_more() {
    let mut fixed = tf_layers::Fixed::<f32, 5>::new();
    assert_eq!(fixed.fit(5).unwrap(), [0.0; 5]);
    fixed.fit(3).unwrap().copy_from_slice(&[1.0, 2.0, 3.0]);
    assert_eq!(
        fixed.fit(4).unwrap(),
        [1.0, 2.0, 3.0, 0.0],
        "what was written stays"
    );
    assert_eq!(fixed.get(2), [1.0, 2.0]);
    assert_eq!(fixed.fit(6), Err(Error::Memory { bytes: 24 }));
    assert_eq!(
        fixed.fit(usize::MAX),
        Err(Error::Memory { bytes: usize::MAX })
    );
    assert_eq!(
        (fixed.bytes(), size_of_val(&fixed)),
        (20, 64),
        "whole cache lines"
    );
    assert_eq!(format!("{fixed:?}"), "[f32; 5]");
}
