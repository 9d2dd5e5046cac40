"""What is computed once, and what must be computed twice."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))
from build import layers, lower, model

from onnx2rust.base.errors import ToolError
from onnx2rust.ir import check
from onnx2rust.ir.program import Value


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


def test_a_branch_that_hands_out_the_second_of_two_equal_values() -> None:
    """It reads the first then; a value that no step makes any more is a bug that is told."""
    branches = {
        f"{name}_branch": helper.make_graph([node], name, [], [onnx.ValueInfoProto(name=f"{name}_y")])
        for name, node in (
            ("then", helper.make_node("Identity", ["v"], ["then_y"])),
            ("else", helper.make_node("Neg", ["u"], ["else_y"])),
        )
    }
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["u"], keepdims=0),
        helper.make_node("Greater", ["u", "zero"], ["c"]),
        helper.make_node("ReduceMax", ["x"], ["v"], keepdims=0),
        helper.make_node("If", ["c"], ["y"], **branches),
    ]
    program = lower(model(nodes, {"x": ["n", 4]}, ["y"], {"zero": np.float32(0)}))
    assert layers(program) == ["Reduce", "Greater", "If"]
    (then, _) = program.steps[-1].bodies
    made = {v for step in program.steps for v in step.results()}
    assert set(then.outputs) <= made
    broken = replace(then, outputs=(Value("gone", then.outputs[0].type),))
    steps = (*program.steps[:-1], replace(program.steps[-1], bodies=(broken, program.steps[-1].bodies[1])))
    with pytest.raises(ToolError, match="is never computed"):
        check.program(replace(program, steps=steps), "a pass")
