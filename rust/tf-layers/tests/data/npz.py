"""Writes the archives that tests/npz.rs reads: `python npz.py` in this directory."""

import numpy as np

ARRAYS = {
    "bool": np.array([[True, False, True]]),
    "u8": np.arange(3, dtype=np.uint8),
    "u16": np.array([1, 65535], np.uint16),
    "u32": np.array([1, 2**32 - 1], np.uint32),
    "u64": np.array([1, 2**64 - 1], np.uint64),
    "i8": np.array([-128, 127], np.int8),
    "i16": np.array([-32768, 2], np.int16),
    "i32": np.array([-(2**31), 3], np.int32),
    "i64": np.array([-(2**63), 4], np.int64),
    "f16": np.array([1.5, -0.0], np.float16),
    "f32": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "f64": np.array(np.pi),
    "text": np.array(["", "grüße", "𝄞x"]),
    "fortran": np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4)),
    "empty": np.zeros((0, 5), np.float32),
    "layer/kernel": np.ones((1, 1), np.float32),
}

np.savez("stored.npz", **ARRAYS)
np.savez_compressed("deflated.npz", **ARRAYS)
np.savez("big_endian.npz", x=np.arange(3, dtype=">f4"))
np.savez("object.npz", x=np.array([{}], dtype=object))
np.savez("structured.npz", x=np.zeros(2, dtype=[("a", "<f4")]))
