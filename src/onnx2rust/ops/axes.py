"""Axes and other integers that operators take: checked, and counted from the front."""

from __future__ import annotations

from collections.abc import Sequence

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim, symbol
from onnx2rust.ir.program import Value


def normal_axis(axis: int, rank: int) -> int:
    """The axis counted from the front; refuses one that does not exist."""
    if not -rank <= axis < rank:
        raise Refuse(f"axis {axis} of a tensor of rank {rank}", invalid=True)
    return axis % rank


def normal_axes(axes: Sequence[int], rank: int) -> list[int]:
    """Axes counted from the front, each once."""
    found = [normal_axis(a, rank) for a in axes]
    if len(set(found)) != len(found):
        raise Refuse(f"axes {list(axes)} name an axis twice", invalid=True)
    return found


def read_sizes(g: Builder, x: Value, axes: Sequence[int]) -> tuple[tuple[str, ...], list[Dim]]:
    """Symbols for the sizes along `axes` that are known only at run time, and x's shape with them."""
    names = tuple(g.new_symbol(f"size_{axis}") for axis in axes)
    shape = list(x.shape)
    for name, axis in zip(names, axes, strict=True):
        shape[axis] = symbol(name)
    return names, shape


def integers(value: Value) -> list[int]:
    """The elements of a known integer tensor."""
    assert value.array is not None
    return [int(v) for v in value.array.ravel()]
