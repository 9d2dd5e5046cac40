"""Quantised models whose products become products of integers: which do, and that nothing else changes.

Scales are powers of two, so that floats hold every number exactly: the rewritten model's answers are those of the model, to the
last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from onnx2rust.importer import integers
from onnx2rust.model.reference import Reference
from onnx2rust.model.weights import NONE

Array = np.ndarray[Any, Any]
CONV, MATMUL = (3, 4, 3, 3), (5, 6)


def quantised(
    op: str = "Conv",
    *,
    behind: str = "QuantizeLinear",
    bias: str = "steps",
    relu: bool = False,
    zero: int = 0,
    per_channel: bool = True,
    opset: int = 17,
    group: int = 1,
    along: int | None = None,
    more: dict[str, Any] | None = None,
    changes: dict[str, Array] | None = None,
) -> onnx.ModelProto:
    """x → Quantize → Dequantize → product with 8-bit weights (+ bias) (→ Relu) (→ Quantize)."""
    rng = np.random.default_rng(7)
    more = more or {}
    shape: tuple[int, ...] = MATMUL if op != "Conv" else (4, 1, 3, 3) if group > 1 else CONV
    turned = "transB" in more
    shape = shape[::-1] if turned else shape
    outputs = shape[1] if op != "Conv" and not turned else shape[0]
    count = outputs if per_channel else 1
    scale = 2.0 ** -rng.integers(3, 6, count)
    known: dict[str, Any] = {
        "s": np.array(0.25, np.float32),
        "z": np.array(7, np.uint8),
        "q": rng.integers(-64, 64, shape).astype(np.int8),
        "t": (scale if per_channel else scale.reshape(())).astype(np.float32),
        "v": np.zeros(count if per_channel else (), np.int8),
        "i": rng.integers(-900, 900, outputs).astype(np.int32),
        "u": (0.25 * scale if per_channel else 0.25 * scale.reshape(())).astype(np.float32),
        "k": np.zeros(count if per_channel else (), np.int32),
        "f": rng.integers(-90, 90, outputs).astype(np.float32),
        "r": np.array(2.0, np.float32),
        "y0": np.array(zero, np.uint8),
    } | (changes or {})
    axis: dict[str, Any] = {"axis": (1 if op != "Conv" and not turned else 0) if along is None else along} if opset > 12 else {}
    steps: dict[str, Any] = {"axis": 0} if per_channel else {}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["p"]),
        helper.make_node("DequantizeLinear", ["p", "s", "z"], ["a"]),
        helper.make_node("DequantizeLinear", ["q", "t", "v"], ["w"], **axis),
    ]
    if bias == "steps":
        nodes.append(helper.make_node("DequantizeLinear", ["i", "u", "k"], ["b"], **steps))
    inputs = ["a", "w", *{"steps": ["b"], "floats": ["f"], "": []}[bias]]
    attributes: dict[str, Any] = {"pads": [1, 1, 1, 1], "group": group} if op == "Conv" else more
    nodes.append(helper.make_node(op, inputs, ["c"], "product", **attributes))
    last = "c"
    if relu:
        nodes.append(helper.make_node("Relu", ["c"], ["d"]))
        last = "d"
    if behind:
        nodes.append(helper.make_node(behind, [last, "r", "y0"], ["y"]))
        last = "y"
    x: dict[str, Any] = {"x": ("batch", MATMUL[0])} if op != "Conv" else {"x": ("batch", 4, 6, 5)}
    floats, dtype = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8 if behind == "QuantizeLinear" else onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "quantised",
        [helper.make_tensor_value_info(name, floats, dims) for name, dims in x.items()],
        [helper.make_tensor_value_info(last, dtype, [None] * (4 if op == "Conv" else 2))],
        [numpy_helper.from_array(array, name) for name, array in known.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def operators(proto: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in proto.graph.node]


PRODUCTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "convolution": ({}, ["QuantizeLinear", "QLinearConv"]),
    "one scale": ({"per_channel": False}, ["QuantizeLinear", "QLinearConv"]),
    "no bias": ({"bias": ""}, ["QuantizeLinear", "QLinearConv"]),
    "Relu that saturation does": ({"relu": True}, ["QuantizeLinear", "QLinearConv"]),
    "matrix": ({"op": "MatMul", "bias": ""}, ["QuantizeLinear", "QLinearMatMul"]),
    "matrix, one scale": ({"op": "MatMul", "bias": "", "per_channel": False}, ["QuantizeLinear", "QLinearMatMul"]),
    "Relu that moves with the zero point": (
        {"relu": True, "zero": 3, "bias": ""},
        ["QuantizeLinear", "ConvInteger", "DequantizeLinear", "Relu", "QuantizeLinear"],
    ),
    "a bias of floats": (
        {"bias": "floats"},
        ["QuantizeLinear", "ConvInteger", "DequantizeLinear", "Reshape", "Add", "QuantizeLinear"],
    ),
    "floats": ({"bias": "", "behind": ""}, ["QuantizeLinear", "ConvInteger", "DequantizeLinear"]),
    "floats and a bias": (
        {"behind": ""},
        ["QuantizeLinear", "DequantizeLinear", "ConvInteger", "DequantizeLinear", "Reshape", "Add"],
    ),
    "floats of a matrix": (
        {"op": "MatMul", "bias": "", "behind": ""},
        ["QuantizeLinear", "MatMulInteger", "DequantizeLinear"],
    ),
    "Gemm": (
        {"op": "Gemm"},
        ["QuantizeLinear", "DequantizeLinear", "MatMulInteger", "DequantizeLinear", "Add", "QuantizeLinear"],
    ),
    "Gemm, transposed": (
        {"op": "Gemm", "more": {"transB": 1}, "bias": "floats"},
        ["QuantizeLinear", "Transpose", "MatMulInteger", "DequantizeLinear", "Add", "QuantizeLinear"],
    ),
    "Gemm without a bias": (
        {"op": "Gemm", "more": {"transB": 1}, "bias": ""},
        ["QuantizeLinear", "Transpose", "QLinearMatMul"],
    ),
    "one scale before opset 13": (
        {"opset": 12, "per_channel": False, "bias": "", "behind": ""},
        ["QuantizeLinear", "ConvInteger", "DequantizeLinear"],
    ),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_of_integers_has_the_same_answers(name: str) -> None:
    settings, expected = PRODUCTS[name]
    proto = quantised(**settings)
    rewritten = integers.read(proto, NONE)
    assert operators(rewritten) == expected
    onnx.checker.check_model(rewritten, full_check=True)
    shape = [d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim][1:]
    rng = np.random.default_rng(3)
    for batch in (1, 9):
        x = {"x": rng.standard_normal((batch, *shape)).astype(np.float32) * 20}
        (found,), (answer,) = Reference(rewritten, optimised=False).run(x), Reference(proto, optimised=False).run(x)
        assert found.dtype == answer.dtype
        assert np.array_equal(found, answer)
        assert np.unique(answer).size > 2


LEFT: dict[str, dict[str, Any]] = {
    "depthwise": {"group": 4},
    "scales of inputs": {"op": "MatMul", "bias": "", "along": 0, "changes": {"t": np.ones(5, np.float32)}},
    "scales of each channel before they have an axis": {"opset": 12, "per_channel": True, "bias": "", "behind": ""},
    "a factor": {"op": "Gemm", "more": {"alpha": 0.5}},
    "sums that leave 32 bits": {"changes": {"i": np.array([2**31 - 9] * 3, np.int32)}},
    "a scale for each channel of x": {"changes": {"s": np.full(4, 0.25, np.float32), "z": np.full(4, 7, np.uint8)}},
}


@pytest.mark.parametrize("name", LEFT)
def test_left_as_it_is(name: str) -> None:
    proto = quantised(**LEFT[name])
    assert integers.read(proto, NONE) is proto


def test_a_depthwise_convolution_where_weights_are_to_be_small() -> None:
    assert operators(integers.read(quantised(group=4), NONE, depthwise=True)) == ["QuantizeLinear", "QLinearConv"]


def test_a_bias_in_other_steps_is_added_to_floats() -> None:
    proto = quantised(changes={"u": np.array([0.5, 0.125, 0.25], np.float32)})
    assert "ConvInteger" in operators(integers.read(proto, NONE))


def test_what_others_read_stays() -> None:
    """The floats in front of a product, and those behind it."""
    proto = quantised()
    proto.graph.node.append(helper.make_node("Relu", ["a"], ["more"]))
    proto.graph.output.append(helper.make_tensor_value_info("more", onnx.TensorProto.FLOAT, [None] * 4))
    assert operators(integers.read(proto, NONE)) == ["QuantizeLinear", "DequantizeLinear", "QLinearConv", "Relu"]
    proto = quantised(bias="")
    proto.graph.output.append(helper.make_tensor_value_info("c", onnx.TensorProto.FLOAT, [None] * 4))
    found = integers.read(proto, NONE)
    assert operators(found) == ["QuantizeLinear", "ConvInteger", "DequantizeLinear", "QuantizeLinear"]


def test_names_that_the_model_has_are_not_given_again() -> None:
    proto = quantised(bias="", behind="")
    proto.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), "c/sums"))
    onnx.checker.check_model(integers.read(proto, NONE), full_check=True)


def test_a_model_without_them_is_itself() -> None:
    proto = quantised()
    del proto.graph.node[1:]
    assert integers.read(proto, NONE) is proto


def test_a_scale_that_is_made_behind_the_product_stands_before_what_reads_it() -> None:
    """Nodes stand in an order in which each reads what is there."""
    proto = quantised()
    (step,) = [t for t in proto.graph.initializer if t.name == "r"]
    proto.graph.initializer.remove(step)
    proto.graph.node.insert(len(proto.graph.node) - 1, helper.make_node("Constant", [], ["r"], value=step))
    found = integers.read(proto, NONE)
    assert operators(found) == ["QuantizeLinear", "Constant", "QLinearConv"]
    onnx.checker.check_model(found, full_check=True)
