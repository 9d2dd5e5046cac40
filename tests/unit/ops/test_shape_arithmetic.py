"""Shape arithmetic on open sizes is done at conversion: what does not fit is the model's fault, and told with its node."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from build import lower, model

from onnx2rust.dims import symbol
from onnx2rust.errors import InvalidModelError, UnsupportedError
from onnx2rust.folding import _HANDLERS

node = onnx.helper.make_node


def reshaped(nodes: list[onnx.NodeProto], constants: dict[str, Any]) -> None:
    """Lowers `Reshape(x, r)`, where the nodes compute r from the shape s of x."""
    graph = onnx.helper.make_graph(
        [node("Shape", ["x"], ["s"]), *nodes, node("Reshape", ["x", "r"], ["y"])],
        "sizes",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ("n", 2, "t"))],
        [onnx.ValueInfoProto(name="y")],
        [onnx.numpy_helper.from_array(np.array(a), k) for k, a in constants.items()],
    )
    lower(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8))


@pytest.mark.parametrize(
    ("op", "constants", "attributes", "reason"),
    [
        ("Add", {"i": [5, 6]}, {}, "operands could not be broadcast together"),
        ("Concat", {"i": [2, 2]}, {"axis": 3}, "axis 3 is out of bounds"),
        ("Div", {"i": [0, 0, 0]}, {}, "size divided by zero"),
        ("Equal", {"i": [5, 6]}, {}, "shape mismatch"),
        ("Gather", {"i": [7]}, {}, "index 7 is out of bounds"),
        ("Mod", {"i": [0, 0, 0]}, {}, "size divided by zero"),
        ("ReduceProd", {"i": [5]}, {}, "axis 5 is out of bounds"),
        ("Reshape", {"i": [2, 2]}, {}, "cannot reshape array of size 3"),
        ("Slice", {"i": [0], "e": [2], "a": [4]}, {}, "list assignment index out of range"),
        ("Slice", {"i": [0], "e": [2], "a": [0], "b": [0]}, {}, "slice step cannot be zero"),
        ("Slice", {"i": [0, 1], "e": [2]}, {}, "is shorter than argument 1"),
        ("Split", {"i": [5, 6]}, {}, "parts of [5, 6] are not an axis of 3"),
        ("Squeeze", {"i": [0]}, {}, "cannot select an axis to squeeze out"),
        ("Unsqueeze", {"i": [9]}, {}, "axis 9 is out of bounds"),
    ],
)
def test_what_does_not_fit(op: str, constants: dict[str, Any], attributes: dict[str, Any], reason: str) -> None:
    outputs = ["r", "more"] if op == "Split" else ["r"]
    with pytest.raises(InvalidModelError) as caught:
        reshaped([node(op, ["s", *constants], outputs, "sized", **attributes)], constants)
    (problem,) = caught.value.problems
    assert problem.where.startswith(f"node 1 'sized' ({op}, opset 18) on (int64[3]")
    assert problem.what.startswith("attributes or shapes do not fit the operator (")
    assert reason in problem.what


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "what"),
    [
        ("Concat", ["s", ""], {"axis": 0}, "input 1 (inputs) is missing"),
        ("Max", ["s", ""], {}, "input 1 (data_0) is missing"),
        ("Max", ["k", ""], {}, "input 1 (data_0) is missing"),
        ("Gather", ["s", ""], {}, "input 1 (indices) is missing"),
        ("Slice", ["s", "", ""], {}, "input 1 (starts) is missing"),
    ],
)
def test_inputs_that_are_missing(op: str, inputs: list[str], attributes: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidModelError) as caught:
        reshaped([node("Neg", ["c"], ["k"]), node(op, inputs, ["r"], **attributes)], {"c": [1]})
    assert caught.value.problems[0].what == what


def test_quotients_are_cut_towards_zero() -> None:
    arrays = [np.array([7, -7, 7, -7, -6, 0, symbol("n")], object), np.array([2, 2, -2, -2, 2, -2, 2], object)]
    assert str(_HANDLERS["Div"](arrays, {}, 18).tolist()) == "[3, -3, -3, 3, -3, 0, n//2]"


def test_sizes_that_nest_without_end() -> None:
    rows = [node("MaxPool", [f"v{k}"], [f"v{k + 1}"], kernel_shape=[3], strides=[2], pads=[1, 1]) for k in range(300)]
    with pytest.raises(UnsupportedError) as caught:
        lower(model(rows, {"v0": ("n", 1, "t")}, ["v300"]))
    (problem,) = caught.value.problems
    assert problem.where.startswith("node 64 'v65' (MaxPool, opset 17)")
    assert problem.what == "a size that is only known at run time is computed from others in more than 64 steps"
    assert problem.hint == "fix open sizes with --dim"


def test_shape_arithmetic_that_nests_without_end() -> None:
    nodes = [node("Div", ["s" if k == 0 else f"b{k}", "two"], [f"a{k}"]) for k in range(100)]
    nodes = [n for k, n in enumerate(nodes) for n in (n, node("Sub", [f"a{k}", "one"], [f"b{k + 1}"]))]
    with pytest.raises(UnsupportedError, match="computed from others in more than 64 steps"):
        reshaped([*nodes, node("Identity", ["b100"], ["r"])], {"two": [2, 2, 2], "one": [1, 1, 1]})
