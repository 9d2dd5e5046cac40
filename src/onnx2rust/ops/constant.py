"""Constants and pass-throughs: operators that leave no step behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers.movement import Expand
from onnx2rust.registry import onnx_op, reads
from onnx2rust.registry.facts import VIEWS, Ranks
from onnx2rust.registry.rules import Only


@onnx_op(
    "Constant",
    since=(1, 9, 11, 12, 13, 19, 21, 23, 24, 25),
    added={11: "sparse_value", 12: "value_float value_floats value_int value_ints value_string value_strings"},
    optional={11: "value"},
)
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


@onnx_op(
    "Identity",
    since=(1, 13, 14, 16, 19, 21, 23, 24, 25),
    ranks=Ranks.ANY,
    sizes=lambda arrays, attributes: arrays[0],
    **VIEWS,
)
def identity(g: Builder, x: Value) -> Value:
    """y = x"""
    return x


@onnx_op("Dropout", since=(7, 10))
def dropout_7(g: Builder, x: Value, *, ratio: float = 0.5, n_outputs: int = 1) -> tuple[Value | None, ...]:
    """y = x: nothing is dropped at inference. What the mask holds then the specification does not say; onnxruntime has zeros."""
    return _kept(g, x, n_outputs, np.zeros((), bool if g.origin.opset >= 10 else x.dtype.numpy))


@onnx_op("Dropout", since=(12, 13, 22), reads={1: reads.always(Only(0)), 2: reads.always(Only(0))})
def dropout(
    g: Builder,
    data: Value,
    ratio: Value | None = None,
    training_mode: Value | None = None,
    *,
    seed: int | None = None,
    n_outputs: int = 1,
) -> tuple[Value | None, ...]:
    """y = x: nothing is dropped at inference, nor while training if the ratio is 0."""
    training = training_mode is not None and (training_mode.array is None or bool(training_mode.array.any()))
    share = 0.5 if ratio is None else None if ratio.array is None else float(ratio.array.ravel()[0])
    if training and share != 0:
        raise Refuse(
            "Dropout with training_mode=True drops at random, which a generated crate does not do",
            "export the model for inference (training_mode=False, or Keras' training=False)",
        )
    return _kept(g, data, n_outputs, np.ones((), bool))


def _kept(g: Builder, x: Value, n_outputs: int, mask: np.ndarray[Any, Any]) -> tuple[Value | None, ...]:
    """x and, if wanted, a mask whose elements are all the same."""
    if n_outputs == 1:
        return (x,)
    one = g.constant(mask.reshape([1] * x.rank))
    return x, g.step(Expand(one.shape, x.shape), [one], TensorType(one.dtype, x.shape))
