"""Tensors of a rank that only the run decides, at the border of a node: most lowerings want to know the rank."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.program import Origin, Value
from onnx2rust.ops import facts_of
from onnx2rust.ops.rows import in_a_row
from onnx2rust.ops.unranked import is_unranked, like
from onnx2rust.registry.facts import Ranks


class Gate:
    """How one node meets such tensors: `inputs` are what its lowering gets, `outputs` makes its results what the model says."""

    def __init__(self, g: Builder, origin: Origin, inputs: Sequence[Value | None]) -> None:
        self._g = g
        self._like: Value | None = None
        self.inputs = list(inputs)
        if not any(v is not None and is_unranked(v) for v in inputs):
            return
        how = facts_of(origin.op, origin.domain).ranks
        if how is None:
            hint = "give it a rank before: Reshape it, or let the model state the value's shape (value_info)"
            raise Refuse(f"operator {origin.op} of a tensor whose rank is known only at run time is not supported", hint)
        if how is Ranks.EACH:
            self.inputs, self._like = in_a_row(g, inputs)

    def outputs(self, results: tuple[Value | None, ...]) -> tuple[Value | None, ...]:
        """The results, in the shape of the inputs where they were computed in a row."""
        shape = self._like
        if shape is None:
            return results
        return tuple(v if v is None else like(self._g, v, shape) for v in results)


def stated(graph: onnx.GraphProto) -> dict[str, list[int | None]]:
    """The shapes that a graph states for its values: sizes that are no numbers are None."""
    found = {}
    for info in (*graph.value_info, *graph.output):
        shape = info.type.tensor_type.shape
        if info.type.tensor_type.HasField("shape"):
            found[info.name] = [int(d.dim_value) if d.HasField("dim_value") else None for d in shape.dim]
    return found
