"""Functions that exporters spell out, in the orders in which they do it; and what only looks like them."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, helper

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))
from build import layers, lower, model

ROWS: Any = ["batch", 5, 16]


def node(op: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    """A node; inputs separated by spaces."""
    return helper.make_node(op, inputs.split(), [output], **attributes)


def number(value: float) -> np.ndarray[Any, Any]:
    """A constant of one element."""
    return np.array(value, dtype=np.float32)


def program_of(nodes: list[NodeProto], shape: Any = None, **constants: Any) -> Any:
    """x → y with these nodes."""
    return lower(model(nodes, {"x": shape or ROWS}, ["y"], constants))


GELU_CONSTANTS = {"half": number(0.5), "one": number(1), "root": number(math.sqrt(2)), "inverse": number(math.sqrt(0.5))}
TANH_CONSTANTS = GELU_CONSTANTS | {"three": number(3), "cube": number(0.044715), "scale": number(math.sqrt(2 / math.pi))}
SIX = {"three": number(3), "six": number(6), "sixth": number(1 / 6), "zero": number(0)}
SPELLED: dict[str, tuple[str, list[NodeProto], dict[str, np.ndarray[Any, Any]]]] = {
    "silu": ("Swish", [node("Sigmoid", "x", "s"), node("Mul", "s x", "y")], {}),
    "quick gelu": (
        "Swish",
        [node("Mul", "x a", "u"), node("Sigmoid", "u", "s"), node("Mul", "x s", "y")],
        {"a": number(1.702)},
    ),
    "hard sigmoid, keras": (
        "HardSigmoid",
        [node("Add", "x three", "u"), node("Clip", "u zero six", "c"), node("Mul", "c sixth", "y")],
        SIX,
    ),
    "hard sigmoid, divided": (
        "HardSigmoid",
        [node("Add", "three x", "u"), node("Clip", "u zero six", "c"), node("Div", "c six", "y")],
        SIX,
    ),
    "hard swish, keras": (
        "HardSwish",
        [node("Add", "x three", "u"), node("Clip", "u zero six", "c"), node("Mul", "c sixth", "h"), node("Mul", "x h", "y")],
        SIX,
    ),
    "hard swish, torch": (
        "HardSwish",
        [node("Add", "x three", "u"), node("Clip", "u zero six", "c"), node("Mul", "x c", "h"), node("Div", "h six", "y")],
        SIX,
    ),
    "hard swish, hard sigmoid": (
        "HardSwish",
        [node("HardSigmoid", "x", "h", alpha=1 / 6, beta=0.5), node("Mul", "h x", "y")],
        {},
    ),
    "gelu, torch": (
        "Gelu",
        [
            node("Div", "x root", "u"),
            node("Erf", "u", "e"),
            node("Add", "e one", "s"),
            node("Mul", "x s", "p"),
            node("Mul", "p half", "y"),
        ],
        GELU_CONSTANTS,
    ),
    "gelu, keras by erfc": (
        "Gelu",
        [
            node("Mul", "half x", "h"),
            node("Neg", "x", "n"),
            node("Mul", "n inverse", "u"),
            node("Erf", "u", "e"),
            node("Sub", "one e", "s"),
            node("Mul", "h s", "y"),
        ],
        GELU_CONSTANTS,
    ),
    "gelu by tanh": (
        "GeluTanh",
        [
            node("Pow", "x three", "c"),
            node("Mul", "c cube", "d"),
            node("Add", "x d", "t"),
            node("Mul", "t scale", "u"),
            node("Tanh", "u", "e"),
            node("Add", "one e", "s"),
            node("Mul", "half x", "h"),
            node("Mul", "h s", "y"),
        ],
        TANH_CONSTANTS,
    ),
}


@pytest.mark.parametrize("name", SPELLED)
def test_activations(name: str) -> None:
    expected, nodes, constants = SPELLED[name]
    program = program_of(nodes, **constants)
    assert layers(program) == ["Activate"]
    assert program.steps[-1].layer.activation.name == expected


def test_an_activation_of_a_sum_is_seen() -> None:
    nodes = [node("Add", "x c", "u"), node("Sigmoid", "u", "s"), node("Mul", "u s", "y")]
    assert layers(program_of(nodes, c=np.ones(16, np.float32))) == ["Add", "Activate"]


@pytest.mark.parametrize("change", ["scale", "factor", "other"])
def test_what_only_looks_like_gelu_stays(change: str) -> None:
    constants = GELU_CONSTANTS | {"root": number(1.5)} if change == "scale" else dict(GELU_CONSTANTS)
    constants |= {"half": number(0.6)} if change == "factor" else {}
    nodes = list(SPELLED["gelu, torch"][1])
    if change == "other":
        nodes = [node("Tanh", "x", "z"), *nodes[:3], node("Mul", "z s", "p"), nodes[4]]
    assert "Gelu" not in {s.layer.activation.name for s in program_of(nodes, **constants).steps if hasattr(s.layer, "activation")}


def test_swish_keeps_what_others_read() -> None:
    nodes = [node("Sigmoid", "x", "s"), node("Mul", "s x", "m"), node("Add", "m s", "y")]
    assert layers(program_of(nodes)) == ["Activate", "Activate", "Add"]


def _moments(**more: Any) -> list[NodeProto]:
    return [node("ReduceMean", "x", "m", axes=[-1], keepdims=1, **more), node("Sub", "x m", "d")]


VECTORS = {"eps": number(1e-3), "g": np.full(16, 2, np.float32), "b": np.ones(16, np.float32), "two": number(2)}
NORMALISED: dict[str, list[NodeProto]] = {
    "keras": [
        *_moments(),
        node("Mul", "d d", "q"),
        node("ReduceMean", "q", "v", axes=[-1], keepdims=1),
        node("Add", "v eps", "e"),
        node("Sqrt", "e", "s"),
        node("Reciprocal", "s", "r"),
        node("Mul", "r g", "rg"),
        node("Mul", "x rg", "a"),
        node("Neg", "m", "n"),
        node("Mul", "n rg", "c"),
        node("Add", "c b", "f"),
        node("Add", "a f", "y"),
    ],
    "torch": [
        *_moments(),
        node("Pow", "d two", "q"),
        node("ReduceMean", "q", "v", axes=[-1], keepdims=1),
        node("Add", "eps v", "e"),
        node("Sqrt", "e", "s"),
        node("Div", "d s", "h"),
        node("Mul", "h g", "a"),
        node("Add", "a b", "y"),
    ],
}


@pytest.mark.parametrize("name", NORMALISED)
def test_layer_normalisation(name: str) -> None:
    program = program_of(NORMALISED[name], **VECTORS)
    assert layers(program) == ["LayerNormalization"]
    layer: Any = program.steps[-1].layer
    assert layer.epsilon == pytest.approx(1e-3)
    assert layer.scale.array.tolist() == [2] * 16
    assert layer.bias.array.tolist() == [1] * 16


def test_layer_normalisation_without_scale_and_shift() -> None:
    program = program_of([*NORMALISED["torch"][:6], node("Div", "d s", "y")], **VECTORS)
    assert layers(program) == ["LayerNormalization"]


@pytest.mark.parametrize("change", ["rows", "axis", "variance"])
def test_what_only_looks_like_layer_normalisation_stays(change: str) -> None:
    nodes, shape, vectors = list(NORMALISED["torch"]), [16, 16], dict(VECTORS)
    if change == "rows":  # one factor a row instead of one a column, of the same size
        vectors["g"] = vectors["g"].reshape(16, 1)
    elif change == "axis":
        nodes[3] = node("ReduceMean", "q", "v", axes=[0], keepdims=1)
    else:
        nodes[2] = node("Mul", "d x", "q")
    found = layers(program_of(nodes, shape, **vectors))
    if change == "rows":  # the inner part is one
        assert found == ["LayerNormalization", "Mul", "Add"]
    else:
        assert "LayerNormalization" not in found
