"""Convolutions."""

from __future__ import annotations

from onnx2rust.builder import Builder, Refuse
from onnx2rust.dtypes import DType
from onnx2rust.layers.activation import LINEAR
from onnx2rust.layers.base import Layer, packing
from onnx2rust.layers.conv import Conv, DepthwiseConv
from onnx2rust.ops.windows import geometry
from onnx2rust.program import Value
from onnx2rust.registry import Const, onnx_op


@onnx_op("Conv", since=(1, 11, 22))
def conv(
    g: Builder,
    X: Value,
    W: Const,
    B: Const | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: list[int] | None = None,
    group: int = 1,
    kernel_shape: list[int] | None = None,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Value:
    """y = w * x + b.  x [n, c, *s]  w [o, c/group, *k]  b [o]  ->  y [n, o, *s']  (https://onnx.ai/onnx/operators/onnx__Conv.html)"""
    assert W.array is not None
    rank = X.rank - 2
    if X.dtype is not DType.F32:
        raise Refuse(f"Conv of {X.dtype} is not supported", "only float32 is")
    if rank not in (1, 2, 3) or W.rank != X.rank:
        raise Refuse(
            f"Conv of {X.type} with a kernel {W.type}: one to three spatial axes are supported", invalid=W.rank != X.rank
        )
    channels = X.shape[1]
    outputs, per_group = W.array.shape[:2]
    if channels != per_group * group or outputs % group:
        raise Refuse(f"{channels} channels in {group} groups do not fit a kernel {W.type}", invalid=True)
    if kernel_shape is not None and tuple(kernel_shape) != W.array.shape[2:]:
        raise Refuse(f"kernel_shape {kernel_shape} is not that of the kernel {W.type}", invalid=True)
    window = geometry(X.shape[2:], W.array.shape[2:], strides, dilations, pads, auto_pad)
    x = g.to_channels_last(X)
    batch, size = x.shape[0], tuple(x.shape[1:-1])
    bias = None if B is None else g.weight(B)
    shared = (window.kernel_shape, window.strides, window.dilations, window.pads_begin, window.pads_end)
    layer: Layer
    if per_group == 1 and group > 1 and outputs >= group:
        kernel = g.weight(W, packing("Depthwise"))
        layer = DepthwiseConv(group, outputs // group, *shared, kernel, bias, LINEAR, batch, size)
    else:
        kernel = g.weight(W, packing("Conv", group=group))
        layer = Conv(per_group * group, outputs, group, *shared, kernel, bias, LINEAR, batch, size)
    y = g.step(layer, [x, None], x.type.with_shape(batch, *window.output, outputs))
    return g.to_channels_first(y)
