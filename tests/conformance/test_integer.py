"""Products of 8-bit integers with constant weights, through generated code, to the last bit of onnxruntime's answer.

Weights have 7 bits: with 8, onnxruntime saturates pairs of products on processors without VNNI.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cases
import harness
import numpy as np
import pytest
from cases import floats, ints, node

U8, I8 = np.uint8, np.int8


def byte(*shape: int, dtype: Any = U8) -> np.ndarray[Any, Any]:
    """Any number of 8 bits."""
    return ints(*shape, low=0, high=256).astype(dtype)


def weights(*shape: int, dtype: Any = I8) -> np.ndarray[Any, Any]:
    """Numbers of 7 bits around 0, or around 64 where there are no others."""
    return ints(*shape, low=0, high=128, dtype=U8) if dtype is U8 else ints(*shape, low=-64, high=64, dtype=I8)


def exact(name: str, *arguments: Any, **keywords: Any) -> harness.Case:
    return cases.case(name, *arguments, rtol=0.0, atol=0.0, **keywords)


def matrices() -> Iterator[harness.Case]:
    for x_type in (U8, I8):
        for w_type in (I8, U8):
            zero = {"z": byte(dtype=x_type), "v": weights(dtype=w_type)}
            for k, n in ((5, 3), (16, 16), (37, 40)):
                product = node("MatMulInteger", "x", "w", "z", "v")
                name = f"matmul_{x_type.__name__}_{w_type.__name__}_{k}_{n}"
                known = {"w": weights(k, n, dtype=w_type), **zero}
                yield exact(name, [product], {"x": byte(7, k, dtype=x_type)}, known=known, open_axes={"x": ["rows", k]})
    plain, x = [node("MatMulInteger", "x", "w")], byte(2, 3, 12)
    yield exact("no_zero_points", plain, {"x": x}, known={"w": weights(12, 5)})
    yield exact("unsigned_without_zero_points", plain, {"x": x}, known={"w": weights(12, 5, dtype=U8)})
    yield exact("one_matrix_in_a_stack", plain, {"x": x}, known={"w": weights(1, 12, 5)})
    yield exact("a_stack", plain, {"x": x}, known={"w": weights(2, 12, 5)})
    yield exact(
        "a_zero_point_of_the_run", [node("MatMulInteger", "x", "w", "z")], {"x": x, "z": byte()}, known={"w": weights(12, 5)}
    )
    columns = {"w": weights(12, 5), "z": byte(), "v": weights(5)}
    yield exact("zero_points_of_columns", [node("MatMulInteger", "x", "w", "z", "v")], {"x": x}, known=columns)


def images() -> Iterator[harness.Case]:
    forms: dict[str, tuple[int, int, dict[str, Any]]] = {
        "pads": (1, 3, {"pads": [1, 1, 1, 1]}),
        "strides": (1, 3, {"strides": [2, 2], "pads": [0, 0, 1, 1]}),
        "dilations": (1, 8, {"dilations": [1, 2]}),
        "groups": (2, 8, {"pads": [1, 0, 1, 0], "group": 2}),
        "depthwise": (6, 6, {"pads": [1, 1, 1, 1], "group": 6}),
    }
    for name, (group, channels, attributes) in forms.items():
        known = {"w": weights(12, channels // group, 3, 3, dtype=U8), "z": byte(), "v": weights(dtype=U8)}
        x = {"x": byte(2, channels, 9, 8)}
        convolution = node("ConvInteger", "x", "w", "z", "v", **attributes)
        yield exact(f"conv_{name}", [convolution], x, known=known, open_axes={"x": ["n", channels, 9, 8]})
        scales = {
            "s": np.float32(0.02),
            "z": byte(),
            "w": weights(12, channels // group, 3, 3),
            "t": floats(12, low=0.01, high=0.03),
            "v": np.zeros(12, I8),
            "r": np.float32(0.7),
            "q": byte(),
            "b": ints(12, low=-5000, high=5000, dtype=np.int32),
        }
        convolution = node("QLinearConv", "x", "s", "z", "w", "t", "v", "r", "q", "b", **attributes)
        yield exact(f"qlinear_conv_{name}", [convolution], x, known={k: np.asarray(v) for k, v in scales.items()})
    many = {"w": weights(3, 1, 17, 17, dtype=U8), "z": byte(), "v": weights(dtype=U8)}
    yield exact(
        "conv_depthwise_many_taps", [node("ConvInteger", "x", "w", "z", "v", group=3)], {"x": byte(1, 3, 20, 20)}, known=many
    )
    pointwise = {"w": weights(20, 8, 1, 1, dtype=U8)}
    yield exact("conv_in_place", [node("ConvInteger", "x", "w")], {"x": byte(3, 8, 5, 5)}, known=pointwise)


def quantised() -> Iterator[harness.Case]:
    known = {
        "s": np.float32(0.02),
        "z": byte(),
        "w": weights(12, 20),
        "t": np.float32(0.01),
        "v": np.int8(0),
        "r": np.float32(0.11),
        "q": byte(),
    }
    product = node("QLinearMatMul", "x", "s", "z", "w", "t", "v", "r", "q")
    yield exact("qlinear_matmul", [product], {"x": byte(9, 12)}, known={k: np.asarray(v) for k, v in known.items()})
    dynamic = [
        node("DynamicQuantizeLinear", "x", into=["q", "s", "z"]),
        node("MatMulInteger", "q", "w", "z", into=["i"]),
        node("Cast", "i", into=["f"], to=1),
        node("Mul", "s", "t", into=["st"]),
        node("Mul", "f", "st"),
    ]
    weight = {"w": weights(24, 18), "t": np.float32(0.01).reshape(1)}
    yield exact("dynamic_quantisation", dynamic, {"x": floats(4, 24)}, known=weight, open_axes={"x": ["rows", 24]})


@pytest.mark.slow
def test_against_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    cases.reseed()
    monkeypatch.setattr(harness, "BUILD", harness.BUILD.with_name("integer"))
    results = harness.run([case for family in (matrices, images, quantised) for case in family()])
    assert {name: why for name, why in results.items() if why} == {}
