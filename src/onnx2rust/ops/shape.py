"""Shapes: operators that change or tell a shape and leave the elements where they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import KnownSizes, Value
from onnx2rust.layers.movement import CheckedCopy
from onnx2rust.layers.shape import ReshapeSizes
from onnx2rust.ops import known
from onnx2rust.ops.axes import integers, normal_axes
from onnx2rust.registry import Const, onnx_op, reads
from onnx2rust.registry.facts import VIEWS, Half, Strings
from onnx2rust.registry.rules import Factors


def reshaped(g: Builder, x: Value, shape: Sequence[Dim]) -> Value:
    """x under another shape. Where it is known only at run time whether the sizes agree, the elements are copied and counted."""
    difference = product(shape) - x.tensor.size
    if isinstance(difference, int) and difference != 0:
        raise Refuse(f"{x.type} does not have the elements of [{', '.join(map(str, shape))}]", invalid=True)
    if difference == 0:
        return g.view(x, *shape)
    return g.step(CheckedCopy(), [x], x.tensor.with_shape(*shape))


def fixed(g: Builder, x: Value, axis: int, size: Dim) -> Value:
    """x, whose `axis` must have `size`. Refuse if it is known not to; if that is known only at run time, it is checked then."""
    found = x.shape[axis]
    if found == size:
        return x
    if isinstance(found, int) and isinstance(size, int):
        raise Refuse(f"axis {axis} of {x.type} is not {size}", invalid=True)
    name = g.given_name(found)
    if isinstance(size, int) and name is not None:
        raise Refuse(f"axis {axis} of {x.type} has to be {size}", f"convert with --dim {name}={size}")
    return reshaped(g, x, [*x.shape[:axis], size, *x.shape[axis + 1 :]])


def reshape_dims(shape: Sequence[Dim], target: Sequence[Dim], allow_zero: bool) -> list[Dim]:
    """The shape that a known `target` with 0 and −1 gives a tensor of `shape`."""
    if any(isinstance(d, int) and d < -1 for d in target) or target.count(-1) > 1:
        raise Refuse(f"shape [{', '.join(map(str, target))}] is not one", invalid=True)
    out = list(target)
    for axis, dim in enumerate(out):
        if dim == 0 and not allow_zero:
            if axis >= len(shape):
                raise Refuse(f"shape keeps axis {axis} of a tensor of {len(shape)} axes", invalid=True)
            out[axis] = shape[axis]
    if -1 in target:
        rest = product(d for d in out if d != -1)
        if rest == 0:
            raise Refuse("−1 beside an empty axis stands for no size", invalid=True)
        whole = product(shape)
        if isinstance(whole, int) and isinstance(rest, int) and whole % rest:
            raise Refuse(f"{whole} elements do not divide by {rest}", invalid=True)
        out[target.index(-1)] = whole // rest
    return out


def _sizes_of_reshape(arrays: list[Any], attributes: dict[str, Any]) -> Any:
    shape = known.numbers(arrays[1])
    return None if shape is None or 0 in shape else arrays[0].reshape(shape)


@onnx_op(
    "Reshape",
    since=(5, 13, 14, 19, 21, 23, 24, 25),
    added={14: "allowzero"},
    reads={1: lambda use: Factors(math.prod(use.shape(0)))},
    unknown=1,
    sizes=_sizes_of_reshape,
    **VIEWS,
)
def reshape(g: Builder, data: Value, shape: Value, *, allowzero: int = 0) -> Value:
    """The same elements under the shape that the second input holds; 0 keeps an axis, −1 takes what remains."""
    target = shape.dims()
    if target is not None:
        return reshaped(g, data, reshape_dims(data.shape, target, bool(allowzero)))
    (rank,) = shape.shape
    if not isinstance(rank, int):
        raise Refuse("the rank of the new shape is only known at run time")
    layer = ReshapeSizes(bool(allowzero), data.shape)
    return g.view(data, *g.sizes_by(layer, [g.cast_sizes(shape)], *(f"axis_{k}" for k in range(rank))))


@onnx_op("Flatten", since=(1, 9, 11, 13, 21, 23, 24, 25), **VIEWS)
def flatten(g: Builder, input: Value, *, axis: int = 1) -> Value:
    """x as a matrix: axes before `axis` are its rows."""
    if not (-input.rank if g.opset >= 11 else 0) <= axis <= input.rank:
        raise Refuse(f"axis {axis} is outside a tensor of {input.rank} axes", invalid=True)
    split = axis + input.rank if axis < 0 else axis
    return g.view(input, product(input.shape[:split]), product(input.shape[split:]))


def _squeeze(g: Builder, x: Value, axes: Sequence[int] | None) -> Value:
    if axes is None:
        unknown = [str(d) for d in x.shape if not isinstance(d, int)]
        if unknown:
            raise Refuse(f"whether {', '.join(unknown)} is 1 is only known at run time", "state the axes of Squeeze")
        chosen = [k for k, d in enumerate(x.shape) if d == 1]
    else:
        chosen = normal_axes(axes, x.rank)
    wrong = [x.shape[k] for k in chosen if isinstance(x.shape[k], int) and x.shape[k] != 1]
    if wrong:
        raise Refuse(f"an axis of size {wrong[0]} cannot be squeezed", invalid=True)
    return reshaped(g, x, [d for k, d in enumerate(x.shape) if k not in chosen])


def _sizes_of_squeeze(arrays: list[Any], attributes: dict[str, Any]) -> Any:
    axes = known.axes_of(arrays, attributes)
    return np.squeeze(arrays[0], None if axes is None else tuple(axes))


@onnx_op("Squeeze", since=(1, 11))
def squeeze_1(g: Builder, data: Value, *, axes: list[int] | None = None) -> Value:
    """x without axes of size 1."""
    return _squeeze(g, data, axes)


@onnx_op("Squeeze", since=(13, 21, 23, 24, 25), reads={1: reads.unit_axes}, sizes=_sizes_of_squeeze, **VIEWS)
def squeeze_13(g: Builder, data: Value, axes: Const | None = None) -> Value:
    """x without axes of size 1."""
    return _squeeze(g, data, None if axes is None else integers(axes))


def _unsqueeze(g: Builder, x: Value, axes: Sequence[int]) -> Value:
    rank = x.rank + len(axes)
    chosen = normal_axes(axes, rank)
    rest = iter(x.shape)
    return g.view(x, *(1 if k in chosen else next(rest) for k in range(rank)))


def _sizes_of_unsqueeze(arrays: list[Any], attributes: dict[str, Any]) -> Any:
    axes = known.axes_of(arrays, attributes)
    return None if axes is None else np.expand_dims(arrays[0], tuple(axes))


@onnx_op("Unsqueeze", since=(1, 11))
def unsqueeze_1(g: Builder, data: Value, *, axes: list[int]) -> Value:
    """x with new axes of size 1."""
    return _unsqueeze(g, data, axes)


@onnx_op("Unsqueeze", since=(13, 21, 23, 24, 25), reads={1: reads.new_axes}, sizes=_sizes_of_unsqueeze, **VIEWS)
def unsqueeze_13(g: Builder, data: Value, axes: Const) -> Value:
    """x with new axes of size 1."""
    return _unsqueeze(g, data, integers(axes))


@onnx_op("Shape", since=(1, 13, 15, 19, 21, 23, 24, 25), added={15: "start end"}, strings=Strings.PLACES, half=Half.MOVES)
def shape(g: Builder, data: Value, *, start: int = 0, end: int | None = None) -> Value:
    """The sizes of x's axes from `start` to `end`: known now, or an expression that a step evaluates."""
    first, last = (min(max(k + data.rank if k < 0 else k, 0), data.rank) for k in (start, data.rank if end is None else end))
    return g.constant(list(data.shape[first:last]))


@onnx_op("Size", since=(1, 13, 19, 21, 23, 24, 25))
def size(g: Builder, data: Value) -> Value:
    """The number of x's elements."""
    if isinstance(data.tensor.size, int):
        return g.constant(np.array(data.tensor.size, DType.I64.numpy))
    return g.constant(KnownSizes.of(data.tensor.size))
