"""A loop's states have buffers of their own for as long as it runs."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import Loaded
from onnx2rust.plan import planner

FLOAT = TensorProto.FLOAT


def test_a_state_that_nobody_reads_behind_the_loop_keeps_its_buffer() -> None:
    info = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Exp", ["s"], ["e"]),  # the last reader of the state
        helper.make_node("Tanh", ["e"], ["t"]),
        helper.make_node("Transpose", ["t"], ["u"], perm=[1, 0]),
        helper.make_node("Sin", ["u"], ["s2"]),
        helper.make_node("Transpose", ["s2"], ["collected"], perm=[1, 0]),
        helper.make_node("Identity", ["c"], ["c2"]),
    ]
    body = helper.make_graph(
        nodes,
        "body",
        [info("i", TensorProto.INT64, []), info("c", TensorProto.BOOL, []), info("s", FLOAT, [4, 4])],
        [info("c2", TensorProto.BOOL, []), info("s2", FLOAT, [4, 4]), info("collected", FLOAT, [4, 4])],
    )
    loop = helper.make_node("Loop", ["n", "", "x"], ["", "y"], body=body)
    trips = numpy_helper.from_array(np.array(3, np.int64), "n")
    graph = helper.make_graph([loop], "test", [info("x", FLOAT, [4, 4])], [info("y", FLOAT, [3, 4, 4])], [trips])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    program = pipeline.lower(Loaded(proto, "onnx", "onnx", ()), Options())
    plan = planner.plan(program, Options())
    (step,) = [s for s in program.steps if s.bodies]
    state = step.outputs[0]
    assert state is not None
    inside = {v for s in step.bodies[0].steps for v in s.results()}
    assert not [v for v in inside if plan.slot_of.get(plan.root(v)) == plan.slot_of[state]]
