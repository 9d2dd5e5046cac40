"""Arithmetic on sizes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from onnx2rust.dims import broadcast, evaluate, symbol

A, B, C = symbol("a"), symbol("b"), symbol("c")


def test_broadcast_is_numpys_for_all_sizes_that_fit() -> None:
    (size,) = broadcast([(A,), (B,), (C,)])
    for a, b, c in itertools.product((0, 1, 2, 3), repeat=3):
        try:
            (expected,) = np.broadcast_shapes((a,), (b,), (c,))
        except ValueError:
            continue
        assert evaluate(size, {"a": a, "b": b, "c": c}) == expected, (a, b, c)


def test_broadcast_has_one_form() -> None:
    (size,) = broadcast([(A,), (B,)])
    assert broadcast([(B,), (A,)]) == broadcast([(A,), (size,)]) == broadcast([(size,), (size,)]) == (size,)
    assert str(size) == "broadcast(a, b)"
    assert broadcast([(A, 1), (A, B)]) == (A, B)
    # a known size is the answer, whatever the other turns out to be
    assert broadcast([(A,), (4,)]) == (4,)
    with pytest.raises(ValueError, match="do not broadcast"):
        broadcast([(3,), (4,)])
