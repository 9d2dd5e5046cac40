"""Products of 8-bit integers, as quantised models have them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer, Weight, packing
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers.activation import LINEAR
from onnx2rust.layers.conv import DepthwiseConv
from onnx2rust.layers.integer import ConvInteger, IntegerConv, IntegerDense, MatMulInteger, Requantize
from onnx2rust.ops.cast import cast_to
from onnx2rust.ops.conv import check_conv
from onnx2rust.ops.matmul import Strided, batched, inner, right_side
from onnx2rust.ops.quantize import without_zero
from onnx2rust.ops.shape import fixed
from onnx2rust.ops.windows import Kernels
from onnx2rust.registry import onnx_op, reads
from onnx2rust.registry.facts import onnx_facts

_BYTES = (DType.U8, DType.I8)
_EXACT_TAPS = (1 << 24) // (255 * 255)
"""Taps of which float32 adds up products of two differences of bytes, each ±255 at most, without rounding."""


@onnx_op("MatMulInteger", since=10)
def matmul_integer(g: Builder, A: Value, B: Value, a_zero_point: Value | None = None, b_zero_point: Value | None = None) -> Value:
    """y = (a − a_zero_point) · (b − b_zero_point) in i32 (https://onnx.ai/onnx/operators/onnx__MatMulInteger.html)"""
    return _matmul(g, A, B, a_zero_point, b_zero_point)


def _matmul(g: Builder, a: Value, b: Value, a_zero: Value | None, b_zero: Value | None) -> Value:
    if a.dtype not in _BYTES or b.dtype not in _BYTES:
        raise Refuse(f"an 8-bit product of {a.type} and {b.type}", invalid=True)
    b = right_side(g, a, b)
    if b.array is not None and b.rank == 2 and (b_zero is None or b_zero.array is not None):
        return _dense(g, a, b, a_zero, b_zero)

    def by(strided: Strided) -> tuple[Layer, list[Value | None]]:
        return MatMulInteger(*strided), [_zero(g, a_zero, strided.m), _zero(g, b_zero, strided.n)]

    return batched(g, a, b, DType.I32, by)


def _dense(g: Builder, a: Value, b: Value, a_zero: Value | None, b_zero: Value | None) -> Value:
    """The product with a matrix known at conversion, b [k, n]."""
    k, n = b.shape
    assert isinstance(k, int)
    assert isinstance(n, int)
    a, _ = inner(g, a, b)
    weights, zero = _kernel(g, b, b_zero, n)
    layer = IntegerDense(k, n, g.weight(b, packing("IntegerPanels", transposed=False), weights), zero, product(a.shape[:-1]))
    inputs = [a, _zero(g, a_zero, layer.rows)]
    return g.step(layer, inputs, TensorType(DType.I32, (*a.shape[:-1], n)))


def _kernel(g: Builder, w: Value, zero: Value | None, count: int) -> tuple[np.ndarray[Any, Any], Weight | None]:
    """Weights as int8, and the zero points of `count` columns or outputs if any is not 0.

    Unsigned weights lose 128, and so do their zero points."""
    assert w.array is not None
    shift = 128 if w.dtype is DType.U8 else 0
    weights = (w.array.astype(np.int16) - shift).astype(np.int8)
    values = np.zeros(1, np.int32) if zero is None else np.asarray(zero.array, np.int32).reshape(-1)
    if values.size not in (1, count):
        raise Refuse(f"{values.size} zero points for {count} columns or outputs", invalid=True)
    if not (values - shift).any():
        return weights, None
    return weights, g.weight(w if zero is None else zero, array=np.broadcast_to(values - np.int32(shift), (count,)))


def _zero(g: Builder, zero: Value | None, size: Dim) -> Value | None:
    """A zero point as a vector of one element, or of one a row or column."""
    if zero is None:
        return None
    count = product(zero.shape)
    if count not in (1, size):
        raise Refuse(f"zero points {zero.type} for {size} rows or columns")
    return g.view(zero, count)


_PRODUCT = dict.fromkeys((1, 4, 6), reads.POSITIVE)
"""The scales."""
onnx_facts("QLinearMatMul", "QLinearConv", reads=_PRODUCT)


@onnx_op("QLinearMatMul", since=(10, 21))
def qlinear_matmul(
    g: Builder,
    a: Value,
    a_scale: Value,
    a_zero_point: Value,
    b: Value,
    b_scale: Value,
    b_zero_point: Value,
    y_scale: Value,
    y_zero_point: Value,
) -> Value:
    """y = quantised((a − a_zero_point)·a_scale · (b − b_zero_point)·b_scale) (https://onnx.ai/onnx/operators/onnx__QLinearMatMul.html)"""
    sums = _matmul(g, a, b, a_zero_point, b_zero_point)
    if product(a_scale.shape) != 1 or product(y_scale.shape) != 1:
        raise Refuse("QLinearMatMul with scales per row is not supported")
    return _requantize(g, sums, a_scale, b_scale, y_scale, y_zero_point, None)


def _requantize(
    g: Builder, sums: Value, a_scale: Value, b_scale: Value, y_scale: Value, y_zero: Value | None, bias: Value | None
) -> Value:
    """Sums [*, channels] → 8 bits."""
    channels = sums.shape[-1] if sums.rank else 1
    vectors: list[Value | None] = []
    for scale in (a_scale, b_scale, y_scale):
        if scale.dtype is not DType.F32:
            raise Refuse(f"scales of {scale.dtype} are not supported", "only float32 is")
        vectors.append(_zero(g, scale, channels))
    dtype = DType.U8 if y_zero is None else y_zero.dtype
    if dtype not in _BYTES:
        raise Refuse(f"an output of {dtype} is not supported", "uint8 and int8 are")
    layer = Requantize(product(sums.shape[:-1]), channels)
    inputs = [sums, *vectors, _zero(g, y_zero, channels), bias]
    return g.step(layer, inputs, TensorType(dtype, sums.shape))


@onnx_op("ConvInteger", since=10)
def conv_integer(
    g: Builder, x: Value, w: Value, x_zero_point: Value | None = None, w_zero_point: Value | None = None, *, windows: Kernels
) -> Value:
    """y = (x − x_zero_point) ⋆ (w − w_zero_point) in i32 (https://onnx.ai/onnx/operators/onnx__ConvInteger.html)"""
    return g.to_channels_first(_conv(g, x, w, x_zero_point, w_zero_point, windows))


def _conv(g: Builder, x: Value, w: Value, x_zero: Value | None, w_zero: Value | None, windows: Kernels) -> Value:
    """The sums of an 8-bit convolution, channels last."""
    if x.dtype not in _BYTES or w.dtype not in _BYTES:
        raise Refuse(f"an 8-bit convolution of {x.type} and {w.type}", invalid=True)
    window, (inputs, outputs) = check_conv(x, w, windows)
    image = g.to_channels_last(fixed(g, x, 1, inputs))
    batch, size = image.shape[0], tuple(image.shape[1:-1])
    shared, group = window.fields, windows.group
    type_ = TensorType(DType.I32, (batch, *window.output, outputs))
    constant_kernel = w.array is not None and (w_zero is None or w_zero.array is not None)
    depthwise = constant_kernel and 1 < group == inputs
    if depthwise and not g.small and math.prod(window.kernel_shape) <= _EXACT_TAPS:
        # One input for each group: not a product of matrices, and the layer of floats has sums that no rounding touches.
        weights, zero = _kernel(g, w, w_zero, outputs)
        columns = np.zeros(1, np.int32) if zero is None else zero.array
        kernel = weights.astype(np.float32) - columns.astype(np.float32).reshape(-1, *([1] * (w.rank - 1)))
        layer = DepthwiseConv(
            batch, size, group, outputs // group, *shared, g.weight(w, packing("Depthwise"), kernel), None, LINEAR
        )
        sums = g.step(layer, [without_zero(g, image, x_zero), None], TensorType(DType.F32, type_.shape))
        return cast_to(g, sums, DType.I32)
    if constant_kernel and not (depthwise and g.small):
        weights, zero = _kernel(g, w, w_zero, outputs)
        by_tap = group > 1 or (window.dilations[-1] > 1 and window.kernel_shape[-1] > 1)
        packed = g.weight(w, packing("IntegerConv", group=group, by_tap=by_tap), weights)
        constant = IntegerConv(batch, size, inputs, outputs, group, *shared, packed, zero)
        return g.step(constant, [image, _zero(g, x_zero, 1)], type_)
    turned = g.transpose(w, [*range(2, w.rank), 1, 0])
    if w_zero is not None and w_zero.array is not None and not w_zero.array.any():
        w_zero = None
    zeros = [_zero(g, x_zero, 1), _zero(g, w_zero, outputs)]
    return g.step(ConvInteger(batch, size, inputs, outputs, group, *shared), [image, turned, *zeros], type_)


@onnx_op("QLinearConv", since=10)
def qlinear_conv(
    g: Builder,
    x: Value,
    x_scale: Value,
    x_zero_point: Value,
    w: Value,
    w_scale: Value,
    w_zero_point: Value,
    y_scale: Value,
    y_zero_point: Value,
    B: Value | None = None,
    *,
    windows: Kernels,
) -> Value:
    """y = quantised(dequantised(x) ⋆ dequantised(w) + B), B in steps of x_scale · w_scale
    (https://onnx.ai/onnx/operators/onnx__QLinearConv.html)"""
    sums = _conv(g, x, w, x_zero_point, w_zero_point, windows)
    return g.to_channels_first(_requantize(g, sums, x_scale, w_scale, y_scale, y_zero_point, B))
