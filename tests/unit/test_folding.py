"""Shape arithmetic on symbolic sizes: what is folded has onnxruntime's value for every size, and
what may be negative is left to the run."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx2rust import importer
from onnx2rust.base.options import Options
from onnx2rust.ir.dims import evaluate
from onnx2rust.ir.layer import DimsToTensor

SIZES = range(1, 9)


def _model(formula: list[tuple[Any, ...]], opset: int) -> Any:
    """n is the number of rows of x, as a vector of one element; the last node's result is y."""
    known: list[Any] = []
    nodes = [helper.make_node("Shape", ["x"], ["shape"]), helper.make_node("Gather", ["shape", "zeroth"], ["n"])]
    for op, *inputs, attributes in formula:
        names = []
        for value in inputs:
            if isinstance(value, list):
                known.append(numpy_helper.from_array(np.array(value, np.int64), f"k{len(known)}"))
                value = known[-1].name
            names.append(value)
        nodes.append(helper.make_node(op, names, ["y" if len(nodes) - 1 == len(formula) else f"v{len(nodes) - 1}"], **attributes))
    known.append(numpy_helper.from_array(np.array([0], np.int64), "zeroth"))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph(nodes, "sizes", [x], [helper.make_empty_tensor_value_info("y")], known)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


FOLDED: dict[str, list[tuple[Any, ...]]] = {
    "quotient": [("Add", "n", [5], {}), ("Div", "v1", [2], {})],
    "of a number": [("Div", [12], "n", {})],
    "rest": [("Mod", "n", [3], {})],
    "largest of three": [("Max", "n", [3], [6], {})],
    "smallest of three": [("Min", [7], "n", [4], {})],
    "alone": [("Max", "n", {})],
    "product": [("ReduceProd", "shape", {"keepdims": 1})],
    "product over no axes named": [("ReduceProd", "shape", [], {"keepdims": 0})],
    "no product": [("ReduceProd", "shape", [], {"noop_with_empty_axes": 1})],
    "backwards": [("Slice", "shape", [-9], [-9], [0], [-1], {})],
    "never negative": [("Equal", "n", [-1], {})],
}
LEFT: dict[str, list[tuple[Any, ...]]] = {
    "towards zero": [("Sub", "n", [4], {}), ("Div", "v1", [2], {})],
    "by what may be negative": [("Sub", "n", [9], {}), ("Div", [7], "v1", {})],
    "rest of a C program": [("Sub", "n", [4], {}), ("Mod", "v1", [3], {"fmod": 1})],
    "a place that is not there": [("Gather", "shape", [7], {})],
    "perhaps -1": [("Sub", "n", [4], {}), ("Equal", "v1", [-1], {})],
}


@pytest.mark.parametrize("name", FOLDED)
def test_folded_sizes_are_those_of_onnxruntime(name: str) -> None:
    proto = _model(FOLDED[name], 18)
    program = importer.read(proto, Options())
    (output,) = program.outputs
    layers = [s.layer for s in program.steps]
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    for n in SIZES:
        (expected,) = session.run(None, {"x": np.zeros((n, 3), np.float32)})
        found = output.array
        for layer in layers:
            assert isinstance(layer, DimsToTensor)
            found = np.array([evaluate(d, {"n": n}) for d in layer.values]).reshape(expected.shape)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", LEFT)
def test_what_is_not_certain_is_computed_by_the_run(name: str) -> None:
    program = importer.read(_model(LEFT[name], 18), Options())
    assert len(program.steps) > 1
    assert not isinstance(program.steps[-1].layer, DimsToTensor)
