"""Softmax and layer normalisation that are spelled out along any axis; and what only looks like them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from build import layers
from onnx import TensorProto
from passing import passed
from spelled_patterns import NORMALISED, SOFTMAX, TURNED, Pattern, flax_norm, floats, node, number, softmax


@pytest.mark.parametrize("name", [*SOFTMAX, *NORMALISED, *TURNED])
def test_recognised(name: str) -> None:
    made: dict[str, Callable[[], Pattern]] = {**SOFTMAX, **NORMALISED, **TURNED}
    pattern = made[name]()
    program, said = passed(pattern)
    assert layers(program) == pattern.layers
    assert said == []


def test_the_axes_of_a_softmax() -> None:
    (step,) = passed(softmax(axis=1))[0].steps
    assert str(step.layer) == "Softmax(outer=batch, axis=6, inner=5)"


def test_the_scale_and_the_epsilon_of_a_norm() -> None:
    pattern = flax_norm(0)
    layer = passed(pattern)[0].steps[1].layer
    assert layer.epsilon == pytest.approx(1e-6)
    assert layer.scale.array.tolist() == pattern.constants["g"].ravel().tolist()
    assert [str(d) for d in layer.size] == ["5*batch", "6"]


def test_a_softmax_that_may_overflow_stays() -> None:
    pattern = softmax()
    pattern.nodes[:3] = [node("Exp", "x", "e")]
    program, said = passed(pattern)
    assert layers(program) == ["Activate", "Reduce", "Div"]
    reason = "a softmax whose largest exponent is not taken away first: large ones overflow"
    assert said == [f"softmax: node 2 'y' (Div, opset 17): {reason}"]


def test_the_largest_along_another_axis_is_not_the_softmaxs() -> None:
    pattern = softmax()
    pattern.nodes[0] = node("ReduceMax", "x", "m", axes=[1])
    program, said = passed(pattern)
    assert layers(program) == ["Reduce", "Sub", "Activate", "Reduce", "Div"]
    reason = "a softmax whose largest exponents are taken along other axes than the sum"
    assert said == [f"softmax: node 4 'y' (Div, opset 17): {reason}"]


def test_powers_over_another_sum_stay() -> None:
    """Square matrices: the sum of the columns has as many elements as that of the rows."""
    pattern = softmax()
    pattern.inputs = {"x": [6, 6]}
    pattern.nodes.insert(-1, node("Transpose", "s", "t", perm=[1, 0]))
    pattern.nodes[-1] = node("Div", "e t", "y")
    program, _ = passed(pattern)
    assert "Softmax" not in layers(program)


def test_powers_that_others_read_stay() -> None:
    program, _ = passed(softmax(), ("y", "e"))
    assert layers(program) == ["Reduce", "Sub", "Activate", "Softmax"]


WORDS = "the scale or the shift of a normalised row is not one constant for each of its columns"


def test_a_scale_of_the_run_stays() -> None:
    pattern = flax_norm()
    del pattern.constants["g"]
    pattern.inputs = {**pattern.inputs, "g": ["batch", 6, 5]}
    program, said = passed(pattern)
    assert "LayerNormalization" not in layers(program)
    assert said == [f"layer_norm: node 18 'y' (Add, opset 17): {WORDS}"]


@pytest.mark.parametrize("change", [{"part": number(1 / 6)}, {"g": floats(5, 6, 1)}, {"b": floats(5, 6, 1)}])
def test_what_only_looks_like_a_norm_stays(change: dict[str, np.ndarray]) -> None:
    pattern = flax_norm()
    pattern.constants |= change
    program, said = passed(pattern)
    assert layers(program)[-1] == "Add"
    assert ("LayerNormalization" in layers(program)) == ("b" in change)
    assert said == []


def test_doubles() -> None:
    """There is a softmax of f64, and no normalisation."""
    for pattern, expected in ((softmax(), "Softmax"), (flax_norm(), "Add")):
        pattern.dtypes = {"x": TensorProto.DOUBLE}
        pattern.constants = {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in pattern.constants.items()}
        assert layers(passed(pattern)[0])[-1] == expected


def test_a_negative_epsilon_stays() -> None:
    pattern = flax_norm()
    pattern.constants["eps"] = number(-1e-3)
    program, said = passed(pattern)
    assert "LayerNormalization" not in layers(program)
    reason = "what a row is divided by is not the root of its variance plus a number"
    assert said == [f"layer_norm: node 18 'y' (Add, opset 17): {reason}"]


def test_a_variance_of_something_else_stays() -> None:
    pattern = flax_norm()
    pattern.nodes[3] = node("Mul", "x z", "xx")
    pattern.inputs = {**pattern.inputs, "z": pattern.inputs["x"]}
    program, said = passed(pattern)
    assert "LayerNormalization" not in layers(program)
    assert [s.split(": ", 2)[2] for s in said] == ["what a row is divided by is not the root of its variance plus a number"]


def test_a_shift_without_a_scale_stays_behind_the_layer() -> None:
    pattern = flax_norm()
    pattern.nodes[14] = node("Identity", "r", "rg")
    del pattern.constants["g"]
    program, said = passed(pattern)
    assert layers(program) == ["LayerNormalization", "Add"]
    assert said == []


def test_long_chains_and_values_that_are_doubled_again_and_again() -> None:
    """Neither the depth of a model's arithmetic nor the number of ways through it may matter."""
    deep = [node("Add", f"{f'a{k - 1}' if k else 'x'} one", f"a{k}") for k in range(400)]
    doubled = [node("Add", " ".join(2 * [f"d{k - 1}" if k else "a399"]), f"d{k}") for k in range(40)]
    pattern = Pattern([*deep, *doubled, node("Gather", "table d39", "y", axis=0)], {}, [], {"x": ["batch", 5]})
    pattern.constants = {"one": number(1, np.int32), "table": floats(1, 8, 3)}
    pattern.dtypes = {"x": TensorProto.INT32}
    assert layers(passed(pattern)[0]) == ["Add"] * 440 + ["Gather"]
