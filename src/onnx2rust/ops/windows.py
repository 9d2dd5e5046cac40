"""The geometry that convolutions and pooling share: sliding windows over padded axes."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.base.errors import Refuse
from onnx2rust.ir.dims import Dim, ceil_div, maximum, minimum
from onnx2rust.ir.layer import Same
from onnx2rust.registry import Attributes

Ints = tuple[int, ...]


@dataclass(frozen=True)
class Windows(Attributes):
    """What an operator says of the windows that it looks through."""

    auto_pad: str = "NOTSET"
    dilations: list[int] | None = None
    pads: list[int] | None = None
    strides: list[int] | None = None


@dataclass(frozen=True)
class Kernels(Windows):
    """The same of a convolution, which may have groups."""

    group: int = 1
    kernel_shape: list[int] | None = None


@dataclass(frozen=True)
class Geometry:
    """Windows along D axes, and how many fit (`output`)."""

    kernel_shape: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads_begin: tuple[int, ...]
    pads_end: tuple[int, ...]
    same: Same
    output: tuple[Dim, ...]

    @property
    def fields(self) -> tuple[Ints, Ints, Ints, Ints, Ints, Same]:
        """The fields of layers with windows, in their order."""
        return (self.kernel_shape, self.strides, self.dilations, self.pads_begin, self.pads_end, self.same)


def geometry(
    size: tuple[Dim, ...],
    kernel_shape: list[int] | tuple[int, ...],
    windows: Windows,
    ceil_mode: bool = False,
    partial: bool = False,
) -> Geometry:
    """Resolves auto_pad and counts windows: ⌊(n + pads − dilation·(k − 1) − 1) / stride⌋ + 1, or ⌈…⌉ where the last window starts
    inside the axis or its left padding (https://onnx.ai/onnx/operators/onnx__MaxPool.html).
    SAME has ⌈n / stride⌉ windows, and pads for them: where those depend on a size known only at run time, they are 0 here and the
    layer is told the size (`Same`). With `partial` a window may be larger than the padded axis by less than a stride, with or
    without `ceil_mode`, as onnxruntime pools. Where the size is known only at run time, and rounded down, one must fit."""
    rank, auto_pad = len(size), windows.auto_pad
    steps = tuple(windows.strides or [1] * rank)
    holes = tuple(windows.dilations or [1] * rank)
    kernel = tuple(kernel_shape)
    flat = list(windows.pads or [0] * 2 * rank)
    if not len(kernel) == len(steps) == len(holes) == rank or len(flat) != 2 * rank:
        raise Refuse("kernel_shape, strides, dilations and pads do not fit the input's rank", invalid=True)
    if any(v < 1 for v in (*kernel, *steps, *holes)):
        raise Refuse("kernel_shape, strides and dilations must be at least 1", invalid=True)
    begin, end, same = flat[:rank], flat[rank:], ""
    output: list[Dim] = []
    if auto_pad not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", ""):
        raise Refuse(f"auto_pad={auto_pad!r}", invalid=True)
    for k in range(rank):
        reach = holes[k] * (kernel[k] - 1) + 1
        if auto_pad.startswith("SAME"):
            output.append(ceil_div(size[k], steps[k]))
            total = (output[k] - 1) * steps[k] + reach - size[k]
            if reach < steps[k] or isinstance(total, int):  # else the last window ends behind the axis, or with it
                total = 0 if reach == 1 else maximum(total, 0)
            if not isinstance(total, int):
                total, same = 0, auto_pad.lower()
            small, large = total // 2, total - total // 2
            begin[k], end[k] = (small, large) if auto_pad == "SAME_UPPER" else (large, small)
            continue
        if auto_pad == "VALID":
            begin[k] = end[k] = 0
        span = size[k] + begin[k] + end[k] - reach
        count = span // steps[k] + 1
        if partial and isinstance(span, int) and -steps[k] < span < 0 and size[k] != 0:
            count = 1
        if ceil_mode:
            count = ceil_div(span, steps[k]) + 1
            # a window that would start in the right padding is left out
            limit = ceil_div(size[k] + begin[k], steps[k])
            count = minimum(count, limit)
        if isinstance(count, int) and count < 1:
            raise Refuse(f"a window of {reach} does not fit an axis of {size[k]} (padded {begin[k]} + {end[k]})", invalid=True)
        output.append(count)
    if any(p < 0 for p in (*begin, *end)):
        raise Refuse("negative pads are not supported")
    return Geometry(kernel, steps, holes, tuple(begin), tuple(end), same, tuple(output))
