"""Operators that move elements: Transpose, Concat, Split, Slice, Gather, Pad, Expand, Tile."""

from __future__ import annotations

import numpy as np

from onnx2rust.builder import Builder, Refuse
from onnx2rust.dims import Dim, broadcast, ceil_div, maximum, minimum, product, symbol
from onnx2rust.layers.base import Variant
from onnx2rust.layers.movement import Concat, DynamicExpand, DynamicPad, DynamicSlice, Expand, Gather, Pad, Slice, Tile
from onnx2rust.layers.shapes import split_at
from onnx2rust.program import TensorType, Value
from onnx2rust.registry import Sizes, onnx_op


def normal_axis(axis: int, rank: int) -> int:
    """The axis counted from the front; refuses one that does not exist."""
    if not -rank <= axis < max(rank, 1):
        raise Refuse(f"axis {axis} of a tensor of rank {rank}", invalid=True)
    return axis + rank if axis < 0 else axis


@onnx_op("Transpose", since=(1, 13, 21, 23, 24, 25))
def transpose(g: Builder, data: Value, *, perm: list[int] | None = None) -> Value:
    """y axis k is x axis perm[k]; without perm, the axes in reverse order"""
    order = list(range(data.rank))[::-1] if perm is None else perm
    if sorted(order) != list(range(data.rank)):
        raise Refuse(f"perm {perm} is not a permutation of {data.rank} axes", invalid=True)
    return g.transpose(data, order)


@onnx_op("Concat", since=(4, 11, 13))
def concat(g: Builder, *inputs: Value, axis: int) -> Value:
    """y = the inputs side by side along an axis"""
    if not inputs:
        raise Refuse("Concat needs at least one input", invalid=True)
    rank = inputs[0].rank
    axis = normal_axis(axis, rank)
    if any(v.rank != rank for v in inputs):
        raise Refuse("inputs of different rank", invalid=True)
    parts = [v for v in inputs if v.shape[axis] != 0]
    if len(parts) < 2:
        return parts[0] if parts else inputs[0]
    perm, values = g.layout(parts, rank)
    k = perm[axis]
    first = values[0]
    total: Dim = 0
    for v in values:
        total = total + v.shape[k]
    outer = product(first.shape[:k])
    inner = product(first.shape[k + 1 :])
    layer = Concat(outer, tuple(v.shape[k] * inner for v in values))
    shape = (*first.shape[:k], total, *first.shape[k + 1 :])
    return g.transpose(g.step(layer, values, first.type.with_shape(*shape)), perm)


@onnx_op("Split", since=(2, 11))
def split_2(g: Builder, input: Value, *, axis: int = 0, split: list[int] | None = None, n_outputs: int = 1) -> tuple[Value, ...]:
    """x cut into parts along an axis"""
    return _split(g, input, axis, split, n_outputs)


@onnx_op("Split", since=13)
def split_13(g: Builder, input: Value, split: Sizes | None = None, *, axis: int = 0, n_outputs: int = 1) -> tuple[Value, ...]:
    """x cut into parts along an axis"""
    return _split(g, input, axis, split, n_outputs)


@onnx_op("Split", since=18)
def split(
    g: Builder,
    input: Value,
    split: Sizes | None = None,
    *,
    axis: int = 0,
    num_outputs: int | None = None,
    n_outputs: int = 1,
) -> tuple[Value, ...]:
    """x cut into parts along an axis; the last one may be smaller"""
    return _split(g, input, axis, split, n_outputs)


def _split(g: Builder, x: Value, axis: int, sizes: Sizes | list[int] | None, count: int) -> tuple[Value, ...]:
    axis = normal_axis(axis, x.rank)
    if sizes is None:
        each = ceil_div(x.shape[axis], count)
        chosen: list[Dim] = [each] * (count - 1) + [x.shape[axis] - each * (count - 1)]
    else:
        chosen = list(sizes)
    if len(chosen) != count:
        raise Refuse(f"{len(chosen)} sizes for {count} outputs", invalid=True)
    start: Dim = 0
    parts = []
    for size in chosen:
        parts.append(take(g, x, axis, start, size))
        start = start + size
    return tuple(parts)


