"""Size expressions: what is simplified has the value that the plain operation has, for every value of the symbols."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx2rust.ir.dims import Dim, Expr, broadcast, evaluate, substitute, symbol

A, B, C = symbol("a"), symbol("b"), symbol("c")
small = st.integers(-4, 4)


@st.composite
def polynomials(draw: st.DrawFn) -> Dim:
    return draw(small) * A * B + draw(small) * A * A + draw(small) * A + draw(small) * B + draw(small)


@given(polynomials(), polynomials(), st.integers(1, 9), st.integers(1, 9))
def test_division_is_python_s(left: Dim, right: Dim, a: int, b: int) -> None:
    values = {"a": a, "b": b}
    divisor = evaluate(right, values)
    if divisor != 0 and right != 0:
        assert evaluate(left // right, values) == evaluate(left, values) // divisor
        assert evaluate(left * right // right, values) == evaluate(left, values)


@given(polynomials(), polynomials())
def test_an_exact_quotient_is_found(left: Dim, right: Dim) -> None:
    if right != 0:
        assert left * right // right == left


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        (A * 4 // 4, "a"),
        ((1024 * (A // 2) + 1024) // (A // 2 + 1), "1024"),
        ((A * B + A + B + 1) // (B + 1), "a + 1"),
        ((A + 2) // (B + 1), "(a + 2)//(b + 1)"),
        ((A * A * A + 1) // (A + 1), "a*a - a + 1"),
    ],
)
def test_canonical_form(dim: Dim, text: str) -> None:
    assert str(dim) == text
    assert isinstance(dim, (int, Expr))


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


def test_a_quotient_by_an_empty_axis_is_zero() -> None:
    """As generated code has it."""
    for quotient in (4 // symbol("n"), symbol("m") % symbol("n"), symbol("m") // symbol("n")):
        assert substitute(quotient, {"n": 0}) == 0
        assert substitute(quotient, {"n": 0, "m": 5}) == 0
