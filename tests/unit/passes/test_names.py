"""What the steps of a program are called once passes have run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))
from build import lower, model

from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Origin, Program, Step, Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers.movement import Transpose
from onnx2rust.layers.softmax import Softmax
from onnx2rust.passes.names import run

WEIGHTS = {"k": np.ones((3, 3, 3, 3), np.float32), "b": np.ones((3, 1, 1), np.float32), "s": np.full((8, 8), 2, np.float32)}
WEIGHTS |= {"s16": np.ones((16, 8), np.float32), "shape": np.array([4, 16])}


def node(op: str, inputs: str, output: str, name: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), [output], name, **attributes)


def names(*nodes: onnx.NodeProto, x: tuple[int | str, ...] = ("n", 3, 8, 8)) -> list[str]:
    used = {name for n in nodes for name in n.input}
    program = lower(model(nodes, {"x": x}, [nodes[-1].output[0]], {k: v for k, v in WEIGHTS.items() if k in used}))
    for step in program.walk():
        assert [v.name for v in step.results()] == [step.name]
    return [s.name for s in program.steps if type(s.layer).__name__ != "View"]


def test_fused_steps_are_called_after_their_layer() -> None:
    """The layer is the scope in which nothing else is left: the last of its nodes is not what it is."""
    found = names(
        node("Conv", "x k", "c", "conv2d/convolution"),
        node("Add", "c b", "d", "conv2d/BiasAdd"),
        node("Relu", "d", "e", "conv2d/Relu"),
        node("Conv", "e k", "f", "block/conv2d_1/convolution"),
        node("Sigmoid", "f", "g", "block/activation/Sigmoid"),
        node("Transpose", "g", "h", "transpose", perm=[0, 3, 1, 2]),
    )
    assert found == ["conv2d_transpose", "conv2d", "block", "transpose"]


def test_in_a_scope_of_many_the_one_with_weights_is_the_layer() -> None:
    found = names(
        node("Exp", "x", "a", "attention/query/Exp"),
        node("MatMul", "a s", "c", "attention/query/MatMul"),
        node("Softmax", "c", "d", "attention/Softmax"),
        node("MatMul", "d s", "e", "dense"),
        x=(4, 8),
    )
    assert found == ["attention_query_exp", "attention", "attention_softmax", "dense"]


def test_a_view_does_not_keep_the_scope_that_all_others_stand_in() -> None:
    """Magika: what is left of a one-hot encoding stands in a scope of its own, and costs nothing."""
    found = names(
        node("Reshape", "x shape", "v1", "jit/one_hot/Equal"),
        node("MatMul", "v1 s16", "v2", "jit/net/dense_0/MatMul"),
        node("Softmax", "v2", "v3", "jit/net/softmax/Softmax"),
        node("MatMul", "v3 s", "y", "jit/net/dense_1/MatMul"),
        x=(2, 4, 8),
    )
    assert found == ["dense_0", "softmax", "dense_1"]


def test_helpers_of_one_node_are_counted() -> None:
    """The second is no `norm_layer_normalization_transpose`: both stand in the layer's scope, and do the same."""
    value = Value("x", TensorType(DType.F32, (2, 8, 8)))
    origin = Origin("net/norm/LayerNormalization", "LayerNormalization", "", 17, 0)
    turn, norm = Transpose((0, 2, 1), (2, 8, 8)), Softmax(2, 8, 8)
    steps = []
    for k, layer in enumerate((turn, norm, turn)):
        after = Value(f"v{k}", value.type)
        steps.append(Step(f"s{k}", layer, (value,), (after,), origin))
        value = after
    found = run(Program("p", (steps[0].inputs[0],), (value,), ("y",), tuple(steps)))  # type: ignore[arg-type]
    assert [s.name for s in found.steps] == ["norm_transpose", "norm_softmax", "norm_transpose_2"]


def test_long_names_of_alike_blocks_differ_by_the_block() -> None:
    scope = "swin/encoder/layers.0/blocks.{}/attention/self/continuous_position_bias_mlp/{}/MatMul"
    places = [scope.format(block, layer) for block in range(2) for layer in ("up", "down")]
    values = ["x", "v1", "v2", "v3", "y"]
    found = names(*(node("MatMul", f"{x} s", y, name) for x, y, name in zip(values, values[1:], places, strict=False)), x=(4, 8))
    assert found == [
        f"blocks_{block}_self_continuous_position_bias_mlp_{layer}" for block in range(2) for layer in ("up", "down")
    ]
