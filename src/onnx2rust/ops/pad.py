"""Pad: borders around a tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim
from onnx2rust.ir.layer import Variant
from onnx2rust.ir.program import Value
from onnx2rust.ir.shapes import collapse_untouched
from onnx2rust.layers import movement
from onnx2rust.ops.axes import integers, normal_axes, read_sizes
from onnx2rust.ops.shape import fixed
from onnx2rust.registry import Const, onnx_op, reads

_MODES = {"constant": "Constant", "reflect": "Reflect", "edge": "Edge", "wrap": "Wrap"}


def padded(g: Builder, x: Value, before: Sequence[Dim], after: Sequence[Dim], mode_name: str, value: Value | None) -> Value:
    """x with a border; negative sizes crop."""
    mode = _mode(mode_name)
    perm, (stored,) = g.layout([x], x.rank)
    begin: list[Dim] = [0] * x.rank
    end: list[Dim] = [0] * x.rank
    for axis, at in enumerate(perm):
        begin[at], end[at] = before[axis], after[axis]
    size = [n + b + e for n, b, e in zip(stored.shape, begin, end, strict=True)]
    for n, b, e in zip(stored.shape, begin, end, strict=True):
        if isinstance(n, int) and isinstance(b, int) and isinstance(e, int):
            left = n + min(b, 0) + min(e, 0)
            if left < 0 or (left == 0 and max(b, e) > 0 and mode.name != "Constant"):
                raise Refuse(f"an axis of {n} cannot be padded by {b} and {e} in this mode", invalid=True)
    touched = [not (b == 0 and e == 0) for b, e in zip(begin, end, strict=True)]
    if not any(touched):
        return x
    shape, (_, first, last) = collapse_untouched(stored.shape, touched, stored.shape, begin, end)
    inputs = [stored, value if mode.name == "Constant" else None]
    return g.transpose(g.step(movement.Pad(mode, shape, first, last), inputs, x.tensor.with_shape(*size)), perm)


def _mode(mode: str) -> Variant:
    if mode not in _MODES:
        raise Refuse(f"mode {mode!r} of Pad is unknown", invalid=True)
    return Variant.of("movement::PadMode", _MODES[mode])


@onnx_op("Pad", since=2)
def pad_2(g: Builder, data: Value, *, pads: list[int], mode: str = "constant", value: float = 0.0) -> Value:
    """x with a border."""
    if len(pads) != 2 * data.rank:
        raise Refuse(f"{len(pads)} pads for {data.rank} axes", invalid=True)
    constant = g.constant(np.array([value], data.dtype.numpy)) if value else None
    return padded(g, data, pads[: data.rank], pads[data.rank :], mode, constant)


@onnx_op("Pad", since=(11, 13, 18, 19, 21, 23, 24, 25), added={18: "axes"}, reads={1: reads.pads, 3: reads.axes})
def pad(
    g: Builder,
    data: Value,
    pads: Value,
    constant_value: Value | None = None,
    axes: Const | None = None,
    *,
    mode: str = "constant",
) -> Value:
    """x with a border; negative pads crop."""
    chosen = normal_axes(range(data.rank) if axes is None else integers(axes), data.rank)
    if isinstance(pads.tensor.size, int) and pads.tensor.size != 2 * len(chosen):
        raise Refuse(f"{pads.tensor.size} pads for {len(chosen)} axes", invalid=True)
    pads = fixed(g, pads, 0, 2 * len(chosen)) if pads.rank else pads
    known = pads.dims()
    if known is not None:
        before: list[Dim] = [0] * data.rank
        after: list[Dim] = [0] * data.rank
        for k, axis in enumerate(chosen):
            before[axis], after[axis] = known[k], known[k + len(chosen)]
        return padded(g, data, before, after, mode, constant_value)
    names, shape = read_sizes(g, data, chosen)
    layer = movement.DynamicPad(_mode(mode), tuple(chosen), data.shape)
    inputs = [data, g.cast_sizes(pads), constant_value]
    return g.step(layer, inputs, data.tensor.with_shape(*shape), defines=names)
