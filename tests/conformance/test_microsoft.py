"""Operators of com.microsoft through generated code, against onnxruntime, which is their specification."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cases
import harness
import numpy as np
import pytest
from cases import case, floats, node
from onnx import TensorProto

from onnx2rust.model.schemas import MICROSOFT
from onnx2rust.oracle.referee import Referee

SPECIAL = np.array([np.nan, np.inf, -1e38, 0.0, -0.0, 1e-45, -40.0, 1e38], np.float32)
"""Without −∞, where our gelu is its limit 0, and the formula NaN."""


def _bias_gelu() -> Iterator[harness.Case]:
    gelu = [node("BiasGelu", "a", "b", domain=MICROSOFT)]
    for shape in ((1,), (17,), (3, 5), (2, 3, 16), (2, 1, 3, 33), (4, 0), (0, 4)):
        name, x, bias = "_".join(map(str, shape)), floats(*shape), floats(shape[-1])
        rows: dict[str, Any] = {"a": ["n", *shape[1:]]} if len(shape) > 1 else {}
        yield case(f"bias_gelu_{name}", gelu, {"a": x, "b": bias}, open_axes=rows)
        yield case(f"bias_gelu_known_{name}", gelu, {"a": x}, known={"b": bias}, open_axes=rows)
    yield case("bias_gelu_open", gelu, {"a": floats(3, 7), "b": floats(7)}, open_axes={"a": ["n", "m"], "b": ["m"]})
    yield case("bias_gelu_two_names", gelu, {"a": floats(3, 7), "b": floats(7)}, open_axes={"a": ["n", "m"], "b": ["k"]})
    yield case("bias_gelu_special", gelu, {"a": np.stack([SPECIAL, SPECIAL[::-1]]), "b": SPECIAL}, open_axes={"a": ["n", 8]})
    casts = [node("Cast", "x", into=["a"], to=TensorProto.FLOAT16), node("Cast", "v", into=["b"], to=TensorProto.FLOAT16)]
    yield case("bias_gelu_half", [*casts, *gelu], {"x": floats(5, 9), "v": floats(9)}, rtol=1e-3, atol=1e-3)


cases.reseed()
CASES = list(_bias_gelu())


@pytest.fixture(scope="module")
def results() -> dict[str, str]:
    return harness.run(CASES)


@pytest.mark.slow
@pytest.mark.parametrize("name", [c.name for c in CASES])
def test_against_onnxruntime(results: dict[str, str], name: str) -> None:
    assert results[name] == ""


@pytest.mark.parametrize(
    ("name", "wide"),
    [(c.name, wide) for c in CASES for wide in (True, False) if wide or "half" not in c.name],  # it rounds halves at every node
)
def test_the_referee_computes_the_formula(name: str, wide: bool) -> None:
    (chosen,) = (c for c in CASES if c.name == name)
    inputs, (expected,) = chosen.data[0]
    feeds = dict(zip((i.name for i in chosen.model.graph.input), inputs, strict=True))
    (found,) = Referee(chosen.model, wide=wide).run(feeds)
    assert found.dtype == (np.float64 if wide else expected.dtype)
    near = 2e-3 if expected.dtype == np.float16 else 1e-5
    np.testing.assert_allclose(found, expected, rtol=near, atol=near / 10)


def test_the_formula_has_all_digits_of_float64() -> None:
    x, bias = floats(3, 5), floats(5)
    made = case("digits", [node("BiasGelu", "a", "b", domain=MICROSOFT)], {"a": x, "b": bias})
    (found,) = Referee(made.model).run({"a": x, "b": bias})
    sums = (x.astype(np.float64) + bias).ravel().tolist()
    np.testing.assert_allclose(found.ravel(), [s / 2 * (1 + math.erf(s / math.sqrt(2))) for s in sums], rtol=1e-14)
