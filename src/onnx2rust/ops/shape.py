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
from onnx2rust.ir.layer import Layer
from onnx2rust.ir.program import KnownSizes, Value
from onnx2rust.layers import unranked
from onnx2rust.layers.movement import CheckedCopy
from onnx2rust.layers.shape import ReshapeSizes
from onnx2rust.ops import known
from onnx2rust.ops.axes import integers, normal_axes
from onnx2rust.ops.unranked import elements, is_unranked, ranked, reshaped_by, shape_of
from onnx2rust.registry import onnx_op, reads
from onnx2rust.registry.facts import VIEWS, Half, Ranks, Strings
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
    ranks=Ranks.ANY,
    sizes=_sizes_of_reshape,
    **VIEWS,
)
def reshape(g: Builder, data: Value, shape: Value, *, allowzero: int = 0) -> Value:
    """The same elements under the shape that the second input holds; 0 keeps an axis, −1 takes what remains."""
    target = shape.dims()
    if is_unranked(data) and target is not None and (allowzero or 0 not in target):
        data = elements(g, data)
    (rank,) = shape.shape
    if is_unranked(data) or not isinstance(rank, int):
        y = reshaped_by(g, unranked.Reshape(bool(allowzero)), data, g.cast_sizes(shape))
        return ranked(g, y, [None] * rank) if isinstance(rank, int) else y
    if target is not None:
        return reshaped(g, data, reshape_dims(data.shape, target, bool(allowzero)))
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
    unknown = is_unranked(x) or (axes is None and any(not isinstance(d, int) for d in x.shape))
    if unknown:
        return reshaped_by(g, unranked.Squeeze(), x, None if axes is None else g.constant(np.array(axes, np.int64)))
    chosen = [k for k, d in enumerate(x.shape) if d == 1] if axes is None else normal_axes(axes, x.rank)
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


@onnx_op("Squeeze", since=(13, 21, 23, 24, 25), reads={1: reads.unit_axes}, ranks=Ranks.ANY, sizes=_sizes_of_squeeze, **VIEWS)
def squeeze_13(g: Builder, data: Value, axes: Value | None = None) -> Value:
    """x without axes of size 1."""
    if axes is None or axes.array is not None:
        return _squeeze(g, data, None if axes is None else integers(axes))
    return _by_axes(g, unranked.Squeeze(), data, axes, -1)


def _by_axes(g: Builder, layer: Layer, x: Value, axes: Value, more: int) -> Value:
    """x with other axes, which only the run names, `more` by each."""
    y = reshaped_by(g, layer, x, g.cast_sizes(axes))
    count = axes.tensor.size
    known = isinstance(count, int) and not is_unranked(x)
    return ranked(g, y, [None] * max(x.rank + more * count, 0)) if known and isinstance(count, int) else y


def _unsqueeze(g: Builder, x: Value, axes: Sequence[int]) -> Value:
    if is_unranked(x):
        return reshaped_by(g, unranked.Unsqueeze(), x, g.constant(np.array(axes, np.int64)))
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


@onnx_op("Unsqueeze", since=(13, 21, 23, 24, 25), reads={1: reads.new_axes}, ranks=Ranks.ANY, sizes=_sizes_of_unsqueeze, **VIEWS)
def unsqueeze_13(g: Builder, data: Value, axes: Value) -> Value:
    """x with new axes of size 1."""
    if axes.array is not None:
        return _unsqueeze(g, data, integers(axes))
    return _by_axes(g, unranked.Unsqueeze(), data, axes, 1)


@onnx_op(
    "Shape",
    since=(1, 13, 15, 19, 21, 23, 24, 25),
    added={15: "start end"},
    ranks=Ranks.ANY,
    strings=Strings.PLACES,
    half=Half.MOVES,
)
def shape(g: Builder, data: Value, *, start: int = 0, end: int | None = None) -> Value:
    """The sizes of x's axes from `start` to `end`: known now, or an expression that a step evaluates."""
    return shape_of(g, data, start, end)


@onnx_op("Size", since=(1, 13, 19, 21, 23, 24, 25), ranks=Ranks.ANY)
def size(g: Builder, data: Value) -> Value:
    """The number of x's elements."""
    (count,) = elements(g, data).shape if is_unranked(data) else (data.tensor.size,)
    if isinstance(count, int):
        return g.constant(np.array(count, DType.I64.numpy))
    return g.constant(KnownSizes.of(count))
