"""Which layers an Einsum becomes, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from onnx import helper

sys.path.insert(0, str(Path(__file__).parent))
from build import layers, lower, model

from onnx2rust.base.errors import Onnx2RustError


@pytest.mark.parametrize(
    ("equation", "shapes", "output", "expected"),
    [
        ("ij,jk->ik", [[2, 3], [3, 4]], (2, 4), ["MatMul"]),
        ("bhid,bhjd->bhij", [["b", 2, "i", 8], ["b", 2, "i", 8]], None, ["MatMul"]),
        ("...ij,...jk->...ik", [[5, 2, 3], [5, 3, 4]], (5, 2, 4), ["MatMul"]),
        ("ij->ji", [[2, 3]], (3, 2), ["Transpose"]),
        ("ij->", [[2, 3]], (), ["Reduce"]),
        ("i,i", [[3], [3]], (), ["MatMul"]),
        ("i,j->ij", [[3], [4]], (3, 4), ["MatMul"]),
        ("ij,jk,kl->il", [[2, 3], [3, 4], [4, 5]], (2, 5), ["MatMul", "MatMul"]),
    ],
)
def test_layers(equation: str, shapes: list[list[int | str]], output: tuple[int, ...] | None, expected: list[str]) -> None:
    names = [f"x{k}" for k in range(len(shapes))]
    node = helper.make_node("Einsum", names, ["y"], equation=equation)
    program = lower(model([node], dict(zip(names, shapes, strict=True)), ["y"]))
    assert layers(program) == expected
    if output is not None:
        assert program.outputs[0].shape == output


def test_a_diagonal_is_refused() -> None:
    node = helper.make_node("Einsum", ["x"], ["y"], equation="ii->i")
    with pytest.raises(Onnx2RustError) as error:
        lower(model([node], {"x": [3, 3]}, ["y"]))
    assert "takes a diagonal" in error.value.problems[0].what
