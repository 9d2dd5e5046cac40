"""What leaves a loop, and what must not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))
from build import lower

FLOAT = TensorProto.FLOAT


def _loop(body: list[NodeProto], outer: list[NodeProto]) -> Any:
    """x → y: state s and a state that stays, w, for three rounds."""
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [*body, helper.make_node("Identity", ["c"], ["c2"]), helper.make_node("Identity", ["w"], ["w2"])],
        "body",
        [info("i", TensorProto.INT64, []), info("c", TensorProto.BOOL, []), info("s", FLOAT, [2, 4]), info("w", FLOAT, [4, 4])],
        [info("c2", TensorProto.BOOL, []), info("s2", FLOAT, [2, 4]), info("w2", FLOAT, [4, 4])],
    )
    nodes = [*outer, helper.make_node("Loop", ["n", "", "x", "k"], ["y", "unused"], body=graph)]
    weights = [numpy_helper.from_array(np.array(3, np.int64), "n"), numpy_helper.from_array(np.eye(4, dtype=np.float32), "k")]
    whole = helper.make_graph(nodes, "test", [info("x", FLOAT, [2, 4])], [info("y", FLOAT, [2, 4])], weights)
    return lower(helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))


def _names(program: Any) -> tuple[list[str], list[str]]:
    loop = next(s for s in program.steps if s.bodies)
    return [type(s.layer).__name__ for s in program.steps], [type(s.layer).__name__ for s in loop.bodies[0].steps]


def test_what_does_not_change_stands_in_front() -> None:
    outer = [helper.make_node("Relu", ["x"], ["a"])]
    body = [
        helper.make_node("Exp", ["a"], ["e"]),
        helper.make_node("MatMul", ["s", "w"], ["p"]),
        helper.make_node("Add", ["p", "e"], ["s2"]),
    ]
    before, inside = _names(_loop(body, outer))
    assert before.index("Loop") == before.count("Activate") == 2
    # the state that stays is a constant: the product with it is a Dense, which takes the addition as its residual
    assert inside == ["Dense"]


def test_what_the_loop_changes_stays() -> None:
    body = [helper.make_node("Exp", ["s"], ["e"]), helper.make_node("MatMul", ["e", "w"], ["s2"])]
    before, inside = _names(_loop(body, []))
    assert before == ["Loop"]
    assert inside == ["Activate", "Dense"]
