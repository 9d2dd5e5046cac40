"""Where, which chooses between tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from onnx2rust.builder import Builder
from onnx2rust.ir.program import Value
from onnx2rust.layers.binary import broadcasting
from onnx2rust.layers.select import Where
from onnx2rust.registry import onnx_op, reads
from onnx2rust.registry.facts import Keeps, Ranks, Strings


def _sizes_of_where(arrays: list[Any], attributes: dict[str, Any]) -> Any:
    condition = arrays[0].ravel().tolist()
    if not all(isinstance(v, bool) for v in condition):
        return None
    return np.where(np.array(condition, bool).reshape(arrays[0].shape), arrays[1].astype(object), arrays[2].astype(object))


@onnx_op(
    "Where", since=(9, 16), ranks=Ranks.EACH, strings=Strings.TEXT, keeps=Keeps.SOME, reads={0: reads.MASK}, sizes=_sizes_of_where
)
def where(g: Builder, condition: Value, X: Value, Y: Value) -> Value:
    """y = condition ? x : y"""
    return g.elementwise(broadcasting(Where), [condition, X, Y], X.dtype)
