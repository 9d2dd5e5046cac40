"""Ids that the model counts from the end, before a lookup that does; and what only looks like that."""

from __future__ import annotations

import numpy as np
import pytest
from build import layers
from onnx import NodeProto, TensorProto
from passing import left, passed
from spelled_patterns import IDS, WHERE, WIDTH, WORDS, lookup, node, number

LESS = [node("Less", "x zero", "c")]


@pytest.mark.parametrize("name", IDS)
def test_recognised(name: str) -> None:
    pattern = IDS[name]()
    program, said = passed(pattern)
    assert layers(program) == pattern.layers
    assert program.steps[-1].inputs[1].name.startswith("x") or program.steps[-2].inputs == program.inputs
    assert said == []


def test_an_axis_of_another_size_stays() -> None:
    program, said = passed(lookup(LESS, words=number(WORDS + 1, np.int32)))
    assert layers(program) == ["Less", "Add", "Where", "Gather"]
    reason = "negative ids are moved up by 9, and the axis that they count on has 8 elements"
    assert said == [f"wrapped_ids: node 3 'y' (Gather, opset 17): {reason}"]


@pytest.mark.parametrize(
    "condition",
    [
        [node("Less", "x minus", "c")],
        [node("LessOrEqual", "x zero", "c")],
        [node("Greater", "x zero", "c")],
        [node("Less", "u0 zero", "c")],
    ],
)
def test_another_condition_stays(condition: list[NodeProto]) -> None:
    before = [node("Abs", "x", "u0")] if "u0" in condition[0].input else []
    program, said = passed(lookup([*before, *condition]))
    assert layers(program)[-2:] == ["Where", "Gather"]
    assert said == []


def test_whole_numbers_are_divided_with_a_rest() -> None:
    """id / 2 · 2 is not id."""
    half = [node("Div", "x two", "h"), node("Mul", "h two", "v")]
    choice = [*half, node("Add", "v words", "u"), node("Where", "c u v", "i")]
    assert left(lookup(LESS, choice, two=number(2, np.int32))) == ["Less", "Div", "Mul", "Add", "Where", "Gather"]


def test_ids_that_are_narrowed_stay() -> None:
    """The lowest bits of a negative number may be those of a positive one."""
    pattern = lookup([node("Cast", "w", "x", to=TensorProto.INT32), node("Less", "w wide", "c")], wide=number(0, np.int64))
    pattern.inputs, pattern.dtypes = {"w": ["batch", 5]}, {"w": TensorProto.INT64}
    assert "Where" in left(pattern)


def test_what_others_read_stays() -> None:
    pattern = lookup(LESS, [*WHERE, node("Identity", "i", "z")])

    program, _ = passed(pattern, ("y", "z"))
    gather = next(s for s in program.steps if type(s.layer).__name__ == "Gather")
    assert gather.inputs[1] is program.inputs[0]


def test_a_table_of_the_run_is_looked_up_too() -> None:
    pattern = lookup(LESS)
    del pattern.constants["table"]
    pattern.inputs["table"] = [WORDS, WIDTH]
    assert left(pattern) == ["Gather"]
