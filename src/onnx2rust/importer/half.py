"""float16 at the border of a node: lowerings compute in float32, and nothing is rounded before someone needs a float16 tensor.

A node that computes reads the float32 values that stand for its float16 inputs (`Builder.widen`), and its results wait to be
rounded (`Builder.narrow`). A node that moves elements moves the float32 values where they wait, and float16 ones otherwise. A
result is rounded once: where it leaves the model, or where a body begins or ends (docs/adr/0006).
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Origin, Value
from onnx2rust.model import schemas
from onnx2rust.ops import facts_of
from onnx2rust.registry.facts import Half

_MOST_OUTPUTS = 64
"""Of a variadic output."""


class Door:
    """How one node meets float16: `inputs` are what its lowering gets, `outputs` makes its results
    what the model says they are."""

    def __init__(self, g: Builder, origin: Origin, inputs: Sequence[Value | None]) -> None:
        self._g = g
        halves = [v for v in inputs if v is not None and v.dtype is DType.F16]
        how = facts_of(origin.op, origin.domain).half
        wide = bool(halves) and how is not Half.ITSELF and (how is not Half.MOVES or any(map(g.waits, halves)))
        self._narrowed = _outputs_of_f16(origin, inputs) if wide else set[int]()
        self.inputs = [g.widen(v) if wide and v is not None and v.dtype is DType.F16 else v for v in inputs]

    def outputs(self, results: tuple[Value | None, ...]) -> tuple[Value | None, ...]:
        """The results, those that are float16 in the model as such."""
        return tuple(
            self._g.narrow(v) if v is not None and k in self._narrowed and v.dtype is DType.F32 else v
            for k, v in enumerate(results)
        )


def _outputs_of_f16(origin: Origin, inputs: Sequence[Value | None]) -> set[int]:
    """Positions of the outputs whose type the schema ties to an input that is float16."""
    schema = schemas.schema(origin.op, origin.domain, origin.opset)
    if schema is None:
        return set()
    last = len(schema.inputs) - 1
    half = {schema.inputs[min(k, last)].type_str for k, v in enumerate(inputs) if v is not None and v.dtype is DType.F16}
    formal = [o.type_str in half for o in schema.outputs]
    variadic = bool(schema.outputs) and schema.outputs[-1].option == onnx.defs.OpSchema.FormalParameterOption.Variadic
    return {k for k in range(_MOST_OUTPUTS if variadic else len(formal)) if formal[min(k, len(formal) - 1)]}
