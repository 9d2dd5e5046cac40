"""Polynomials over values: the formulas that spelled-out functions are compared with."""

from __future__ import annotations

import numpy as np
from build import layers
from passing import passed
from spelled_patterns import Pattern, node

from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import TensorType
from onnx2rust.passes.polynomials import Poly

X, Y = (Value(name, TensorType(DType.F32, (4,))) for name in "xy")
x, y = Poly.of(X), Poly.of(Y)


def test_one_function_is_one_polynomial() -> None:
    assert (x - y) ** 2 == x**2 - 2 * x * y + y**2
    assert x / 2 * (1 + y) == 0.5 * x + y * x * 0.5
    assert (x * y) / y == x
    assert (x**4 * y**2) ** 0.5 == x**2 * y
    assert 1 - x - (1 - x) == Poly.of(0)


def test_constants_may_be_rounded() -> None:
    third = float(np.float32(1 / 3))
    assert (x * third + y).is_close(x / 3 + y)
    assert not (x * 0.334 + y).is_close(x / 3 + y)
    assert not x.is_close(x + y)


def test_what_is_left_without_a_part() -> None:
    assert (x * y + 3).without(x * y) == Poly.of(3)
    assert (x * y + 3).without(x * y * 2) is None
    assert (x * y + 3).without(x) is None


def test_which_value_it_is() -> None:
    assert x.value is X
    assert (2 * x).value is None
    assert (x + y).value is None
    assert Poly.of(1).value is None
    assert (3 * x + y)[X] == 3
    assert (x * y)[X] == 0


def test_division_by_zero_is_no_formula() -> None:
    nodes = [node("Sigmoid", "x", "s"), node("Div", "s zero", "y")]
    pattern = Pattern(nodes, {"zero": np.zeros((), np.float32)}, [], {"x": ["batch", 4]})
    assert layers(passed(pattern)[0]) == ["Activate", "Div"]