def take(g: Builder, x: Value, axis: int, start: Dim, size: Dim, step: int = 1) -> Value:
    """`size` elements of one axis, every step-th, from `start`"""
    if start == 0 and size == x.shape[axis] and step == 1:
        return x
    perm, (v,) = g.layout([x], x.rank)
    k = perm[axis]
    outer, whole, inner = split_at(v.shape, k)
    shape = v.type.with_shape(*v.shape[:k], size, *v.shape[k + 1 :])
    if step == 1:
        # whatever lies inside the axis moves along with it
        layer = Slice((1, 1), (outer, whole * inner), (0, start * inner), (outer, size * inner))
    else:
        layer = Slice((1, step, 1), (outer, whole, inner), (0, start, 0), (outer, size, inner))
    return g.transpose(g.step(layer, [v], shape), perm)


@onnx_op("Slice", since=1)
def slice_1(g: Builder, data: Value, *, starts: list[int], ends: list[int], axes: list[int] | None = None) -> Value:
    """y = x[starts:ends] on some axes"""
    return _slice(g, data, list(starts), list(ends), axes or list(range(len(starts))), [1] * len(starts))


@onnx_op("Slice", since=(10, 11, 13))
def slice_(g: Builder, data: Value, starts: Value, ends: Value, axes: Value | None = None, steps: Value | None = None) -> Value:
    """y = x[starts:ends:steps] on some axes"""
    count = product(starts.shape)
    if not isinstance(count, int):
        raise Refuse("the number of axes to slice is only known while the model runs")
    chosen = list(range(count)) if axes is None else _ints(axes, "axes")
    begin, stop, by = starts.dims(), ends.dims(), [1] * count if steps is None else steps.dims()
    if begin is None or stop is None or by is None or any(not isinstance(s, int) for s in by):
        return _dynamic_slice(g, data, starts, ends, chosen, steps)
    return _slice(g, data, begin, stop, chosen, [int(s) for s in by if isinstance(s, int)])


def _slice(g: Builder, x: Value, starts: list[Dim], ends: list[Dim], axes: list[int], steps: list[int]) -> Value:
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise Refuse("starts, ends, axes and steps have different lengths", invalid=True)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis = normal_axis(axis, x.rank)
        if step == 0:
            raise Refuse("a step of 0", invalid=True)
        size = x.shape[axis]
        if step > 0:
            first, last = _clamped(start, size, 0, size), _clamped(end, size, 0, size)
            length = maximum(ceil_div(last - first, step), 0)
        else:
            first, last = _clamped(start, size, 0, size - 1), _clamped(end, size, -1, size - 1)
            length = maximum(ceil_div(first - last, -step), 0)
        x = take(g, x, axis, maximum(first, 0), length, step)
    return x


def _clamped(bound: Dim, size: Dim, low: Dim, high: Dim) -> Dim:
    """A bound as Python's slices read it: negative ones count from the end, then it is clamped."""
    if isinstance(bound, int):
        if bound >= 2**31 - 1:
            return high
        if bound <= -(2**31) + 1:
            return low
        bound = bound + size if bound < 0 else bound
    return maximum(minimum(bound, high), low)


def _dynamic_slice(g: Builder, x: Value, starts: Value, ends: Value, axes: list[int], steps: Value | None) -> Value:
    axes = [normal_axis(a, x.rank) for a in axes]
    fresh = tuple(g.new_symbol(f"slice_{k}") for k in range(x.rank))
    by = g.constant(np.ones(len(axes), np.int64)) if steps is None else g.cast_sizes(steps)
    inputs = [x, g.cast_sizes(starts), g.cast_sizes(ends), by]
    type_ = x.type.with_shape(*map(symbol, fresh))
    return g.step(DynamicSlice(tuple(axes), x.shape), inputs, type_, defines=fresh)  # type: ignore[no-any-return]


def _ints(value: Value, name: str) -> list[int]:
    if value.array is None:
        raise Refuse(f"{name} must be known at conversion", f"make {value.name!r} a constant of the model")
    return [int(v) for v in value.array.ravel()]


@onnx_op("Gather", since=(1, 11, 13))
def gather(g: Builder, data: Value, indices: Value, *, axis: int = 0) -> Value:
    """y = the slices of x at indices, along an axis"""
    axis = normal_axis(axis, data.rank)
    if indices.array is not None and indices.array.size == 1 and isinstance(data.shape[axis], int):
        index = int(indices.array.ravel()[0])
        start = data.shape[axis] + index if index < 0 else index
        part = take(g, data, axis, start, 1)
        return g.view(part, *data.shape[:axis], *indices.shape, *data.shape[axis + 1 :])
    shape = (*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :])
    return g.step(Gather(*split_at(data.shape, axis)), [data, indices], data.type.with_shape(*shape))  # type: ignore[no-any-return]


_PAD_MODES = {"constant": "Constant", "reflect": "Reflect", "edge": "Edge", "wrap": "Wrap"}


