"""Operators of com.microsoft through generated code, against onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator

import harness
import numpy as np
import pytest
from cases import case, floats
from onnx import helper

from onnx2rust.oracle.referee import Referee

BIAS_GELU = [helper.make_node("BiasGelu", ["a", "b"], ["y"], domain="com.microsoft")]
SPECIAL = np.array([[np.nan, np.inf, 0.0, -0.0, 1e38, -1e38, 30.0, -30.0]], np.float32)


def _bias_gelu() -> Iterator[harness.Case]:
    for shape in ((5, 7), (7,), (2, 3, 33), (0, 4)):
        x, bias = floats(*shape, low=-6, high=6), floats(shape[-1])
        open_axes = {"a": [f"d{k}" for k in range(len(shape) - 1)] + [shape[-1]]}
        yield case(f"bias_gelu_{len(shape)}_{shape[0]}", BIAS_GELU, {"a": x, "b": bias}, open_axes=open_axes)
        yield case(f"bias_gelu_known_{len(shape)}_{shape[0]}", BIAS_GELU, {"a": x}, known={"b": bias}, open_axes=open_axes)
    yield case("bias_gelu_open", BIAS_GELU, {"a": floats(3, 4), "b": floats(4)}, open_axes={"a": ["n", "m"], "b": ["m"]})
    yield case("bias_gelu_special", BIAS_GELU, {"a": SPECIAL, "b": floats(8)})
    half = {"a": floats(3, 9, dtype=np.float16), "b": floats(9, dtype=np.float16)}
    yield case("bias_gelu_half", BIAS_GELU, half, rtol=1e-3, atol=1e-3)


CASES = list(_bias_gelu())


@pytest.mark.slow
def test_against_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "BUILD", harness.BUILD.with_name("microsoft"))
    results = harness.run(CASES)
    assert {name: why for name, why in results.items() if why} == {}


def test_the_referee_agrees() -> None:
    for each in CASES:
        ((inputs, expected),) = each.data
        (found,) = Referee(each.model).run({i.name: a for i, a in zip(each.model.graph.input, inputs, strict=True)})
        np.testing.assert_allclose(found, expected[0], rtol=2e-3 if expected[0].dtype == np.float16 else 1e-5, atol=1e-5)
