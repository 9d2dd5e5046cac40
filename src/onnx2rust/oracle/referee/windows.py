"""Convolutions as matrix products of what the windows hold; pools, and transposed convolutions, by
a pass for each position in the window.

x `[batch, channels, sizes…]`, as ONNX has it. The sums are those of the specification, in the type of x.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_max_pool import MaxPool as _MaxPool

Array = np.ndarray[Any, Any]
Ints = Sequence[int]
COPIED = 1 << 23
"""Numbers that are copied out of their windows for one product."""


def _last(indices: Iterable[Any]) -> Any:
    """An index of the last axes."""
    return (..., *indices)


def _each_axis(given: Mapping[str, Any], rank: int) -> tuple[Ints, Ints]:
    """The strides and the dilations of a node: 1 where it states none."""
    return given["strides"] or [1] * rank, given.get("dilations") or [1] * rank


@dataclass(frozen=True)
class Windows:
    """Where the windows of a convolution or a pool lie: per axis the kernel's size, the stride, the
    dilation, the pads and the number of windows."""

    kernel: Ints
    strides: Ints
    dilations: Ints
    begin: Ints
    end: Ints
    counts: Ints

    @staticmethod
    def of(sizes: Ints, kernel: Ints, given: Mapping[str, Any]) -> Windows:
        """From the attributes of a node on an image of `sizes`."""
        rank = len(sizes)
        auto_pad, ceil = given["auto_pad"], given.get("ceil_mode", 0)
        strides, dilations = _each_axis(given, rank)
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        pads = list(given["pads"] or [0] * 2 * rank)
        if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            total = [max(0, (-(-n // s) - 1) * s + r - n) for n, s, r in zip(sizes, strides, reach, strict=True)]
            small = [t // 2 for t in total]
            large = [t - t // 2 for t in total]
            pads = small + large if auto_pad == "SAME_UPPER" else large + small
        elif auto_pad == "VALID":
            pads = [0] * 2 * rank
        counts = []
        for axis, n in enumerate(sizes):
            span = n + pads[axis] + pads[axis + rank] - reach[axis]
            count = (-(-span // strides[axis]) if ceil else span // strides[axis]) + 1
            # a window that would begin behind the image and its leading pad is left out
            if ceil and (count - 1) * strides[axis] >= n + pads[axis]:
                count -= 1
            counts.append(count)
        return Windows(kernel, strides, dilations, pads[:rank], pads[rank:], counts)

    def padded(self, x: Array, value: float) -> Array:
        """x with `value` wherever a window reaches beyond it."""
        if min(self.begin) < 0:
            raise ValueError(f"pads are negative: {self.begin}")
        sizes = x.shape[-len(self.kernel) :]
        last = [
            (c - 1) * s + (k - 1) * d + 1
            for c, s, k, d in zip(self.counts, self.strides, self.kernel, self.dilations, strict=True)
        ]
        whole = [max(begin + n, e) for begin, n, e in zip(self.begin, sizes, last, strict=True)]
        if whole == list(sizes):
            return x
        found = np.full((*x.shape[: -len(sizes)], *whole), value, x.dtype)  # np.pad takes longer than most convolutions
        found[_last(slice(begin, begin + n) for begin, n in zip(self.begin, sizes, strict=True))] = x
        return found

    def held(self, padded: Array) -> Array:
        """A view of what every window holds: the axes in front, the window's number on each axis, the position in it."""
        front = padded.ndim - len(self.kernel)
        apart = [step * n for by in (self.strides, self.dilations) for step, n in zip(by, padded.strides[front:], strict=True)]
        shape = (*padded.shape[:front], *self.counts, *self.kernel)
        return np.lib.stride_tricks.as_strided(padded, shape, (*padded.strides[:front], *apart))

    def positions(self, padded: Array) -> Iterator[tuple[Any, Array]]:
        """The index of every position in the window, and a view of what all windows have there."""
        held = self.held(padded)
        for position in map(_last, itertools.product(*map(range, self.kernel))):
            yield position, held[position]


class Conv(OpRun):
    """y = W ∗ x + b."""

    def _run(self, x: Array, w: Array, b: Array | None = None, *, group: int = 1, **given: Any) -> tuple[Array]:
        return (convolved(x, w, b, group, Windows.of(x.shape[2:], w.shape[2:], given)),)


