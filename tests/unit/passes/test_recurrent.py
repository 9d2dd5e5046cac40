"""Recurrent layers that begin with zeros, or of which the last step is used; and what only looks like that."""

from __future__ import annotations

import numpy as np
import pytest
from build import layers
from onnx import TensorProto
from passing import left, passed
from spelled_patterns import HIDDEN, INPUTS, RECURRENT, STEPS, Pattern, ints, net, node, number


@pytest.mark.parametrize("name", RECURRENT)
def test_recognised(name: str) -> None:
    pattern = RECURRENT[name]()
    program, said = passed(pattern)
    assert layers(program) == pattern.layers
    assert said == []
    (step,) = (s for s in program.steps if s.layer.rust.startswith("recurrent"))
    assert step.outputs[0] is None
    known = step.inputs[1:] if step.inputs[1:2] == (None,) else step.inputs[4:]
    assert not any(known)


def _last(more: list[str], outputs: str = "s", direction: str = "forward", at: int = -1) -> Pattern:
    nodes, constants = net("LSTM", " ".join(["x", *more]), outputs, direction)
    return Pattern([*nodes, node("Gather", "s last", "y", axis=0)], constants | {"last": number(at, np.int64)}, [])


LSTM = "node 0 's' (LSTM, opset 17)"


def test_a_sequence_that_is_an_output_stays() -> None:
    program, said = passed(_last([]), ("y", "s"))
    assert layers(program) == ["Lstm", "Gather"]
    assert said == [f"final_states: {LSTM}: the last step of its result is used, and something else of it too"]


def test_a_sequence_that_something_else_reads_stays() -> None:
    pattern = _last([])
    pattern.nodes.append(node("ReduceMean", "s", "z", axes=[0]))
    program, said = passed(pattern, ("y", "z"))
    assert layers(program) == ["Lstm", "Gather", "Reduce"]
    assert said == [f"final_states: {LSTM}: the last step of its result is used, and something else of it too"]


def test_sequences_of_different_lengths_stay() -> None:
    pattern = _last(["lengths"])
    pattern.inputs["lengths"], pattern.dtypes["lengths"] = ["batch"], TensorProto.INT32
    program, said = passed(pattern)
    assert layers(program) == ["Lstm", "Gather"]
    assert said == [f"final_states: {LSTM}: the last step of its result is used, but sequences of other lengths end earlier"]


@pytest.mark.parametrize(("direction", "at"), [("forward", 0), ("forward", STEPS - 2), ("reverse", -1)])
def test_another_step_stays(direction: str, at: int) -> None:
    program, said = passed(_last([], direction=direction, at=at))
    assert layers(program) == ["Lstm", "Gather"]
    assert said == []


def test_the_last_step_of_both_directions_is_no_final_state() -> None:
    """Backwards, the last step is the first that is computed."""
    program, said = passed(_last([], direction="bidirectional"))
    assert layers(program) == ["Lstm", "Gather"]
    assert said == []


def test_the_final_state_may_be_wanted_as_well() -> None:
    program, said = passed(_last([], "s h c"), ("y", "h", "c"))
    assert layers(program) == ["Lstm"]
    assert said == []


def test_a_state_that_is_not_zero_stays() -> None:
    nodes, constants = net("GRU", "x - h", "s h_n")
    states = [np.full((1, 2, HIDDEN), 0.5, np.float32), np.full((1, 2, HIDDEN), np.nan, np.float32)]
    for state in states:
        pattern = Pattern(nodes, constants | {"h": state}, [], {"x": [STEPS, 2, INPUTS]})
        assert passed(pattern, ("s",))[0].steps[0].inputs[2] is not None


def test_zeros_times_something_stay() -> None:
    """0 · ∞ is not 0."""
    nodes, constants = net("GRU", "x - h", "s h_n")
    pattern = Pattern([node("Mul", "g zero", "h"), *nodes], constants | {"zero": number(0)}, [])
    pattern.inputs["g"] = [1, "batch", HIDDEN]
    assert left(pattern, ("s",)) == ["Mul", "Gru"]


def test_zeros_of_a_size_that_may_differ_stay() -> None:
    nodes, constants = net("GRU", "x - h", "s h_n")
    expand = [
        node("Shape", "z", "n"),
        node("Concat", "one n hidden", "size", axis=0),
        node("Expand", "zero size", "h"),
    ]
    more = {"zero": number(0), "one": ints(1), "hidden": ints(HIDDEN)}
    pattern = Pattern([*expand, *nodes], constants | more, [])
    pattern.inputs["z"] = ["others"]
    program, said = passed(pattern, ("s",))
    assert layers(program) == ["Expand", "Gru"]
    reason = "an initial state is zeros of float32[1, others, 4], which may be more or fewer than the 4*batch of a state"
    assert said == [f"zero_states: node 3 's' (GRU, opset 17): {reason}"]


def test_known_zeros_are_left_out() -> None:
    nodes, constants = net("GRU", "x - h", "s h_n")
    pattern = Pattern(nodes, constants | {"h": np.zeros((1, 2, HIDDEN), np.float32)}, [], {"x": [STEPS, 2, INPUTS]})
    assert passed(pattern, ("s",))[0].steps[0].inputs[1:] == (None, None)


def test_an_index_that_is_out_of_range_stays() -> None:
    assert left(_last([], at=STEPS)) == ["Lstm", "Gather"]
