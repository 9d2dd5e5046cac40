"""What onnxruntime's profiler says of a model's nodes, and of which of them."""

from __future__ import annotations

import numpy as np
import onnx_models
from onnx import TensorProto, helper

from onnx2rust.model.weights import NONE
from onnx2rust.timing import profile


def test_nodes_are_found_again_whatever_the_optimiser_makes_of_them() -> None:
    proto = onnx_models.digits()
    found = profile.nodes(proto, NONE, {"image": np.zeros((1, 1, 8, 8), np.float32)})
    known = {proto.graph.node[place].op_type for node in found for place in node.places}
    assert {"Gemm", "Softmax"} <= known
    # a convolution is called after its own name, or after its activation's result, in another layout
    assert [len(node.places) for node in found if node.op in ("Conv", "FusedConv")] == [1, 1]
    assert all(node.ns >= 0 for node in found)
    assert [node.name for node in proto.graph.node][:2] == ["conv1/Conv", "conv1/Relu"]


def test_a_loops_turns_count_together() -> None:
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"]), helper.make_node("Sin", ["x"], ["y"])],
        "body",
        [info("i", TensorProto.INT64, []), info("c", TensorProto.BOOL, []), info("x", TensorProto.FLOAT, [4])],
        [info("d", TensorProto.BOOL, []), info("y", TensorProto.FLOAT, [4])],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["n", "", "a"], ["b"], body=body)],
        "g",
        [info("n", TensorProto.INT64, []), info("a", TensorProto.FLOAT, [4])],
        [info("b", TensorProto.FLOAT, [4])],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    found = profile.nodes(proto, NONE, {"n": np.array(5), "a": np.ones(4, np.float32)})
    assert [node.places for node in found if node.op == "Loop"] == [(0,)]


def test_the_middle_of_the_runs_is_typical() -> None:
    runs = [900.0, 800.0, *[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 1000.0]]
    assert profile._typical(runs, 10) == 4.5
    assert profile._typical([r for run in runs for r in (run, run)], 10) == 9.0