@onnx_op("Pad", since=2)
def pad_2(g: Builder, data: Value, *, mode: str = "constant", pads: list[int], value: float = 0.0) -> Value:
    """y = x with a border"""
    return _pad(g, data, list(pads), None, mode, g.constant(np.array(value, data.dtype.numpy)))


@onnx_op("Pad", since=(11, 13))
def pad_11(g: Builder, data: Value, pads: Value, constant_value: Value | None = None, *, mode: str = "constant") -> Value:
    """y = x with a border"""
    return pad(g, data, pads, constant_value, mode=mode)


@onnx_op("Pad", since=(18, 19, 21, 23, 24, 25))
def pad(
    g: Builder,
    data: Value,
    pads: Value,
    constant_value: Value | None = None,
    axes: Value | None = None,
    *,
    mode: str = "constant",
) -> Value:
    """y = x with a border on some axes; negative amounts crop"""
    value = g.constant(np.zeros((), data.dtype.numpy)) if constant_value is None else constant_value
    chosen = None if axes is None else [normal_axis(a, data.rank) for a in _ints(axes, "axes")]
    known = pads.dims()
    if known is not None:
        return _pad(g, data, known, chosen, mode, value)
    fresh = tuple(g.new_symbol(f"pad_{k}") for k in range(data.rank))
    layer = DynamicPad(_mode(mode), tuple(range(data.rank) if chosen is None else chosen), data.shape)
    type_ = data.type.with_shape(*map(symbol, fresh))
    return g.step(layer, [data, g.cast_sizes(pads), value], type_, defines=fresh)  # type: ignore[no-any-return]


def _mode(mode: str) -> Variant:
    if mode not in _PAD_MODES:
        raise Refuse(f"mode={mode!r}", invalid=True)
    return Variant.of("movement::PadMode", _PAD_MODES[mode])


def _pad(g: Builder, x: Value, pads: list[Dim], axes: list[int] | None, mode: str, value: Value) -> Value:
    axes = list(range(x.rank)) if axes is None else axes
    if len(pads) != 2 * len(axes):
        raise Refuse(f"{len(pads)} pads for {len(axes)} axes", invalid=True)
    before: list[Dim] = [0] * x.rank
    after: list[Dim] = [0] * x.rank
    for k, axis in enumerate(axes):
        before[axis], after[axis] = pads[k], pads[k + len(axes)]
    if all(p == 0 for p in (*before, *after)):
        return x
    perm, (v,) = g.layout([x], x.rank)
    order = [perm.index(k) for k in range(x.rank)]
    before, after = [before[i] for i in order], [after[i] for i in order]
    shape = [b + d + a for b, d, a in zip(before, v.shape, after, strict=True)]
    layer = Pad(_mode(mode), v.shape, tuple(before), tuple(after))
    return g.transpose(g.step(layer, [v, value], v.type.with_shape(*shape)), perm)


@onnx_op("Expand", since=(8, 13))
def expand(g: Builder, input: Value, shape: Value) -> Value:
    """y = x broadcast against a shape"""
    target = shape.dims()
    if target is not None:
        full = broadcast([input.shape, tuple(target)])
    else:
        count = product(shape.shape)
        if not isinstance(count, int):
            raise Refuse("the rank of the result is only known while the model runs")
        rank = max(count, input.rank)
        fresh = tuple(g.new_symbol(f"expand_{k}") for k in range(rank))
        g.step(DynamicExpand(input.shape), [g.cast_sizes(shape)], defines=fresh)
        full = tuple(map(symbol, fresh))
    return broadcast_to(g, input, full)


def broadcast_to(g: Builder, x: Value, shape: tuple[Dim, ...]) -> Value:
    """x repeated to a shape that it broadcasts to"""
    source = (*([1] * (len(shape) - x.rank)), *x.shape)
    if source == tuple(shape):
        return g.view(x, *shape)
    return g.step(Expand(source, tuple(shape)), [x], TensorType(x.dtype, tuple(shape)))  # type: ignore[no-any-return]


@onnx_op("Tile", since=(6, 13))
def tile(g: Builder, input: Value, repeats: Sizes) -> Value:
    """y = x repeated along each axis"""
    if len(repeats) != input.rank:
        raise Refuse(f"{len(repeats)} repeats for rank {input.rank}", invalid=True)
    if all(r == 1 for r in repeats):
        return input
    shape = [d * r for d, r in zip(input.shape, repeats, strict=True)]
    return g.step(Tile(input.shape, tuple(repeats)), [input], input.type.with_shape(*shape))  # type: ignore[no-any-return]
