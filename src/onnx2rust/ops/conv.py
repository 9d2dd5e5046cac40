"""Convolutions."""

from __future__ import annotations

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer, packing
from onnx2rust.ir.program import Value
from onnx2rust.layers.activation import LINEAR
from onnx2rust.layers.conv import Conv, ConvDynamic, ConvTranspose, ConvTransposeDynamic, DepthwiseConv
from onnx2rust.ops.shape import fixed
from onnx2rust.ops.windows import Geometry, Kernels, geometry
from onnx2rust.registry import onnx_op
from onnx2rust.registry.facts import onnx_facts

onnx_facts("Conv", "ConvTranspose", constants=("input", "kernel", "bias"))


@onnx_op("Conv", since=(1, 11, 22))
def conv(g: Builder, X: Value, W: Value, B: Value | None = None, *, windows: Kernels) -> Value:
    """y = w * x + b.  x [n, c, *s]  w [o, c/group, *k]  b [o]  ->  y [n, o, *s']  (https://onnx.ai/onnx/operators/onnx__Conv.html)"""
    window, (inputs, outputs) = check_conv(X, W, windows)
    g.only(X, DType.F32)
    x = g.to_channels_last(fixed(g, X, 1, inputs))
    batch, size = x.shape[0], tuple(x.shape[1:-1])
    type_ = x.tensor.with_shape(batch, *window.output, outputs)
    shared, group = window.fields, windows.group
    if W.array is None or (B is not None and B.array is None):
        dynamic = ConvDynamic(batch, size, group, (inputs, outputs), *shared)
        return g.to_channels_first(g.step(dynamic, [x, W, B], type_))
    bias = None if B is None else g.weight(B)
    layer: Layer
    if group > 1 and inputs == group:
        kernel = g.weight(W, packing("Depthwise"))
        layer = DepthwiseConv(batch, size, group, outputs // group, *shared, kernel, bias, LINEAR)
    else:
        kernel = g.weight(W, packing("Conv", group=group))
        layer = Conv(batch, size, inputs, outputs, group, *shared, kernel, bias, LINEAR)
    return g.to_channels_first(g.step(layer, [x, None], type_))


def check_conv(x: Value, w: Value, windows: Kernels) -> tuple[Geometry, tuple[int, int]]:
    """Windows and channels (of x and of y) of a convolution of x [n, c, *s] with w [o, c / group, *k]."""
    outputs, per_group, *kernel = _kernel(x, w, windows, "a convolution")
    return geometry(x.shape[2:], kernel, windows), (per_group * windows.group, outputs)


def _kernel(x: Value, w: Value, windows: Kernels, op: str, *, transposed: bool = False) -> list[int]:
    """The sizes of a kernel, checked: w [o, c / group, *k], or [c, o / group, *k] if transposed."""
    if x.rank not in (3, 4, 5) or w.rank != x.rank:
        what = f"{op} of {x.type} with a kernel {w.type}: one to three spatial axes are supported"
        raise Refuse(what, invalid=w.rank != x.rank)
    sizes = [d for d in w.shape if isinstance(d, int)]
    if len(sizes) != w.rank:
        raise Refuse(f"{op} with a kernel {w.type} whose size is not known", "fix its sizes with --dim")
    group, channels = windows.group, sizes[0] if transposed else sizes[1] * windows.group
    if group < 1 or sizes[0] % group or (isinstance(x.shape[1], int) and x.shape[1] != channels):
        raise Refuse(f"{x.shape[1]} channels in {group} groups do not fit a kernel {w.type}", invalid=True)
    if windows.kernel_shape not in (None, sizes[2:]):
        raise Refuse(f"kernel_shape {windows.kernel_shape} is not that of the kernel {w.type}", invalid=True)
    return sizes


@onnx_op("ConvTranspose", since=(1, 11, 22))
def conv_transpose(
    g: Builder,
    X: Value,
    W: Value,
    B: Value | None = None,
    *,
    output_padding: list[int] | None = None,
    output_shape: list[int] | None = None,
    windows: Kernels,
) -> Value:
    """y = w *ᵀ x + b.  x [n, c, *s]  w [c, o/group, *k]  b [o]  ->  y [n, o, *s']  (https://onnx.ai/onnx/operators/onnx__ConvTranspose.html)"""
    rank, group, auto_pad = X.rank - 2, windows.group, windows.auto_pad
    g.only(X, DType.F32)
    inputs, per_group, *kernel = _kernel(X, W, windows, "ConvTranspose", transposed=True)
    steps, holes = tuple(windows.strides or [1] * rank), tuple(windows.dilations or [1] * rank)
    extra, flat = list(output_padding or [0] * rank), list(windows.pads or [0] * 2 * rank)
    if not len(steps) == len(holes) == len(extra) == rank or len(flat) != 2 * rank or min(*steps, *holes) < 1:
        raise Refuse("strides, dilations, output_padding and pads do not fit the input's rank", invalid=True)
    if min(*extra, *flat) < 0:
        raise Refuse("negative pads are not supported")
    begin, end = flat[:rank], flat[rank:]
    output: list[Dim] = []
    for i in range(rank):
        size = X.shape[2 + i]
        reach = holes[i] * (kernel[i] - 1) + 1
        wanted: Dim | None = size * steps[i] if auto_pad.startswith("SAME") else None
        if output_shape is not None:
            wanted = output_shape[-rank:][i]
        if wanted is not None:
            total = steps[i] * (size - 1) + extra[i] + reach - wanted
            if not isinstance(total, int):
                raise Refuse(f"output_shape {output_shape} for a size only known at run time", "fix the size with --dim")
            if output_shape is not None:
                # more outputs are asked for than there are: they see no input. SAME alone never adds any, as onnxruntime has it
                extra[i] += max(0, -total)
            # fewer are asked for: cut
            total = max(0, total)
            small, large = total // 2, total - total // 2
            begin[i], end[i] = (small, large) if auto_pad == "SAME_UPPER" else (large, small)
        elif auto_pad == "VALID":
            begin[i] = end[i] = 0
        output.append(steps[i] * (size - 1) + extra[i] + reach - begin[i] - end[i])
        if isinstance(output[-1], int) and output[-1] < 1:
            raise Refuse(f"nothing is left of axis {i}: pads {begin[i]} and {end[i]}", invalid=True)
    x = g.to_channels_last(fixed(g, X, 1, inputs))
    outputs, batch, sizes = per_group * group, x.shape[0], tuple(x.shape[1:-1])
    type_ = x.tensor.with_shape(batch, *output, outputs)
    shared = (tuple(kernel), steps, holes, tuple(begin), tuple(end), tuple(extra))
    layer: Layer
    if W.array is None or (B is not None and B.array is None):
        layer = ConvTransposeDynamic(batch, sizes, group, (inputs, outputs), *shared)
        return g.to_channels_first(g.step(layer, [x, W, B], type_))
    missing = 3 - rank
    layout = packing(
        "ConvTranspose",
        group=group,
        strides=(*[1] * missing, *steps),
        dilations=(*[1] * missing, *holes),
        pads_begin=(*[0] * missing, *begin),
    )
    bias = None if B is None else g.weight(B)
    layer = ConvTranspose(batch, sizes, inputs, outputs, group, *shared, g.weight(W, layout), bias, LINEAR)
    return g.to_channels_first(g.step(layer, [x], type_))
