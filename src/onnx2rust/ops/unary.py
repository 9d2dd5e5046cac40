"""Functions of one tensor, element by element, of any type of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer
from onnx2rust.ir.program import Value
from onnx2rust.layers import unary as layers
from onnx2rust.ops.activation import activate
from onnx2rust.registry import onnx_op, reads
from onnx2rust.registry.facts import Half, Keeps, Ranks, onnx_facts
from onnx2rust.registry.rules import Within


def _any_type(op: str, layer: Callable[[], Layer], *since: int) -> None:
    """An operator of all number types: f32 as an Activation (which products can absorb), others by a layer of their own."""

    @onnx_op(op, since=since, ranks=Ranks.EACH)
    def lower(g: Builder, x: Value) -> Value:
        if x.dtype is DType.F32:
            return activate(g, x, op)
        return g.elementwise(lambda _: layer(), [x], x.dtype)

    lower.__doc__ = f"y = {op}(x)"


onnx_facts("Neg", sizes=lambda arrays, attributes: np.frompyfunc(lambda a: -a, 1, 1)(arrays[0]))
_any_type("Relu", layers.ReluAny, 6, 13, 14)
_any_type("Abs", layers.Abs, 6, 13)
_any_type("Neg", layers.Neg, 6, 13)
_any_type("Sign", layers.Sign, 9, 13)


@onnx_op("Not", since=1, ranks=Ranks.EACH, reads={0: reads.MASK})
def not_(g: Builder, x: Value) -> Value:
    """y = ¬x"""
    return g.elementwise(lambda _: layers.Not(), [x], x.dtype)


@onnx_op("BitwiseNot", since=18, ranks=Ranks.EACH)
def bitwise_not(g: Builder, x: Value) -> Value:
    """y = ~x"""
    return g.elementwise(lambda _: layers.Not(), [x], x.dtype)


onnx_facts("IsNaN", "IsInf", half=Half.ITSELF, ranks=Ranks.EACH)


def _asked(g: Builder, layer: layers.IsNaN | layers.IsInf, x: Value) -> Value:
    """What the layer says of x. What is too large for float16 is infinite as a float16 tensor only, so x is rounded first."""
    x = g.cast(x, DType.F32) if x.dtype is DType.F16 else x
    return g.elementwise(lambda _: layer, [x], DType.BOOL)


@onnx_op("IsNaN", since=(9, 13, 20))
def is_nan(g: Builder, x: Value) -> Value:
    """y = x is not a number"""
    return _asked(g, layers.IsNaN(), x)


@onnx_op("IsInf", since=(10, 20))
def is_inf(g: Builder, x: Value, *, detect_negative: int = 1, detect_positive: int = 1) -> Value:
    """y = x is infinite, of the chosen signs"""
    return _asked(g, layers.IsInf(bool(detect_negative), bool(detect_positive)), x)


@onnx_op("Clip", since=6, ranks=Ranks.EACH)
def clip_6(g: Builder, x: Value, *, min: float = -3.4028234663852886e38, max: float = 3.4028234663852886e38) -> Value:
    """y = min(max(x, min), max)"""
    return activate(g, x, "Clip", min=min, max=max)


@onnx_op("Clip", since=(11, 12, 13), keeps=Keeps.SOME, reads={1: reads.always(Within(0, 1)), 2: reads.always(Within(2, 5))})
def clip(g: Builder, input: Value, min: Value | None = None, max: Value | None = None) -> Value:
    """y = min(max(x, min), max); a limit that is absent is the type's own"""
    known = all(v is None or v.array is not None for v in (min, max))
    if input.dtype is DType.F32 and known:
        low = float("-inf") if min is None or min.array is None else float(min.array.ravel()[0])
        high = float("inf") if max is None or max.array is None else float(max.array.ravel()[0])
        if low == 0 and high == float("inf"):
            return activate(g, input, "Relu")
        return activate(g, input, "Clip", min=low, max=high)
    perm, (laid,) = g.layout([input], input.rank)
    limits = [_limit(g, input.dtype, min, lowest=True), _limit(g, input.dtype, max, lowest=False)]
    return g.transpose(g.step(layers.Clip(), [laid, *limits], laid.type), perm)


def _limit(g: Builder, dtype: DType, value: Value | None, *, lowest: bool) -> Value:
    if value is not None:
        return value
    kind = dtype.numpy
    info: Any = np.finfo(kind) if dtype.is_float else np.iinfo(kind)
    limit = (-np.inf if lowest else np.inf) if dtype.is_float else (info.min if lowest else info.max)
    return g.constant(np.array(limit, dtype=kind))
