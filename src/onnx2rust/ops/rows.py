"""Tensors whose rank only the run decides, as operators want them that work element by element: their elements in a row."""

from __future__ import annotations

from collections.abc import Sequence

from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Value
from onnx2rust.layers.unranked import BroadcastShapes, Expand
from onnx2rust.ops.shape import fixed
from onnx2rust.ops.unranked import elements, is_unranked, reshaped_by, shape_of


def in_a_row(g: Builder, inputs: Sequence[Value | None]) -> tuple[list[Value | None], Value]:
    """The inputs of an operator that works element by element with broadcasting, each as its elements in a row; and a tensor that
    has the shape of the result."""
    there = [x for x in inputs if x is not None]
    others = [x for x in there if not is_unranked(x)]
    (first, *more) = [x for x in there if is_unranked(x)]
    if not more and all(x.rank == 0 for x in others):
        return [x if x is None or x is not first else elements(g, x) for x in inputs], first
    shape = shape_of(g, there[0])
    for x in there[1:]:
        shape = g.opened(BroadcastShapes(), [shape, shape_of(g, x)], DType.I64, [None], "rank")
    wide = {x: reshaped_by(g, Expand(), g.rounded(g.text(x)), shape) for x in dict.fromkeys(there)}
    size: Dim | None = None
    rows: dict[Value, Value] = {}
    for x, expanded in wide.items():
        row = elements(g, expanded)
        size = row.shape[0] if size is None else size
        rows[x] = fixed(g, row, 0, size)
    return [None if x is None else rows[x] for x in inputs], wide[first]
