"""Shape arithmetic on open sizes is done at conversion: what does not fit is the model's fault, and told with its node."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from build import lower, model

from onnx2rust.base.errors import InvalidModelError, UnsupportedError
from onnx2rust.ir.dims import symbol
from onnx2rust.ops import facts_of

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


UNFIT = "attributes or shapes do not fit the operator"


@pytest.mark.parametrize(
    ("op", "constants", "attributes", "what"),
    [
        ("Add", {"i": [5, 6]}, {}, f"{UNFIT} (shapes (3,), (2,) do not broadcast)"),
        ("Concat", {"i": [2, 2]}, {"axis": 3}, "axis 3 of a tensor of rank 1"),
        ("Equal", {"i": [5, 6]}, {}, f"{UNFIT} (shapes (3,), (2,) do not broadcast)"),
        ("ReduceProd", {"i": [5]}, {}, "axis 5 of a tensor of rank 1"),
        ("Reshape", {"i": [2, 2]}, {}, "int64[3] does not have the elements of [2, 2]"),
        ("Slice", {"i": [0], "e": [2], "a": [4]}, {}, "axis 4 of a tensor of rank 1"),
        ("Slice", {"i": [0], "e": [2], "a": [0], "b": [0]}, {}, "a step of Slice is 0"),
        ("Slice", {"i": [0, 1], "e": [2]}, {}, "starts, ends, axes and steps of Slice differ in length"),
        ("Split", {"i": [5, 6]}, {}, "parts of [5, 6] are not an axis of 3"),
        ("Squeeze", {"i": [0]}, {}, "an axis of size 3 cannot be squeezed"),
        ("Unsqueeze", {"i": [9]}, {}, "axis 9 of a tensor of rank 2"),
    ],
)
def test_what_does_not_fit(op: str, constants: dict[str, Any], attributes: dict[str, Any], what: str) -> None:
    outputs = ["r", "more"] if op == "Split" else ["r"]
    with pytest.raises(InvalidModelError) as caught:
        reshaped([node(op, ["s", *constants], outputs, "sized", **attributes)], constants)
    (problem,) = caught.value.problems
    assert problem.where.startswith(f"node 1 'sized' ({op}, opset 18) on (int64[3]")
    assert problem.what == what


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


@pytest.mark.parametrize("op", ["Div", "Mod"])
def test_quotients_of_what_may_be_negative_or_zero_are_left_to_the_run(op: str) -> None:
    n = symbol("n")
    computed = facts_of(op).sizes
    assert computed is not None

    def fold(left: Any, right: Any) -> Any:
        return computed([np.array(left, object), np.array(right, object)], {})

    assert fold([7, n], [2, 2]).tolist() == ([3, n // 2] if op == "Div" else [1, n % 2])
    for left, right in [([-7], [2]), ([n], [-2]), ([n - 1], [2]), ([n], [0])]:
        assert fold(left, right) is None


def test_sizes_that_nest_without_end() -> None:
    rows = [node("MaxPool", [f"v{k}"], [f"v{k + 1}"], kernel_shape=[3], strides=[2], pads=[1, 1]) for k in range(300)]
    with pytest.raises(UnsupportedError) as caught:
        lower(model(rows, {"v0": ("n", 1, "t")}, ["v300"]))
    (problem,) = caught.value.problems
    assert problem.where.startswith("node 64 'v65' (MaxPool, opset 17)")
    assert problem.what == "a size that is only known at run time is computed from others in more than 64 steps"
    assert problem.hint == "fix open sizes with --dim"


def test_shape_arithmetic_that_nests_without_end_is_left_to_the_run() -> None:
    nodes = [node("Div", ["s" if k == 0 else f"b{k}", "two"], [f"a{k}"]) for k in range(100)]
    nodes = [n for k, n in enumerate(nodes) for n in (n, node("Add", [f"a{k}", "one"], [f"b{k + 1}"]))]
    reshaped([*nodes, node("Identity", ["b100"], ["r"])], {"two": [2, 2, 2], "one": [1, 1, 1]})
