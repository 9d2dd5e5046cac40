"""What the tensors of a model are called in its crate: in Rust after the layer that reads them, in
the weights file as the model calls them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parent / "ops"))
from build import lower, model

from onnx2rust.emit.weights import WeightTable

DRAW = np.random.default_rng(3)


def numbers(*shape: int) -> np.ndarray[Any, Any]:
    return DRAW.normal(size=shape).astype(np.float32)


def node(op: str, inputs: str, output: str, name: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), [output], name, **attributes)


def names(
    nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray[Any, Any]], x: tuple[int | str, ...] = ("n", 8)
) -> dict[str, str]:
    """For each tensor of the weights file its name in Rust."""
    kinds: dict[str, int] = {"ids": TensorProto.INT64}
    read = {name for n in nodes for name in n.input}
    inputs: dict[str, Sequence[int | str]] = {name: shape for name, shape in {"x": x, "ids": ("n",)}.items() if name in read}
    table = WeightTable(lower(model(nodes, inputs, [nodes[-1].output[0]], weights, dtypes=kinds)))
    return {e.member: str(e.name) for e in table.entries}


def test_what_a_layer_holds_is_called_after_it() -> None:
    """Exporters call a bias `const_fold_opt__209`, and a kernel after the transposition that was folded."""
    nodes = [
        node("MatMul", "x main/net/Dense_0/transpose_3_0", "a", "main/net/Dense_0/MatMul"),
        node("Add", "a const_fold_opt__209", "c", "main/net/Dense_0/Add"),
        node("MatMul", "c onnx::MatMul_12", "y", "main/net/Dense_1/MatMul"),
    ]
    weights = {
        "main/net/Dense_0/transpose_3_0": numbers(8, 4),
        "const_fold_opt__209": numbers(4),
        "onnx::MatMul_12": numbers(4, 2),
    }
    assert names(nodes, weights) == {
        "main/net/Dense_0/transpose_3_0": "dense_0_kernel",
        "const_fold_opt__209": "dense_0_bias",
        "onnx_MatMul_12": "dense_1_kernel",
    }


@pytest.mark.parametrize(
    ("table", "called"),
    [
        ("jit/net/embed/embeddings", "embed_embeddings"),
        ("jit.net.embed.weight", "embed_weight"),
        ("jit/Const_0", "embed_table"),
        ("Const:0", "embed_table"),
        ("other/embeddings", "other_embeddings"),
    ],
)
def test_a_constant_keeps_its_own_name_unless_that_is_a_counter(table: str, called: str) -> None:
    nodes = [
        node("Gather", f"{table} ids", "a", "jit/net/embed/Gather"),
        node("MatMul", "a k", "y", "jit/net/dense/MatMul"),
    ]
    found = names(nodes, {table: numbers(10, 8), "k": numbers(8, 2)})
    assert [*found.values()] == [called, "dense_kernel"]


def test_other_constants_are_called_after_the_step_and_what_they_are_there() -> None:
    nodes = [node("Sub", "x Const_7", "y", "net/shift/Sub")]
    assert names(nodes, {"Const_7": numbers(8)}) == {"Const_7": "shift_constant"}


def test_what_several_layers_share_has_its_own_name() -> None:
    shared = numbers(8, 8)
    nodes = [
        node("MatMul", "x jit/net/tied/kernel_1", "a", "jit/net/up/MatMul"),
        node("Softmax", "a", "c", "jit/net/softmax/Softmax"),
        node("MatMul", "c jit/net/tied/kernel_1", "y", "jit/net/down/MatMul"),
    ]
    assert names(nodes, {"jit/net/tied/kernel_1": shared}) == {"jit/net/tied/kernel_1": "tied_kernel_1"}


def test_equal_numbers_under_two_packings_are_two() -> None:
    table = numbers(8, 8)
    nodes = [
        node("Gather", "tied ids", "a", "embed/Gather"),
        node("MatMul", "a tied", "y", "head/MatMul"),
    ]
    program = lower(model(nodes, {"ids": ("n",)}, ["y"], {"tied": table}, dtypes={"ids": TensorProto.INT64}))
    assert [(e.member, str(e.name)) for e in WeightTable(program).entries] == [("tied", "tied"), ("tied", "head_kernel")]


def test_names_that_are_taken_are_counted() -> None:
    """A step is called as the tensor of another would be."""
    nodes = [
        node("MatMul", "x k", "a", "dense"),
        node("Add", "a b", "c", "dense"),
        node("Softmax", "c", "d", "dense_kernel"),
        node("MatMul", "d k2", "e", 'x"; fn main() { }'),
        node("MatMul", "e k3", "y", "type"),
    ]
    weights = {"k": numbers(8, 8), "b": numbers(8), "k2": numbers(8, 8), "k3": numbers(8, 8)}
    assert names(nodes, weights) == {"k": "dense_kernel_2", "b": "dense_bias", "k2": "mat_mul_kernel", "k3": "type_kernel"}