def convolved(x: Array, w: Array, b: Array | None, group: int, windows: Windows) -> Array:
    """The convolution of x and w: a product of the kernels and of what every window holds, some rows of windows at a time."""
    batch, filters = x.shape[0], w.shape[0]
    taps = w.reshape(group, filters // group, -1)
    y = np.empty((batch, group, filters // group, *windows.counts), np.result_type(x, w))
    each = group * taps.shape[-1] * math.prod(windows.counts[1:])
    rows = max(1, COPIED // max(1, each))
    for sample, out in zip(windows.padded(x, 0), y, strict=True):
        held = windows.held(sample)
        for first in range(0, windows.counts[0], rows):
            part = held[:, first : first + rows]
            part = np.moveaxis(part, range(1, w.ndim - 1), range(w.ndim - 1, part.ndim))
            product = taps @ part.reshape(group, taps.shape[-1], -1)
            out[:, :, first : first + rows] = product.reshape(*product.shape[:2], -1, *windows.counts[1:])
    if b is not None:
        y += b.reshape(group, filters // group, *[1] * len(windows.counts))
    return y.reshape(batch, filters, *windows.counts)


class ConvTranspose(OpRun):
    """The convolution's transpose: every input adds its kernel's image to the output."""

    def _run(self, x: Array, w: Array, b: Array | None = None, *, group: int = 1, **given: Any) -> tuple[Array]:
        sizes, kernel, rank = x.shape[2:], w.shape[2:], x.ndim - 2
        auto_pad, output_shape = given["auto_pad"], given["output_shape"]
        strides, dilations = _each_axis(given, rank)
        extra = list(given["output_padding"] or [0] * rank)
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        full = [(n - 1) * s + r for n, s, r in zip(sizes, strides, reach, strict=True)]
        pads = list(given["pads"] or [0] * 2 * rank)
        begin, end = pads[:rank], pads[rank:]
        same = auto_pad in ("SAME_UPPER", "SAME_LOWER")
        if output_shape is not None or same:
            wanted = [n * s for n, s in zip(sizes, strides, strict=True)] if output_shape is None else output_shape[-rank:]
            total = [max(0, f + e - o) for f, e, o in zip(full, extra, wanted, strict=True)]
            begin = [t // 2 if auto_pad == "SAME_UPPER" else t - t // 2 for t in total]
            end = [t - a for t, a in zip(total, begin, strict=True)]
            # an output that is larger than what the kernels reach ends with zeros; onnxruntime makes none where SAME asks for it
            if output_shape is not None:
                extra = [e + max(0, o - f - e) for f, e, o in zip(full, extra, wanted, strict=True)]
        elif auto_pad == "VALID":
            begin, end = [0] * rank, [0] * rank
        batch, filters = x.shape[0], w.shape[1] * group
        y = np.zeros((batch, filters, *(f + e for f, e in zip(full, extra, strict=True))), np.result_type(x, w))
        rows = x.reshape(batch, group, x.shape[1] // group, -1)
        taps = w.reshape(group, w.shape[0] // group, *w.shape[1:])
        windows = Windows(kernel, strides, dilations, begin, end, sizes)
        for position, reached in windows.positions(y):
            reached += (np.swapaxes(taps[position], 1, 2) @ rows).reshape(batch, filters, *sizes)
        y = y[_last(slice(a, n - e) for a, n, e in zip(begin, y.shape[2:], end, strict=True))]
        return (y if b is None else y + b.reshape(-1, *[1] * rank),)


class AveragePool(OpRun):
    """The mean over a window; what lies beyond the pads is never counted, the pads if `count_include_pad`."""

    def _run(self, x: Array, *, kernel_shape: Ints, count_include_pad: int = 0, **given: Any) -> tuple[Array]:
        windows = Windows.of(x.shape[2:], kernel_shape, given)
        total = _sum(windows, windows.padded(x, 0))
        inside: Array = np.ones(x.shape[2:], x.dtype)
        if count_include_pad:
            inside = np.pad(inside, list(zip(windows.begin, windows.end, strict=True)), constant_values=1)
            windows = replace(windows, begin=(0,) * inside.ndim, end=(0,) * inside.ndim)
        return (total / _sum(windows, windows.padded(inside, 0)),)


class LpPool(OpRun):
    """The p-norm of a window, (Σ |x|ᵖ)¹ᐟᵖ; what lies beyond the image is 0."""

    def _run(self, x: Array, *, kernel_shape: Ints, p: int = 2, **given: Any) -> tuple[Array]:
        windows = Windows.of(x.shape[2:], kernel_shape, given)
        return (_sum(windows, windows.padded(np.abs(x) ** p, 0)) ** (1 / p),)


def _sum(windows: Windows, padded: Array) -> Array:
    total: Array = sum((part for _, part in windows.positions(padded)), np.zeros((), padded.dtype))
    return total


class MaxPool(OpRun):
    """The maximum of a window (NaN if it holds one). Where places are asked for, too, onnx's own."""

    def _run(self, x: Array, *, kernel_shape: Ints, **given: Any) -> tuple[Array, ...]:
        if len(self.output) > 1:
            own: Any = _MaxPool(self.onnx_node, self.run_params)
            return tuple(own.run(x))
        windows = Windows.of(x.shape[2:], kernel_shape, given)
        lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        parts = (part for _, part in windows.positions(windows.padded(x, lowest)))
        return (functools.reduce(np.maximum, parts),)


class GlobalMaxPool(OpRun):
    """The maximum of all places."""

    def _run(self, x: Array) -> tuple[Array]:
        return (x.max(axis=tuple(range(2, x.ndim)), keepdims=True),)


class GlobalLpPool(OpRun):
    """The p-norm of all places."""

    def _run(self, x: Array, *, p: int = 2) -> tuple[Array]:
        return ((np.abs(x) ** p).sum(axis=tuple(range(2, x.ndim)), keepdims=True) ** (1 / p),)
