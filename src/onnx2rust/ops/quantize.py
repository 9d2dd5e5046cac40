"""QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear: x ≈ (q − zero) · scale."""

from __future__ import annotations

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import product
from onnx2rust.ir.dtypes import DType, from_onnx
from onnx2rust.ir.layer import Dims
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import quantize as layers
from onnx2rust.layers.binary import broadcasting
from onnx2rust.ops.axes import normal_axis
from onnx2rust.ops.shape import fixed
from onnx2rust.registry import onnx_op, reads

_QUANTIZED = (DType.U8, DType.I8, DType.U16, DType.I16)


def _apply(
    g: Builder,
    layer: type[layers.QuantizeLinear | layers.DequantizeLinear],
    x: Value,
    scale: Value,
    zero: Value,
    axis: int,
    block_size: int,
    dtype: DType,
) -> Value:
    """y = layer(x, scale, zero): one scale, one for each place along `axis`, or one for each block along it."""
    whole = x
    shape: Dims = (1,) * x.rank
    if block_size:
        axis = normal_axis(axis, x.rank)
        size = x.shape[axis]
        if not isinstance(size, int) or size % block_size:
            what = f"blocks of {block_size} along an axis of size {size}"
            raise Refuse(what, "only whole blocks of a known size are supported")
        blocks, behind = (*x.shape[:axis], size // block_size), x.shape[axis + 1 :]
        whole, shape = g.view(x, *blocks, block_size, *behind), (*blocks, 1, *behind)
    elif (count := product(scale.shape)) != 1:
        axis = normal_axis(axis, x.rank)
        size = x.shape[axis]
        if isinstance(count, int) and isinstance(size, int) and count != size:
            raise Refuse(f"{count} scales for an axis of size {size}", invalid=True)
        x = whole = fixed(g, x, axis, count)
        shape = tuple(d if k == axis else 1 for k, d in enumerate(x.shape))
    zero = g.view(zero, *([1] * len(shape) if product(zero.shape) == 1 else shape))
    return g.view(g.elementwise(broadcasting(layer), [whole, g.view(scale, *shape), zero], dtype), *x.shape)


def without_zero(g: Builder, x: Value, zero: Value | None) -> Value:
    """x − zero in float32, exact."""
    return dequantize(g, x, g.constant(np.array(1, np.float32)), zero)


@onnx_op(
    "QuantizeLinear",
    since=(10, 13, 19, 21, 23, 24, 25, 28),
    added={13: "axis", 19: "saturate", 21: "block_size output_dtype", 23: "precision"},
    reads=reads.SCALE,
    constants=("data", "scale", "zero_point"),
)
def quantize(
    g: Builder,
    x: Value,
    y_scale: Value,
    y_zero_point: Value | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
    precision: int = 0,
    saturate: int = 1,
) -> Value:
    """y = saturate(round(x / scale) + zero), along an axis or in blocks along it (`saturate` is about 8-bit floats)"""
    scale, zero = y_scale, y_zero_point
    dtype = zero.dtype if zero is not None else from_onnx(output_dtype) if output_dtype else DType.U8
    if dtype not in _QUANTIZED:
        raise Refuse(f"QuantizeLinear to {dtype or f'ONNX type {output_dtype}'} is not supported", "8- and 16-bit integers are")
    if x.dtype is not scale.dtype or x.dtype not in (DType.F32, DType.F16):
        raise Refuse(f"QuantizeLinear of {x.dtype} with a scale of {scale.dtype} is not supported")
    if precision:
        raise Refuse(f"precision={precision} is not supported")
    if zero is None:
        zero = g.constant(np.zeros((1,), dtype.numpy))
    return _apply(g, layers.QuantizeLinear, x, scale, zero, axis, block_size, dtype)


@onnx_op(
    "DequantizeLinear",
    since=(10, 13, 19, 21, 23, 24, 25, 28),
    added={13: "axis", 21: "block_size", 23: "output_dtype"},
    reads=reads.SCALE,
    constants=("quantized", "scale", "zero_point"),
)
def dequantize(
    g: Builder,
    x: Value,
    x_scale: Value,
    x_zero_point: Value | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
) -> Value:
    """y = (x − zero) · scale, along an axis or in blocks along it"""
    scale, zero = x_scale, x_zero_point
    if x.dtype not in (*_QUANTIZED, DType.I32):
        raise Refuse(f"DequantizeLinear of {x.dtype} is not supported")
    if output_dtype and from_onnx(output_dtype) is not scale.dtype:
        raise Refuse("an output_dtype other than the scale's is not supported")
    if zero is None:
        zero = g.constant(np.zeros((1,), x.dtype.numpy))
    return _apply(g, layers.DequantizeLinear, x, scale, zero, axis, block_size, scale.dtype)


@onnx_op("DynamicQuantizeLinear", since=11)
def dynamic_quantize(g: Builder, x: Value) -> tuple[Value, ...]:
    """y = x as u8 with the scale and zero point that just hold its range and 0"""
    perm, (v,) = g.layout([x], x.rank)
    types = TensorType(DType.U8, v.shape), TensorType(DType.F32, ()), TensorType(DType.U8, ())
    y, scale, zero = g.steps(layers.DynamicQuantizeLinear(), [v], *types)
    return g.transpose(y, perm), scale, zero
