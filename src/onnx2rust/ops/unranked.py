"""Tensors whose rank only the run decides: how they are made, and what other operators get of them (docs/adr/0018)."""

from __future__ import annotations

from collections.abc import Sequence

from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import UnrankedType
from onnx2rust.layers import unranked


def is_unranked(x: Value) -> bool:
    """Whether only the run decides its rank."""
    return isinstance(x.type, UnrankedType)


def wrapped(g: Builder, x: Value) -> Value:
    """x as a tensor of any rank."""
    if is_unranked(x):
        return x
    x = g.rounded(g.text(x))
    return g.step(unranked.Wrap(x.shape), [x], UnrankedType(x.dtype))


def ranked(g: Builder, x: Value, shape: Sequence[int | None]) -> Value:
    """x with the rank of this shape; a run fails where it has another. A size that the shape states is checked too."""
    open_axes = tuple(axis for axis, d in enumerate(shape) if d is None)
    return g.opened(unranked.Ranked(tuple(d or 0 for d in shape), open_axes), [x], x.dtype, shape)


def elements(g: Builder, x: Value) -> Value:
    """The elements of any tensor in a row."""
    if is_unranked(x):
        return g.opened(unranked.Elements(), [x], x.dtype, [None], "elements")
    return g.view(x, x.tensor.size)


def shape_of(g: Builder, x: Value, start: int = 0, end: int | None = None) -> Value:
    """The sizes of any tensor's axes from `start` to `end`, which may count from the last, as an i64 tensor."""
    if is_unranked(x):
        return g.opened(unranked.ShapeOf(start, _ALL if end is None else end), [x], DType.I64, [None], "rank")
    first, last = (min(max(k + x.rank if k < 0 else k, 0), x.rank) for k in (start, x.rank if end is None else end))
    return g.constant(list(x.shape[first:last]))


_ALL = 2**63 - 1
"""An end behind all axes."""


def reshaped_by(g: Builder, layer: Layer, x: Value, *parameters: Value | None) -> Value:
    """A layer of the elements of any tensor, its shape, and further i64 tensors."""
    return g.step(layer, [elements(g, x), shape_of(g, x), *parameters], UnrankedType(x.dtype))


def like(g: Builder, x: Value, other: Value) -> Value:
    """The elements x in the shape of another tensor."""
    return g.step(unranked.Like(), [x, other], UnrankedType(x.dtype))
