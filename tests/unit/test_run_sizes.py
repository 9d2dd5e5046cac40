"""Sizes that the data decide: what is made of them is checked before it gets its buffer."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from onnx2rust import emit
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import Loaded
from onnx2rust.plan import planner


def counting() -> onnx.ModelProto:
    """1, 2 … n times each number of a row."""
    info = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Range", ["zero", "n", "one"], ["numbers"], "count"),
        helper.make_node("Unsqueeze", ["numbers", "last"], ["column"]),
        helper.make_node("Mul", ["column", "row"], ["products"], "table"),
    ]
    sizes: dict[str, list[int]] = {"zero": [], "one": [], "last": [1]}
    weights = [
        helper.make_tensor(name, TensorProto.INT64, sizes[name], [k]) for name, k in (("zero", 0), ("one", 1), ("last", 1))
    ]
    inputs = [info("n", TensorProto.INT64, []), info("row", TensorProto.INT64, ["columns"])]
    graph = helper.make_graph(nodes, "counting", inputs, [info("products", TensorProto.INT64, ["rows", "columns"])], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def test_a_buffer_whose_length_the_data_decide_is_checked() -> None:
    program = pipeline.lower(Loaded(counting(), "onnx", "onnx", ()), Options())
    context = emit.Context("x")
    code = emit.render(planner.plan(program, Options()), Options(), context).files["src/model.rs"]
    (symbol,) = [s for step in program.walk() for s in step.defines]
    assert f'.fit(elements("count", &[{symbol}])?)?' in code
    assert f'.fit(elements("table", &[{symbol}, columns])?)?' in code
    assert "check_input, elements" in code


def test_what_only_a_branch_computes_is_counted_there() -> None:
    """Its sizes need not make sense elsewhere."""
    info = helper.make_tensor_value_info
    shape: list[int | str | None] = [1, 1, "height", "width"]
    pool = helper.make_node("MaxPool", ["image"], ["half"], "pool", kernel_shape=[3, 3], strides=[2, 2])
    whole = helper.make_node("Relu", ["image"], ["same"], "relu")
    bodies = {
        "then_branch": helper.make_graph([pool], "then", [], [info("half", TensorProto.FLOAT, None)]),
        "else_branch": helper.make_graph([whole], "else", [], [info("same", TensorProto.FLOAT, None)]),
    }
    node = helper.make_node("If", ["large"], ["y"], "if", **bodies)
    inputs = [info("image", TensorProto.FLOAT, shape), info("large", TensorProto.BOOL, [])]
    graph = helper.make_graph([node], "branches", inputs, [info("y", TensorProto.FLOAT, [1, 1, "h", "w"])])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    program = pipeline.lower(Loaded(proto, "onnx", "onnx", ()), Options())
    code = emit.render(planner.plan(program, Options()), Options(), emit.Context("x")).files["src/model.rs"]
    assert '.fit(elements("pool", &[1, pool_1, pool_2, 1])?)?' in code
