"""Tensors of a rank that only the run decides, at the border of a node: most lowerings want to know the rank."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Origin, Value
from onnx2rust.layers.unranked import BroadcastShapes, Expand
from onnx2rust.ops import facts_of, unranked
from onnx2rust.ops.shape import fixed
from onnx2rust.registry.facts import Ranks


class Gate:
    """How one node meets such tensors: `inputs` are what its lowering gets, `outputs` makes its results what the model says."""

    def __init__(self, g: Builder, origin: Origin, inputs: Sequence[Value | None]) -> None:
        self._g = g
        self._like: Value | None = None
        self.inputs = list(inputs)
        if not any(v is not None and unranked.is_unranked(v) for v in inputs):
            return
        how = facts_of(origin.op, origin.domain).ranks
        if how is None:
            hint = "give it a rank before: Reshape it, or let the model state the value's shape (value_info)"
            raise Refuse(f"operator {origin.op} of a tensor whose rank is known only at run time is not supported", hint)
        if how is Ranks.EACH:
            self.inputs, self._like = _in_a_row(g, inputs)

    def outputs(self, results: tuple[Value | None, ...]) -> tuple[Value | None, ...]:
        """The results, in the shape of the inputs where they were computed in a row."""
        like = self._like
        if like is None:
            return results
        return tuple(v if v is None else unranked.like(self._g, v, like) for v in results)


def _in_a_row(g: Builder, inputs: Sequence[Value | None]) -> tuple[list[Value | None], Value]:
    """The inputs of an operator that works element by element with broadcasting, each as its elements in a row; and a tensor that
    has the shape of the result."""
    there = [x for x in inputs if x is not None]
    others = [x for x in there if not unranked.is_unranked(x)]
    (first, *more) = [x for x in there if unranked.is_unranked(x)]
    if not more and all(x.rank == 0 for x in others):
        return [x if x is None or x is not first else unranked.elements(g, x) for x in inputs], first
    shape = unranked.shape_of(g, there[0])
    for x in there[1:]:
        shape = g.opened(BroadcastShapes(), [shape, unranked.shape_of(g, x)], DType.I64, [None], "rank")
    wide = {x: unranked.reshaped_by(g, Expand(), g.rounded(g.text(x)), shape) for x in dict.fromkeys(there)}
    size: Dim | None = None
    rows: dict[Value, Value] = {}
    for x, expanded in wide.items():
        row = unranked.elements(g, expanded)
        size = row.shape[0] if size is None else size
        rows[x] = fixed(g, row, 0, size)
    return [None if x is None else rows[x] for x in inputs], wide[first]


def stated(graph: onnx.GraphProto) -> dict[str, list[int | None]]:
    """The shapes that a graph states for its values: sizes that are no numbers are None."""
    found = {}
    for info in (*graph.value_info, *graph.output):
        shape = info.type.tensor_type.shape
        if info.type.tensor_type.HasField("shape"):
            found[info.name] = [int(d.dim_value) if d.HasField("dim_value") else None for d in shape.dim]
    return found
