"""Loop: onnx's evaluator concatenates what it should stack, and takes an absent condition for false."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from onnx.reference.ops.op_loop import Loop as _Loop

Array = np.ndarray[Any, Any]


class Loop(_Loop):
    """Runs the body while the condition holds, `trips` times at most: its states after the last
    run, then the rows that each run gave."""

    body: Any
    _run_body: Any

    def _run(
        self,
        trips: Array | None,
        condition: Array | None,
        *states: Any,
        context: dict[str, Any] | None = None,
        body: Any = None,
        attributes: Any = None,
        bindings: Any = None,
    ) -> tuple[Any, ...]:
        names = self.body.input_names
        limit = math.inf if trips is None else int(trips.item())
        goes_on = True if condition is None else bool(condition.item())
        values = list(states)
        rows: list[list[Array]] = [[] for _ in range(self.K)]
        done = 0
        while goes_on and done < limit:
            feeds = dict(context or {}) | dict(zip(names, [np.array(done, np.int64), np.array(True), *values], strict=True))
            again, *outputs = self._run_body(feeds, attributes=attributes, bindings=bindings)
            goes_on, values = bool(np.asarray(again).item()), outputs[: self.N]
            for collected, row in zip(rows, outputs[self.N :], strict=True):
                collected.append(np.asarray(row))
            done += 1
        types = self.body.output_types[1 + self.N :]
        return (*values, *(np.stack(r) if r else _none_of(t) for r, t in zip(rows, types, strict=True)))


def _none_of(type_: onnx.TypeProto) -> Array:
    """No rows of a type; sizes that it leaves open are 0."""
    tensor = type_.tensor_type
    return np.zeros([0, *(d.dim_value for d in tensor.shape.dim)], onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
