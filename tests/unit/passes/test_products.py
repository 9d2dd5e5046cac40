"""What moves into products, and what must not. That numbers stay the same is what the generated crates' tests show."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))
from build import layers, lower, model

RNG = np.random.default_rng(0)


def floats(*shape: int) -> np.ndarray[Any, Any]:
    """Weights."""
    return RNG.normal(size=shape).astype(np.float32)


def norm(name: str, channels: int) -> dict[str, np.ndarray[Any, Any]]:
    """Weights of a BatchNormalization."""
    return {f"{name}_{k}": np.abs(floats(channels)) + 0.5 for k in ("scale", "bias", "mean", "var")}


def batch_norm(x: str, name: str, y: str) -> Any:
    """Its node."""
    return helper.make_node("BatchNormalization", [x, *(f"{name}_{k}" for k in ("scale", "bias", "mean", "var"))], [y])


@pytest.mark.parametrize(
    ("op", "kernel", "attributes", "layer"),
    [
        ("Conv", (8, 3, 3, 3), {"pads": [1, 1, 1, 1]}, "Conv"),
        ("Conv", (6, 1, 3, 3), {"group": 3}, "DepthwiseConv"),
        ("ConvTranspose", (3, 4, 2, 2), {"strides": [2, 2]}, "ConvTranspose"),
    ],
)
def test_normalisation_and_activation_join_a_convolution(
    op: str, kernel: tuple[int, ...], attributes: dict[str, Any], layer: str
) -> None:
    w = floats(*kernel)
    channels = kernel[1] if op == "ConvTranspose" else kernel[0]
    nodes = [
        helper.make_node(op, ["x", "w"], ["c"], **attributes),
        batch_norm("c", "bn", "n"),
        helper.make_node("Relu", ["n"], ["y"]),
    ]
    weights = {"w": w, **norm("bn", channels)}
    program = lower(model(nodes, {"x": ["batch", 3, 9, 9]}, ["y"], weights))
    assert [n for n in layers(program) if n != "Transpose"] == [layer]
    product: Any = next(s.layer for s in program.steps if type(s.layer).__name__ == layer)
    assert product.activation.name == "Relu"
    factor = weights["bn_scale"] / np.sqrt(weights["bn_var"] + 1e-5)
    np.testing.assert_allclose(product.bias.array, weights["bn_bias"] - weights["bn_mean"] * factor, rtol=1e-5)
    axis = 1 if op == "ConvTranspose" else 0
    expected = w * factor.reshape([-1 if i == axis else 1 for i in range(4)])
    np.testing.assert_allclose(product.kernel.array, expected, rtol=1e-6)


def test_a_residual_joins_the_later_product() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["c", "b"], ["d"]),
        helper.make_node("Relu", ["d"], ["y"]),
    ]
    weights = {"w1": floats(8, 4, 3, 3), "w2": floats(8, 8, 3, 3)}
    program = lower(model(nodes, {"x": [1, 4, 6, 6]}, ["y"], weights))
    assert [n for n in layers(program) if n != "Transpose"] == ["Conv", "Conv"]
    last: Any = [s for s in program.steps if type(s.layer).__name__ == "Conv"][1]
    assert last.inputs[1] is not None
    assert last.layer.activation.name == "Relu"


def test_matmul_add_swish_is_one_dense() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Add", ["b", "a"], ["s"]),
        helper.make_node("Sigmoid", ["s"], ["g"]),
        helper.make_node("Mul", ["s", "g"], ["y"]),
    ]
    program = lower(model(nodes, {"x": ["batch", "seq", 8]}, ["y"], {"w": floats(8, 5), "b": floats(5)}))
    assert layers(program) == ["Dense"]
    dense: Any = program.steps[0].layer
    assert dense.activation.name == "Swish"
    assert dense.bias is not None


def test_a_result_with_two_readers_stays() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    program = lower(model(nodes, {"x": [2, 8]}, ["y"], {"w": floats(8, 5)}))
    assert layers(program) == ["Dense", "Activate", "Add"]


def test_a_constant_behind_an_activation_stays() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Tanh", ["a"], ["b"]),
        helper.make_node("Mul", ["b", "s"], ["y"]),
    ]
    program = lower(model(nodes, {"x": [2, 8]}, ["y"], {"w": floats(8, 5), "s": floats(5)}))
    assert layers(program) == ["Dense", "Mul"]


def test_a_constant_per_row_stays() -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Add", ["a", "r"], ["y"])]
    program = lower(model(nodes, {"x": [2, 8]}, ["y"], {"w": floats(8, 5), "r": floats(2, 1)}))
    assert layers(program) == ["Dense", "Add"]


@pytest.mark.parametrize("bad", [np.inf, np.nan, 3e38])
def test_constants_that_would_overflow_stay(bad: float) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Mul", ["a", "s"], ["y"])]
    weights = {"w": floats(8, 5) + 4, "s": np.full(5, bad, np.float32)}
    assert layers(lower(model(nodes, {"x": [2, 8]}, ["y"], weights))) == ["Dense", "Mul"]


def test_division_and_subtraction_join_on_the_right_side_only() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Div", ["a", "s"], ["b"]),
        helper.make_node("Sub", ["s", "b"], ["c"]),
        helper.make_node("Div", ["s", "c"], ["y"]),
    ]
    w, s = floats(8, 5), np.abs(floats(5)) + 0.5
    program = lower(model(nodes, {"x": [2, 8]}, ["y"], {"w": w, "s": s}))
    assert layers(program) == ["Dense", "Div"]
    dense: Any = program.steps[0].layer
    np.testing.assert_allclose(dense.kernel.array, -w / s, rtol=1e-6)
    np.testing.assert_allclose(dense.bias.array, s, rtol=1e-6)


def test_a_product_is_seen_through_a_view() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("Squeeze", ["a", "axis"], ["b"]),
        helper.make_node("Add", ["b", "c"], ["d"]),
        helper.make_node("Relu", ["d"], ["y"]),
    ]
    weights = {"w": floats(8, 3, 1, 5), "axis": np.array([2]), "c": floats(1, 8, 1)}
    program = lower(model(nodes, {"x": [1, 3, 1, 12]}, ["y"], weights))
    assert [n for n in layers(program) if n not in ("Transpose", "View")] == ["Conv"]


def test_a_residual_with_an_activation_in_front_stays() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Add", ["b", "x"], ["y"]),
    ]
    program = lower(model(nodes, {"x": [2, 8]}, ["y"], {"w": floats(8, 8)}))
    assert layers(program) == ["Dense", "Add"]


@pytest.mark.parametrize(
    ("channels", "attributes", "layer"),
    [
        ((32, 32), {"pads": [1, 1, 1, 1]}, "WinogradConv2d"),
        ((32, 32), {"strides": [2, 2]}, "Conv"),
        ((24, 32), {}, "Conv"),
        ((16, 32), {}, "WinogradConv2d"),
        ((32, 16), {}, "WinogradConv2d"),
        ((16, 16), {}, "Conv"),
        ((32, 32), {"dilations": [2, 2]}, "Conv"),
    ],
)
def test_winograd_where_it_pays(channels: tuple[int, int], attributes: dict[str, Any], layer: str) -> None:
    inputs, outputs = channels
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], **attributes), helper.make_node("Relu", ["c"], ["y"])]
    program = lower(model(nodes, {"x": ["n", inputs, 12, 12]}, ["y"], {"w": floats(outputs, inputs, 3, 3)}))
    assert [n for n in layers(program) if n != "Transpose"] == [layer]


@pytest.mark.parametrize("wild", [np.nan, np.inf])
def test_winograd_does_not_spread_weights_that_are_not_finite(wild: float) -> None:
    w = floats(32, 32, 3, 3)
    w[0, 0, 1, 1] = wild
    program = lower(model([helper.make_node("Conv", ["x", "w"], ["y"])], {"x": ["n", 32, 12, 12]}, ["y"], {"w": w}))
    assert [n for n in layers(program) if n != "Transpose"] == ["Conv"]


def test_scale_and_shift_without_a_product_are_one_step() -> None:
    nodes = [
        helper.make_node("Mul", ["x", "s"], ["a"]),
        helper.make_node("Add", ["t", "a"], ["b"]),
        helper.make_node("Relu", ["b"], ["y"]),
    ]
    s, t = floats(8), floats(8)
    program = lower(model(nodes, {"x": ["batch", 5, 8]}, ["y"], {"s": s, "t": t}))
    assert layers(program) == ["ScaleShift", "Activate"]
    layer: Any = program.steps[0].layer
    np.testing.assert_array_equal(layer.scale.array, s)
    np.testing.assert_array_equal(layer.shift.array, t)
    assert [str(d) for d in layer.size] == ["5*batch", "8", "1"]


def test_single_numbers_are_one_channel() -> None:
    nodes = [helper.make_node("Div", ["x", "s"], ["a"]), helper.make_node("Sub", ["a", "t"], ["y"])]
    weights = {"s": np.array(2, np.float32), "t": np.array(1, np.float32)}
    program = lower(model(nodes, {"x": ["batch", 5, 8]}, ["y"], weights))
    assert layers(program) == ["ScaleShift"]
    layer: Any = program.steps[0].layer
    assert (layer.scale.array.tolist(), layer.shift.array.tolist()) == ([0.5], [-1])
    assert [str(d) for d in layer.size] == ["1", "1", "40*batch"]


@pytest.mark.parametrize("kind", ["shift first", "rows"])
def test_scales_and_shifts_that_stay(kind: str) -> None:
    ops = ("Sub", "Mul") if kind == "shift first" else ("Mul", "Add")
    nodes = [helper.make_node(ops[0], ["x", "s"], ["a"]), helper.make_node(ops[1], ["a", "t"], ["y"])]
    shape = (8,) if kind == "shift first" else (8, 1)
    program = lower(model(nodes, {"x": [8, 8]}, ["y"], {"s": floats(*shape), "t": floats(8)}))
    assert layers(program) == list(ops)


def _padded(pads: list[int], mode: str = "constant", value: float = 0.0) -> Any:
    nodes = [
        helper.make_node("Conv", ["x", "v"], ["a"]),
        helper.make_node("Pad", ["a", "pads", "value"], ["p"], mode=mode),
        helper.make_node("Conv", ["p", "w"], ["y"], strides=[2, 2], pads=[1, 0, 0, 1]),
    ]
    weights = {"v": floats(3, 2, 1, 1), "w": floats(4, 3, 3, 3), "pads": np.array(pads), "value": np.array(value, np.float32)}
    return lower(model(nodes, {"x": ["batch", 2, 9, 8]}, ["y"], weights))


def test_zeros_around_an_image_are_the_convolutions() -> None:
    program = _padded([0, 0, 0, 1, 0, 0, 2, 3])
    assert "Pad" not in layers(program)
    conv: Any = [s.layer for s in program.steps if type(s.layer).__name__ == "Conv"][-1]
    assert (conv.pads_begin, conv.pads_end, conv.size) == ((1, 1), (2, 4), (9, 8))


def test_padding_of_one_axis_is_seen() -> None:
    program = _padded([0, 0, 0, 1, 0, 0, 0, 0])
    conv: Any = [s.layer for s in program.steps if type(s.layer).__name__ == "Conv"][-1]
    assert "Pad" not in layers(program)
    assert (conv.pads_begin, conv.pads_end, conv.size) == ((1, 1), (0, 1), (9, 8))


@pytest.mark.parametrize(
    ("pads", "mode", "value"),
    [
        ([0, 0, 1, 1, 0, 0, 1, 1], "constant", 1.0),
        ([0, 0, 1, 1, 0, 0, 1, 1], "reflect", 0.0),
        ([0, 0, -1, 0, 0, 0, 0, 0], "constant", 0.0),
        ([1, 0, 0, 0, 0, 0, 0, 0], "constant", 0.0),
    ],
)
def test_other_padding_stays(pads: list[int], mode: str, value: float) -> None:
    assert "Pad" in layers(_padded(pads, mode, value))
