"""What is computed once, and what must be computed twice."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from onnx import helper

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))
from build import layers, lower, model


def test_equal_steps_are_one() -> None:
    nodes = [
        helper.make_node("Mul", ["x", "a"], ["p"]),
        helper.make_node("Mul", ["x", "b"], ["q"]),
        helper.make_node("Exp", ["p"], ["u"]),
        helper.make_node("Exp", ["q"], ["v"]),
        helper.make_node("Sub", ["u", "v"], ["y"]),
    ]
    program = lower(model(nodes, {"x": ["n", 4]}, ["y"], {"a": np.full(4, 2, np.float32), "b": np.full(4, 2, np.float32)}))
    assert layers(program) == ["Mul", "Activate", "Sub"]
    assert program.steps[-1].inputs[0] is program.steps[-1].inputs[1]


def test_other_constants_and_other_parameters_stay() -> None:
    nodes = [
        helper.make_node("Mul", ["x", "a"], ["p"]),
        helper.make_node("Mul", ["x", "b"], ["q"]),
        helper.make_node("Elu", ["p"], ["u"], alpha=1.0),
        helper.make_node("Elu", ["p"], ["v"], alpha=2.0),
        helper.make_node("Sum", ["q", "u", "v"], ["y"]),
    ]
    program = lower(model(nodes, {"x": ["n", 4]}, ["y"], {"a": np.full(4, 2, np.float32), "b": np.full(4, 3, np.float32)}))
    assert layers(program) == ["Mul", "Mul", "Activate", "Activate", "Add", "Add"]


def test_two_outputs_keep_a_buffer_each() -> None:
    nodes = [helper.make_node("Exp", ["x"], ["y"]), helper.make_node("Exp", ["x"], ["z"])]
    program = lower(model(nodes, {"x": ["n", 4]}, ["y", "z"]))
    assert layers(program) == ["Activate", "Activate"]
