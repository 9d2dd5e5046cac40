//! Workspace buffers.

use tf_layers::Slot;

#[test]
fn a_slot_begins_at_a_cache_line_and_never_shrinks() {
    let mut slot: Slot<f32> = Slot::new();
    assert_eq!((slot.fit(0).len(), slot.bytes()), (0, 0));
    for len in [1, 3, 100, 1000] {
        let buffer = slot.fit(len);
        assert_eq!(buffer.len(), len);
        assert_eq!(buffer.as_ptr().align_offset(64), 0);
        buffer.fill(len as f32);
        assert_eq!(slot.get(len), vec![len as f32; len]);
    }
    let (bytes, begin) = (slot.bytes(), slot.get(1).as_ptr());
    slot.fit(7)[6] = -1.0;
    assert_eq!(slot.fit(1000)[6], -1.0);
    assert_eq!((slot.bytes(), slot.get(1).as_ptr()), (bytes, begin));
}

#[test]
fn a_copy_of_a_slot_holds_the_same() {
    let mut slot: Slot<u8> = Slot::new();
    slot.fit(5).copy_from_slice(b"hello");
    let mut copy = slot.clone();
    slot.fit(5).fill(0);
    assert_eq!(copy.get(5), b"hello");
    assert_eq!(copy.fit(3), b"hel");
}
