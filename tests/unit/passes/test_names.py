"""What the steps of a program are called once passes have run."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))
from build import lower, model

WEIGHTS = {"k": np.ones((3, 3, 3, 3), np.float32), "b": np.ones((3, 1, 1), np.float32), "s": np.full((8, 8), 2, np.float32)}


def node(op: str, inputs: str, output: str, name: str, **attributes: object) -> onnx.NodeProto:
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
