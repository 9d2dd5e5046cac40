"""Shape inference, kept from what ends the process in onnx's."""

from __future__ import annotations

import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
import forests
import numpy as np

from onnx2rust.model.graph import infer_shapes


def behind(op: str, **more: str) -> onnx.ModelProto:
    """A TreeEnsemble behind an operator."""
    ensemble = forests.ensemble(forests.forest(np.random.default_rng(1), 2, depth=2, columns=3, targets=2), 2)
    ensemble.input[0] = "between"
    nodes = [helper.make_node(op, ["x"], ["between"], **more), ensemble]
    infos = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])]
    graph = helper.make_graph(nodes, "g", infos, [onnx.ValueInfoProto(name=ensemble.output[0])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 5)])


def test_trees_behind_what_onnx_cannot_infer() -> None:
    model = infer_shapes(behind("Normalizer", domain="ai.onnx.ml"))
    assert [n.op_type for n in model.graph.node] == ["Normalizer", "TreeEnsemble"]


def test_trees_behind_what_it_can() -> None:
    model = infer_shapes(behind("Relu"))
    dims = model.graph.output[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dims] == ["n", 2]


def test_eye_like_what_onnx_cannot_infer() -> None:
    nodes = [
        helper.make_node("Unknown", ["x"], ["between"], domain="com.example"),
        helper.make_node("EyeLike", ["between"], ["y"], dtype=TensorProto.FLOAT, k=1),
    ]
    infos = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])]
    graph = helper.make_graph(nodes, "g", infos, [onnx.ValueInfoProto(name="y")])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    model = infer_shapes(helper.make_model(graph, opset_imports=opsets))
    assert [n.op_type for n in model.graph.node] == ["Unknown", "EyeLike"]
