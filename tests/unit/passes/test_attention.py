"""Attention in the orders in which exporters spell it out; and what only looks like it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))
from build import layers, lower, model
from spelled_attention import HEADS, SIZE, SPELLED, TOKENS, Spelled, node, number, torch_like

from onnx2rust import importer, passes
from onnx2rust.base.options import Options


def proto_of(spelled: Spelled) -> Any:
    """The model."""
    return model(spelled.nodes, spelled.inputs, ["y"], spelled.constants, opset=spelled.opset, dtypes=spelled.dtypes)


def reasons(nodes: list[NodeProto], constants: dict[str, Any], **more: Any) -> list[str]:
    """Why the pass leaves x → y alone."""
    proto = model(nodes, {"x": ["batch", TOKENS, HEADS * SIZE], **more}, ["y"], constants)
    result = passes.run(importer.read(proto, Options(name="test")))
    assert "Attention" not in layers(result.program)
    return [d.reason for d in result.declined if d.by == "attention"]


@pytest.mark.parametrize("name", SPELLED)
def test_recognised(name: str) -> None:
    spelled = SPELLED[name]()
    program = lower(proto_of(spelled))
    found = layers(program)
    assert found.count("Attention") == 1
    assert not {"Softmax", "MatMul", "Transpose"} & set(found) - ({"Transpose"} if name in ("vit", "one_query") else set())
    (layer,) = (s.layer for s in program.steps if type(s.layer).__name__ == "Attention")
    for field, expected in spelled.expected.items():
        actual = getattr(layer, field)
        if field == "scale":
            assert actual == pytest.approx(expected, rel=1e-6)
        elif expected is not None or field in ("keep", "mask"):
            assert (actual if actual is None or isinstance(actual, bool | int | float) else actual.name) == expected, field


SOFTMAX = node("Softmax", "t", "p", axis=-1)


def test_scores_that_are_an_output_stay() -> None:
    nodes, constants = torch_like([node("Mul", "s half", "t"), SOFTMAX], half=number(0.5))
    spelled = Spelled(nodes, constants, {})
    proto = model(spelled.nodes, spelled.inputs, ["y", "p"], constants)
    assert "Attention" not in layers(lower(proto))
    proto = model(spelled.nodes, spelled.inputs, ["y", "t"], constants)
    result = passes.run(importer.read(proto, Options(name="test")))
    assert "Attention" not in layers(result.program)
    assert [d.reason for d in result.declined] == ["something else reads the scores"]


def test_a_mask_behind_a_factor_stays() -> None:
    nodes, constants = torch_like([node("Add", "s m", "u"), node("Mul", "u half", "t"), SOFTMAX], half=number(0.5))
    assert reasons(nodes, constants, m=["batch", 1, 1, TOKENS]) == ["a mask in front of a factor or of `where`"]


def test_a_mask_in_front_of_where_stays() -> None:
    more = {"least": number(-1e9), "lower": np.tri(TOKENS, dtype=bool)}
    nodes, constants = torch_like([node("Add", "s m", "u"), node("Where", "lower u least", "t"), SOFTMAX], **more)
    assert reasons(nodes, constants, m=["batch", 1, 1, TOKENS]) == ["a mask in front of a factor or of `where`"]


def test_two_masks_of_the_run_stay() -> None:
    nodes, constants = torch_like([node("Add", "s m", "u"), node("Add", "n u", "t"), SOFTMAX])
    found = reasons(nodes, constants, m=["batch", 1, 1, TOKENS], n=[1, HEADS, TOKENS, TOKENS])
    assert found == ["several masks that are not all constants"]


def test_a_mask_of_a_size_that_may_differ_stays() -> None:
    nodes, constants = torch_like([node("Add", "s m", "t"), SOFTMAX])
    found = reasons(nodes, constants, m=["batch", 1, 1, "words"])
    assert found == ["a mask of float32[batch, 1, 1, words], whose sizes may differ from the scores'"]


def test_a_mask_of_queries_alone_stays() -> None:
    nodes, constants = torch_like([node("Add", "s m", "t"), SOFTMAX])
    found = reasons(nodes, constants, m=["batch", 1, TOKENS, 1])
    assert found == [
        f"a mask of float32[batch, 1, {TOKENS}, 1] is not [batch, heads, queries, keys] with some of the first three being 1"
    ]


def test_scores_times_a_tensor_stay() -> None:
    nodes, constants = torch_like([node("Mul", "s m", "t"), SOFTMAX])
    assert reasons(nodes, constants, m=["batch", 1, 1, TOKENS]) == ["the scores are multiplied by something else than a number"]


def test_a_softmax_over_queries_stays() -> None:
    nodes, constants = torch_like([node("Softmax", "s", "p", axis=2)])
    assert len(reasons(nodes, constants)) == 1


def test_a_softmax_of_something_else_stays() -> None:
    nodes, constants = torch_like([node("Tanh", "s", "t"), SOFTMAX])
    assert reasons(nodes, constants) == ["the softmax is of a Activate, not of products of queries and keys"]


def test_a_triangle_that_is_not_quite_one_is_a_mask() -> None:
    triangle = np.where(np.tri(TOKENS, dtype=bool), 0, -np.inf).astype(np.float32)
    triangle[0, 3] = 0
    nodes, constants = torch_like([node("Add", "s triangle", "t"), SOFTMAX], triangle=triangle)
    program = lower(model(nodes, {"x": ["batch", TOKENS, HEADS * SIZE]}, ["y"], constants))
    layer: Any = next(s.layer for s in program.steps if type(s.layer).__name__ == "Attention")
    assert not layer.causal
    assert layer.mask.name == "QueriesKeys"


def test_zero_rows_of_another_condition_stay() -> None:
    between = [node("Add", "s m", "t"), node("Softmax", "t", "w", axis=-1), node("Where", "c zero w", "p")]
    condition = np.zeros((TOKENS, 1), bool)
    condition[2] = True
    nodes, constants = torch_like(between, zero=number(0), c=condition)
    found = reasons(nodes, constants, m=["batch", 1, 1, TOKENS])
    assert found == ["weights are replaced by 0 under a condition that is not that of a mask of minus infinity all along"]
