"""Pooling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import pool as layers
from onnx2rust.layers.indexing import ScatterElements
from onnx2rust.ops.generator import zeros
from onnx2rust.ops.indexing import combination
from onnx2rust.ops.pad import padded
from onnx2rust.ops.windows import Geometry, Windows, geometry
from onnx2rust.registry import Sizes, onnx_op
from onnx2rust.registry.rules import Within


def _window(x: Value, kernel_shape: list[int], windows: Windows, ceil_mode: int) -> Geometry:
    if x.rank - 2 not in (1, 2, 3):
        raise Refuse(f"pooling of {x.type}: one to three spatial axes are supported")
    holes = windows.dilations or []
    if windows.auto_pad.startswith("SAME") and any(k > 1 and d > 1 for k, d in zip(kernel_shape, holes, strict=False)):
        # ONNX has ⌈n / stride⌉ windows; onnxruntime pads as if there were no dilation and finds fewer
        raise Refuse(
            f"auto_pad={windows.auto_pad} with dilations={holes}: ONNX and onnxruntime pad differently; write the padding as pads"
        )
    return geometry(x.shape[2:], kernel_shape, windows, bool(ceil_mode), partial=True)


def _pooled(
    g: Builder, x: Value, output: Sequence[Dim], layer: Callable[..., Layer], *fields: Any, more: Sequence[DType] = ()
) -> tuple[Value, ...]:
    """y = layer(x) with `output` as sizes of the spatial axes, and `more` outputs of other types. The layer's own fields stand
    behind the sizes of x."""
    v = g.to_channels_last(x)
    batch, *size, channels = v.shape
    type_ = v.tensor.with_shape(batch, *output, channels)
    made = layer(batch, tuple(size), channels, *fields)
    return tuple(map(g.to_channels_first, g.steps(made, [v], type_, *(TensorType(dtype, type_.shape) for dtype in more))))


@onnx_op("MaxPool", since=(1, 8, 10, 11, 12, 22), added={8: "storage_order n_outputs", 10: "ceil_mode dilations"})
def max_pool(
    g: Builder,
    X: Value,
    *,
    ceil_mode: int = 0,
    kernel_shape: list[int],
    storage_order: int = 0,
    windows: Windows,
    n_outputs: int = 1,
) -> tuple[Value, ...]:
    """y = the largest value under each window, and where it stands (https://onnx.ai/onnx/operators/onnx__MaxPool.html)"""
    w = _window(X, kernel_shape, windows, ceil_mode)
    g.only(X, DType.F32, DType.F64, DType.I8, DType.U8)
    if n_outputs < 2:
        return _pooled(g, X, w.output, layers.MaxPool, *w.fields, bool(ceil_mode))
    fields = *w.fields, bool(ceil_mode), bool(storage_order)
    return _pooled(g, X, w.output, layers.MaxPoolIndices, *fields, more=[DType.I64])


def _filled(w: Geometry, size: tuple[Dim, ...]) -> Geometry:
    """Padded so far that no window reaches beyond: before opset 19 onnxruntime divides the sum of such a window by the whole
    kernel. (ONNX has no such window without `ceil_mode`; from 19 on onnxruntime's divisor ends with the padding, as with
    `ceil_mode`.)"""
    ends = list(w.pads_end)
    for k, (n, count) in enumerate(zip(size, w.output, strict=True)):
        beyond = (count - 1) * w.strides[k] + w.dilations[k] * (w.kernel_shape[k] - 1) + 1 - (n + w.pads_begin[k] + ends[k])
        if isinstance(beyond, int) and beyond > 0:
            ends[k] += beyond
    return replace(w, pads_end=tuple(ends))


@onnx_op("AveragePool", since=(7, 10, 11, 19, 22), added={10: "ceil_mode", 19: "dilations"})
def average_pool(
    g: Builder, X: Value, *, ceil_mode: int = 0, count_include_pad: int = 0, kernel_shape: list[int], windows: Windows
) -> tuple[Value, ...]:
    """y = the mean under each window, with or without the padding (https://onnx.ai/onnx/operators/onnx__AveragePool.html)

    What `ceil_mode` lets reach beyond the padding never counts: onnxruntime divides by the taps in the image and its padding.
    ONNX' reference evaluator agrees, but for windows that end more than the right padding beyond: there it gives other means, or
    NaN."""
    w = _window(X, kernel_shape, windows, ceil_mode)
    if g.origin.opset < 19 and count_include_pad and not ceil_mode:
        w = _filled(w, X.shape[2:])
    return _pooled(g, X, w.output, layers.AveragePool, *w.fields, bool(ceil_mode), bool(count_include_pad))


@onnx_op("LpPool", since=(2, 11, 18, 22), added={18: "ceil_mode dilations"})
def lp_pool(
    g: Builder, X: Value, *, ceil_mode: int = 0, kernel_shape: list[int], p: int = 2, windows: Windows
) -> tuple[Value, ...]:
    """y = (Σ |x|^p)^(1/p) under each window"""
    g.only(X, DType.F32)
    w = _window(X, kernel_shape, windows, ceil_mode)
    return _pooled(g, X, w.output, layers.LpPool, *w.fields, bool(ceil_mode), p)


@onnx_op("GlobalAveragePool", since=(1, 22))
def global_average_pool(g: Builder, X: Value) -> tuple[Value, ...]:
    """y [n, c, 1…] = the mean of each channel"""
    g.only(X, DType.F32)
    return _pooled(g, X, [1] * (X.rank - 2), layers.GlobalAveragePool)


@onnx_op("GlobalMaxPool", since=(1, 22))
def global_max_pool(g: Builder, X: Value) -> tuple[Value, ...]:
    """y [n, c, 1…] = the largest value of each channel"""
    return _pooled(g, X, [1] * (X.rank - 2), layers.GlobalMaxPool)


@onnx_op("GlobalLpPool", since=(2, 22))
def global_lp_pool(g: Builder, X: Value, *, p: int = 2) -> tuple[Value, ...]:
    """y [n, c, 1…] = the p-norm of each channel"""
    g.only(X, DType.F32)
    return _pooled(g, X, [1] * (X.rank - 2), layers.GlobalLpPool, p)


@onnx_op("MaxUnpool", since=(9, 11, 22), reads={1: lambda use: Within(0, math.prod(use.shape(1)) - 1)})
def max_unpool(
    g: Builder,
    X: Value,
    I: Value,  # noqa: E741  (the schema's name)
    output_shape: Sizes | None = None,
    *,
    kernel_shape: list[int],
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Value:
    """Zeros with x at the indices that MaxPool found; indices count in the smallest image that has such windows."""
    rank = X.rank - 2
    steps, margins = strides or [1] * rank, pads or [0] * 2 * rank
    window = zip(X.shape[2:], kernel_shape, steps, margins[:rank], margins[rank:], strict=False)
    image = [(n - 1) * step + size - before - after for n, size, step, before, after in window]
    geometry(tuple(image), kernel_shape, Windows(pads=pads, strides=strides))  # which refuses lists that do not fit
    natural: list[Dim] = [*X.shape[:2], *image]
    count = X.tensor.size
    blank = g.view(zeros(g, X.dtype, natural), product(natural))
    layer = ScatterElements(0, (product(natural),), (count,), combination("none", X))
    flat = g.step(layer, [blank, g.view(I, count), g.view(X, count)], X.tensor.with_shape(product(natural)))
    y = g.view(flat, *natural)
    if output_shape is None:
        return y
    if len(output_shape) != X.rank:
        raise Refuse(f"output_shape has {len(output_shape)} axes, x has {X.rank}", invalid=True)
    more = [wanted - n for wanted, n in zip(output_shape, natural, strict=True)]
    return padded(g, y, [0] * X.rank, more, "constant", None)
