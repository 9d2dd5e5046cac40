"""Slice and Split: parts of axes, whose sizes may be open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim, ceil_div, maximum, minimum, never_negative
from onnx2rust.ir.program import Value
from onnx2rust.ir.shapes import collapse_untouched
from onnx2rust.layers import movement, shape
from onnx2rust.ops import known
from onnx2rust.ops.axes import integers, normal_axes, normal_axis, read_sizes
from onnx2rust.ops.shape import fixed
from onnx2rust.registry import Const, onnx_op, reads
from onnx2rust.registry.facts import MOVES
from onnx2rust.registry.rules import Parts, Within


def sliced(g: Builder, x: Value, start: Sequence[Dim], size: Sequence[Dim], steps: Sequence[int]) -> Value:
    """`size` elements per (memory) axis from `start` by `steps`."""
    touched = [(b, n, s) != (0, m, 1) for b, n, m, s in zip(start, size, x.shape, steps, strict=True)]
    if not any(touched):
        return x
    shape, (sizes, starts, by) = collapse_untouched(x.shape, touched, size, start, steps)
    layer = movement.Slice(tuple(int(s) for s in by if isinstance(s, int)), shape, starts, sizes)
    return g.step(layer, [x], x.tensor.with_shape(*size))


_EVERYTHING = 10**9
"""A bound of Slice from here on stands for the end of an axis that is not known yet (tf2onnx writes
10⁹, others the largest integer)."""


def _wrapped(index: Dim, n: Dim) -> Dim | None:
    """An index of Slice, negative ones counted from the end; None if its sign is not known."""
    if isinstance(index, int):
        return index if index >= 0 else n + index
    return index if index == n or never_negative(index) else None


def slice_range(n: Dim, start: Dim, end: Dim, step: int) -> tuple[Dim, Dim] | None:
    """First position and number of elements of `start:end:step` on an axis of `n`; None if that is known only at run time."""
    if isinstance(n, int) and isinstance(start, int) and isinstance(end, int):
        first = start + n if start < 0 else start
        last = end + n if end < 0 else end
        if step > 0:
            first, last = min(max(first, 0), n), min(max(last, 0), n)
        else:
            first, last = min(max(first, 0), max(n - 1, 0)), min(max(last, -1), n - 1)
        count = max(-(-(last - first) // step), 0) if n else 0
        return (first if count else 0), count
    if isinstance(start, int) and start <= -_EVERYTHING:
        start = 0
    if step < 0:
        top = isinstance(start, int) and (start == -1 or start >= _EVERYTHING)
        first_dim = n - 1 if top else _wrapped(start, n)
        whole = isinstance(end, int) and end <= -_EVERYTHING
        last_dim = -1 if whole else n - 1 if isinstance(end, int) and end >= _EVERYTHING else _wrapped(end, n)
        if first_dim is None or last_dim is None:
            return None
        low = maximum(minimum(first_dim, n - 1), 0)
        final: Dim = minimum(last_dim, n - 1)
        if not (isinstance(last_dim, int) and last_dim >= 0):
            final = -1 if whole else maximum(final, -1)
        # low of an axis of 0 is no element
        span = first_dim - final if top else minimum(low - final, n)
        return low, ceil_div(span if never_negative(span) else maximum(span, 0), -step)
    if isinstance(end, int) and abs(end) >= _EVERYTHING:
        end = n if end > 0 else 0
    first_dim, last_dim = _wrapped(start, n), _wrapped(end, n)
    if first_dim is None or last_dim is None:
        return None
    # Where the start is not negative it needs no upper bound: beyond the end nothing is left, and the start is not looked at.
    low = first_dim if never_negative(first_dim) else maximum(first_dim, 0)
    high = last_dim if never_negative(n - last_dim) else minimum(last_dim, n)
    behind = n - first_dim
    if high == n and isinstance(behind, int) and behind > 0:
        return low, ceil_div(minimum(behind, n), step)
    span = high - low
    return low, ceil_div(span if span == n or never_negative(span) else maximum(span, 0), step)


def _slice(g: Builder, x: Value, starts: Sequence[Dim], ends: Sequence[Dim], axes: list[int], steps: list[int]) -> Value | None:
    perm, (stored,) = g.layout([x], x.rank)
    start: list[Dim] = [0] * x.rank
    size = list(stored.shape)
    by = [1] * x.rank
    for k, axis in enumerate(axes):
        if steps[k] == 0:
            raise Refuse("a step of Slice is 0", invalid=True)
        at = perm[axis]
        found = slice_range(stored.shape[at], starts[k], ends[k], steps[k])
        if found is None:
            return None
        start[at], size[at] = found
        n = stored.shape[at]
        limit = max(n, 1) if isinstance(n, int) else 1 << 62
        # A step beyond the axis takes one element: which step is then no matter.
        by[at] = min(max(steps[k], -limit), limit)
    return g.transpose(sliced(g, stored, start, size, by), perm)


def _sizes_of_slice(arrays: list[Any], attributes: dict[str, Any]) -> Any:
    data = arrays[0]
    if "starts" in attributes:
        starts, ends, axes, steps = attributes["starts"], attributes["ends"], attributes.get("axes"), None
    else:
        starts, ends = known.numbers(arrays[1]), known.numbers(arrays[2])
        axes = known.numbers(arrays[3]) if len(arrays) > 3 and arrays[3] is not None else None
        steps = known.numbers(arrays[4]) if len(arrays) > 4 and arrays[4] is not None else None
    if starts is None or ends is None:
        return None
    index = [slice(None)] * data.ndim
    for k, (start, end) in enumerate(zip(starts, ends, strict=True)):
        step = steps[k] if steps else 1
        axis = axes[k] if axes else k
        if step < 0:
            start = max(start, -data.shape[axis])  # too far in front is the first element
        stop = None if step < 0 and end < -data.shape[axis] else end
        index[axis] = slice(start, stop, step)
    return data[tuple(index)]


@onnx_op("Slice", since=1)
def slice_1(g: Builder, data: Value, *, starts: list[int], ends: list[int], axes: list[int] | None = None) -> Value:
    """x[start:end] along the axes."""
    chosen = normal_axes(range(len(starts)) if axes is None else axes, data.rank)
    if not len(starts) == len(ends) == len(chosen):
        raise Refuse("starts, ends and axes of Slice differ in length", invalid=True)
    y = _slice(g, data, starts, ends, chosen, [1] * len(chosen))
    if y is None:
        raise Refuse("these starts and ends on an axis whose size is only known at run time are not supported")
    return y


@onnx_op(
    "Slice",
    since=(10, 11, 13),
    reads={1: reads.always(Within(0, 1)), 2: reads.always(Within(2, 8)), 3: reads.axes, 4: reads.always(Within(1, 2))},
    sizes=_sizes_of_slice,
    **MOVES,
)
def slice_10(g: Builder, data: Value, starts: Value, ends: Value, axes: Const | None = None, steps: Value | None = None) -> Value:
    """x[start:end:step] along the axes."""
    lengths = [v.tensor.size for v in (starts, ends, axes, steps) if v is not None]
    count = next((n for n in lengths if isinstance(n, int)), None)
    if count is None:
        raise Refuse("the number of axes of Slice is only known at run time")
    if any(isinstance(n, int) and n != count for n in lengths):
        raise Refuse("starts, ends, axes and steps of Slice differ in length", invalid=True)
    # a length known only at run time is checked then
    starts, ends = (fixed(g, v, 0, count) if v.rank else v for v in (starts, ends))
    steps = fixed(g, steps, 0, count) if steps is not None and steps.rank else steps
    chosen = normal_axes(range(count) if axes is None else integers(axes), data.rank)
    begin, stop = starts.dims(), ends.dims()
    by = [1] * count if steps is None else steps.dims()
    if begin is not None and stop is not None and by is not None and all(isinstance(s, int) for s in by):
        y = _slice(g, data, begin, stop, chosen, [s for s in by if isinstance(s, int)])
        if y is not None:
            return y
    names, shape = read_sizes(g, data, chosen)
    inputs = [data, g.cast_sizes(starts), g.cast_sizes(ends), None if steps is None else g.cast_sizes(steps)]
    layer = movement.DynamicSlice(tuple(chosen), data.shape)
    return g.step(layer, inputs, data.tensor.with_shape(*shape), defines=names)


def _split(g: Builder, x: Value, axis: int, sizes: Sequence[Dim]) -> tuple[Value, ...]:
    perm, (stored,) = g.layout([x], x.rank)
    at = perm[normal_axis(axis, x.rank)]
    rest = stored.shape[at] - sum(sizes)
    if isinstance(rest, int) and rest != 0:
        raise Refuse(f"parts of [{', '.join(map(str, sizes))}] are not an axis of {stored.shape[at]}", invalid=True)
    if rest != 0 and all(isinstance(n, int) for n in sizes):
        # known parts of an axis of unknown size: compared at run time
        sizes = _part_sizes(g, stored.shape[at], g.constant(np.array(sizes, np.int64)), read=True)
    offset: Dim = 0
    parts = []
    for n in sizes:
        start: list[Dim] = [0] * x.rank
        size = list(stored.shape)
        start[at], size[at] = offset, n
        parts.append(g.transpose(sliced(g, stored, start, size, [1] * x.rank), perm))
        offset = offset + n
    return tuple(parts)


def _part_sizes(g: Builder, n: Dim, split: Value, read: bool = False) -> list[Dim]:
    """The sizes that an input of Split holds; `read` while the model runs, even if they are known."""
    known = split.dims()
    if known is not None and not read:
        return known
    if not isinstance(split.tensor.size, int):
        raise Refuse("the number of parts of Split is only known at run time")
    return list(g.sizes_by(shape.SplitSizes(n), [g.cast_sizes(split)], *(f"part_{k}" for k in range(split.tensor.size))))


def _equal_parts(n: Dim, count: int, uneven: bool) -> list[Dim]:
    if isinstance(n, int) and n % count and not uneven:
        raise Refuse(f"an axis of {n} does not split into {count} equal parts", invalid=True)
    each = ceil_div(n, count)
    return [each] * (count - 1) + [n - each * (count - 1)]


def _sizes_of_split(arrays: list[Any], attributes: dict[str, Any]) -> Any:
    sizes = attributes.get("split") or (known.numbers(arrays[1]) if len(arrays) > 1 else None)
    axis = attributes.get("axis", 0)
    if not sizes:
        return None
    if sum(sizes) != arrays[0].shape[axis] or min(sizes) < 0:
        raise ValueError(f"parts of {sizes} are not an axis of {arrays[0].shape[axis]}")
    return list(np.split(arrays[0], np.cumsum(sizes)[:-1], axis=axis))


@onnx_op("Split", since=(2, 11))
def split_2(g: Builder, input: Value, *, axis: int = 0, split: list[int] | None = None, n_outputs: int = 1) -> tuple[Value, ...]:
    """The parts of x along an axis."""
    sizes: Sequence[Dim] = split or _equal_parts(input.shape[normal_axis(axis, input.rank)], n_outputs, False)
    return _split(g, input, axis, sizes)


@onnx_op(
    "Split",
    since=(13, 18),
    added={18: "num_outputs"},
    counts_names=True,
    reads={1: lambda use: Parts(use.axis())},
    unknown=1,
    sizes=_sizes_of_split,
    **MOVES,
)
def split(
    g: Builder, input: Value, split: Value | None = None, *, axis: int = 0, num_outputs: int | None = None, n_outputs: int = 1
) -> tuple[Value, ...]:
    """The parts of x along an axis; since version 18 the last of equal ones may be smaller."""
    n = input.shape[normal_axis(axis, input.rank)]
    if split is not None:
        return _split(g, input, axis, _part_sizes(g, n, split))
    return _split(g, input, axis, _equal_parts(n, num_outputs or n_outputs, g.origin.opset >= 18))
