"""Softmax, LogSoftmax and Hardmax."""

from __future__ import annotations

from collections.abc import Callable

from onnx2rust.builder import Builder
from onnx2rust.ir.dims import product
from onnx2rust.ir.layer import Layer
from onnx2rust.ir.program import Value
from onnx2rust.ir.shapes import split_at
from onnx2rust.layers.softmax import Hardmax, LogSoftmax, Softmax
from onnx2rust.ops.axes import normal_axis
from onnx2rust.registry import onnx_op


def _softmax(op: str, layer: Callable[..., Layer]) -> None:
    @onnx_op(op, since=(1, 11))
    def coerced(g: Builder, input: Value, *, axis: int = 1) -> Value:
        k = normal_axis(axis, input.rank)
        size = (product(input.shape[:k]), product(input.shape[k:]), 1)
        return g.step(layer(*size), [input], input.type)

    @onnx_op(op, since=13)
    def along(g: Builder, input: Value, *, axis: int = -1) -> Value:
        perm, (v,) = g.layout([input], input.rank)
        size = split_at(v.shape, perm[normal_axis(axis, input.rank)]) if input.rank else (1, 1, 1)
        return g.transpose(g.step(layer(*size), [v], v.type), perm)

    coerced.__doc__ = f"{op} over all axes from `axis` on, taken as one"
    along.__doc__ = f"{op} along one axis"


_softmax("Softmax", Softmax)
_softmax("LogSoftmax", LogSoftmax)
_softmax("Hardmax", Hardmax)
