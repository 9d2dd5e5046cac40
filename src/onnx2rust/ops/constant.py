"""Constants and pass-throughs: operators that leave no step behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2rust.builder import Builder, Refuse
from onnx2rust.program import Value
from onnx2rust.registry import onnx_op


@onnx_op("Constant", since=(1, 9, 11, 12, 13, 19, 21, 23, 24, 25))
def constant(
    g: Builder,
    *,
    value: onnx.TensorProto | None = None,
    sparse_value: Any = None,
    value_float: float | None = None,
    value_floats: list[float] | None = None,
    value_int: int | None = None,
    value_ints: list[int] | None = None,
    value_string: str | None = None,
    value_strings: list[str] | None = None,
) -> Value:
    """A tensor that stands in the node itself."""
    name = g.origin.node
    if value is not None:
        return g.constant(numpy_helper.to_array(value), name)
    if value_float is not None or value_floats is not None:
        return g.constant(np.array(value_float if value_floats is None else value_floats, np.float32), name)
    if value_int is not None or value_ints is not None:
        return g.constant(np.array(value_int if value_ints is None else value_ints, np.int64), name)
    if sparse_value is not None:
        raise Refuse("sparse constants are not supported", "store the constant dense")
    raise Refuse("string constants are not supported")


@onnx_op("Identity", since=(1, 13, 14, 16, 19, 21, 23, 24, 25))
def identity(g: Builder, x: Value) -> Value:
    """y = x"""
    return x


@onnx_op("Dropout", since=(7, 10))
def dropout_7(g: Builder, x: Value, *, ratio: float = 0.5, n_outputs: int = 1) -> tuple[Value | None, ...]:
    """y = x: nothing is dropped at inference."""
    if n_outputs > 1:
        raise Refuse("the mask output of Dropout is not supported", "export the model for inference")
    return (x,)
