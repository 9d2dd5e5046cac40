"""Operators that move elements: transposition, joining, cutting, repeating, bordering.

They work in whatever order their inputs' axes lie in memory (`Builder.layout`), so that none of them forces a transposition.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onnx2rust import dims
from onnx2rust.builder import Builder, Refuse
from onnx2rust.dims import Dim, ceil_div, maximum, minimum, product, symbol
from onnx2rust.dtypes import DType
from onnx2rust.layers import movement
from onnx2rust.layers.base import Variant
from onnx2rust.layers.shapes import collapse_broadcast
from onnx2rust.program import TensorType, Value
from onnx2rust.registry import Const, Sizes, onnx_op


def normal_axis(axis: int, rank: int) -> int:
    """The axis counted from the front; refuses one that does not exist."""
    if not -rank <= axis < rank:
        raise Refuse(f"axis {axis} of a tensor of rank {rank}", invalid=True)
    return axis % rank


def normal_axes(axes: Sequence[int], rank: int) -> list[int]:
    """Axes counted from the front, each once."""
    found = [normal_axis(a, rank) for a in axes]
    if len(set(found)) != len(found):
        raise Refuse(f"axes {list(axes)} name an axis twice", invalid=True)
    return found


def integers(value: Value) -> list[int]:
    """The elements of a known integer tensor."""
    assert value.array is not None
    return [int(v) for v in value.array.ravel()]


@onnx_op("Transpose", since=(1, 13, 21, 23, 24, 25))
def transpose(g: Builder, data: Value, *, perm: list[int] | None = None) -> Value:
    """y axis k is x axis perm[k]; without perm the axes are reversed."""
    x = data
    order = list(range(x.rank))[::-1] if perm is None else list(perm)
    if sorted(order) != list(range(x.rank)):
        raise Refuse(f"perm {order} is no permutation of {x.rank} axes", invalid=True)
    return g.transpose(x, order)


@onnx_op("Concat", since=(4, 11, 13))
def concat(g: Builder, *inputs: Value, axis: int) -> Value:
    """The inputs one after the other along an axis."""
    if not inputs or any(x.rank != inputs[0].rank for x in inputs):
        raise Refuse("the inputs of Concat have different ranks", invalid=True)
    rank = inputs[0].rank
    perm, values = g.layout(inputs, rank)
    at = perm[normal_axis(axis, rank)]
    first = values[0].shape
    for x in values[1:]:
        for k, (a, b) in enumerate(zip(first, x.shape, strict=True)):
            if k != at and isinstance(a - b, int) and a != b:
                raise Refuse(f"inputs of Concat differ in another axis: {values[0].type} and {x.type}", invalid=True)
    # Sizes that only the run can compare: a known one is taken, and the layer counts the elements.
    shape = [next((x.shape[k] for x in values if isinstance(x.shape[k], int)), first[k]) for k in range(rank)]
    inner = product(shape[at + 1 :])
    shape[at] = sum((x.shape[at] for x in values[1:]), start=values[0].shape[at])
    layer = movement.Concat(product(shape[:at]), tuple(x.shape[at] * inner for x in values))
    return g.transpose(g.step(layer, values, values[0].type.with_shape(*shape)), perm)


# -- slices ----------------------------------------------------------------------------------------------------------


def collapse_untouched(
    shape: Sequence[Dim], touched: Sequence[bool], *columns: Sequence[Dim]
) -> tuple[tuple[Dim, ...], list[tuple[Dim, ...]]]:
    """The shape with each run of untouched axes as one; `columns` give numbers per axis, of which those of the first (an
    untouched axis' size in another tensor) multiply and the others are taken from one axis."""
    groups: list[list[int]] = []
    for k in range(len(shape)):
        if shape[k] == 1 and not touched[k]:
            continue
        if groups and not touched[k] and not touched[groups[-1][-1]]:
            groups[-1].append(k)
        else:
            groups.append([k])
    collapsed = tuple(product(shape[k] for k in group) for group in groups)
    first = tuple(product(columns[0][k] for k in group) for group in groups) if columns else ()
    rest = [tuple(column[group[0]] for group in groups) for column in columns[1:]]
    return collapsed, [first, *rest]


def sliced(g: Builder, x: Value, start: Sequence[Dim], size: Sequence[Dim], steps: Sequence[int]) -> Value:
    """`size` elements per (memory) axis from `start` by `steps`."""
    if all(b == 0 and n == m and s == 1 for b, n, m, s in zip(start, size, x.shape, steps, strict=True)):
        return x
    touched = [not (b == 0 and n == m and s == 1) for b, n, m, s in zip(start, size, x.shape, steps, strict=True)]
    shape, (sizes, starts, by) = collapse_untouched(x.shape, touched, size, start, steps)
    layer = movement.Slice(tuple(int(s) for s in by if isinstance(s, int)), shape, starts, sizes)
    return g.step(layer, [x], x.type.with_shape(*size))  # type: ignore[no-any-return]


_EVERYTHING = 10**9
"""A bound of Slice from here on stands for the end of an axis that is not known yet (tf2onnx writes 10⁹, others the largest integer)."""


def _wrapped(index: Dim, n: Dim) -> Dim | None:
    """An index of Slice, negative ones counted from the end; None if its sign is not known."""
    if isinstance(index, int):
        return index if index >= 0 else n + index
    if dims.maximum(index, 0) == index:
        return index
    # A known length minus a size: its sign decides which end it counts from.
    distance = n - index
    return index if dims.maximum(distance, 0) == distance and _is_size(index) else None


def _is_size(dim: Dim) -> bool:
    """Whether the expression cannot be negative because it is made of sizes that are added and divided."""
    return dims.maximum(dim, 0) == dim


def slice_range(n: Dim, start: Dim, end: Dim, step: int) -> tuple[Dim, Dim] | None:
    """First position and number of elements of `start:end:step` on an axis of `n`; None if only the run can say."""
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
        return low, ceil_div(span if _is_size(span) else maximum(span, 0), -step)
    if isinstance(end, int) and abs(end) >= _EVERYTHING:
        end = n if end > 0 else 0
    first_dim, last_dim = _wrapped(start, n), _wrapped(end, n)
    if first_dim is None or last_dim is None:
        return None
    # Where the start is not negative it needs no upper bound: beyond the end nothing is left, and the start is not looked at.
    low = first_dim if _is_size(first_dim) else maximum(first_dim, 0)
    high = last_dim if _is_size(n - last_dim) else minimum(last_dim, n)
    behind = n - first_dim
    if high == n and isinstance(behind, int) and behind > 0:
        return low, ceil_div(minimum(behind, n), step)
    span = high - low
    return low, ceil_div(span if _is_size(span) else maximum(span, 0), step)


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


@onnx_op("Slice", since=1)
def slice_1(g: Builder, data: Value, *, starts: list[int], ends: list[int], axes: list[int] | None = None) -> Value:
    """x[start:end] along the axes."""
    x = data
    chosen = normal_axes(range(len(starts)) if axes is None else axes, x.rank)
    if not len(starts) == len(ends) == len(chosen):
        raise Refuse("starts, ends and axes of Slice differ in length", invalid=True)
    y = _slice(g, x, starts, ends, chosen, [1] * len(chosen))
    if y is None:
        raise Refuse("these starts and ends on an axis whose size is only known at run time are not supported")
    return y


@onnx_op("Slice", since=(10, 11, 13))
def slice_10(g: Builder, data: Value, starts: Value, ends: Value, axes: Const | None = None, steps: Value | None = None) -> Value:
    """x[start:end:step] along the axes."""
    x = data
    count = starts.type.size
    if not isinstance(count, int):
        raise Refuse("the number of axes of Slice is only known at run time")
    chosen = normal_axes(range(count) if axes is None else integers(axes), x.rank)
    begin, stop = starts.dims(), ends.dims()
    by = [1] * count if steps is None else steps.dims()
    given = [count, len(chosen), ends.type.size, *([] if steps is None else [steps.type.size])]
    if any(n != count for n in given):
        raise Refuse("starts, ends, axes and steps of Slice differ in length", invalid=True)
    if begin is not None and stop is not None and by is not None and all(isinstance(s, int) for s in by):
        y = _slice(g, x, begin, stop, chosen, [s for s in by if isinstance(s, int)])
        if y is not None:
            return y
    names = tuple(g.new_symbol(f"size_{k}") for k in range(x.rank))
    inputs = [x, g.cast_sizes(starts), g.cast_sizes(ends), None if steps is None else g.cast_sizes(steps)]
    shape = map(symbol, names)
    layer = movement.DynamicSlice(tuple(chosen), x.shape)
    return g.step(layer, inputs, x.type.with_shape(*shape), defines=names)  # type: ignore[no-any-return]


def _split(g: Builder, x: Value, axis: int, sizes: Sequence[Dim]) -> tuple[Value, ...]:
    perm, (stored,) = g.layout([x], x.rank)
    at = perm[normal_axis(axis, x.rank)]
    rest = stored.shape[at] - sum(sizes)
    if isinstance(rest, int) and rest != 0:
        raise Refuse(f"parts of {list(map(str, sizes))} are not an axis of {stored.shape[at]}", invalid=True)
    if rest != 0 and all(isinstance(n, int) for n in sizes):
        # known parts of an axis that is not: the run compares
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
    if not isinstance(split.type.size, int):
        raise Refuse("the number of parts of Split is only known at run time")
    names = tuple(g.new_symbol(f"part_{k}") for k in range(split.type.size))
    g.step(movement.SplitSizes(n), [g.cast_sizes(split)], defines=names)
    sizes: list[Dim] = [symbol(name) for name in names]
    return sizes


def _equal_parts(n: Dim, count: int, uneven: bool) -> list[Dim]:
    if isinstance(n, int) and n % count and not uneven:
        raise Refuse(f"an axis of {n} does not split into {count} equal parts", invalid=True)
    each = ceil_div(n, count)
    return [each] * (count - 1) + [n - each * (count - 1)]


@onnx_op("Split", since=(2, 11))
def split_2(g: Builder, input: Value, *, axis: int = 0, split: list[int] | None = None, n_outputs: int = 1) -> tuple[Value, ...]:
    """The parts of x along an axis."""
    x = input
    sizes: Sequence[Dim] = split or _equal_parts(x.shape[normal_axis(axis, x.rank)], n_outputs, False)
    return _split(g, x, axis, sizes)


@onnx_op("Split", since=13)
def split_13(g: Builder, input: Value, split: Value | None = None, *, axis: int = 0, n_outputs: int = 1) -> tuple[Value, ...]:
    """The parts of x along an axis."""
    x = input
    n = x.shape[normal_axis(axis, x.rank)]
    return _split(g, x, axis, _equal_parts(n, n_outputs, False) if split is None else _part_sizes(g, n, split))


@onnx_op("Split", since=18)
def split_18(
    g: Builder, input: Value, split: Value | None = None, *, axis: int = 0, num_outputs: int | None = None, n_outputs: int = 1
) -> tuple[Value, ...]:
    """The parts of x along an axis; the last may be smaller."""
    x = input
    n = x.shape[normal_axis(axis, x.rank)]
    parts = num_outputs or n_outputs
    return _split(g, x, axis, _equal_parts(n, parts, True) if split is None else _part_sizes(g, n, split))


# -- repeating -------------------------------------------------------------------------------------------------------


def expanded(g: Builder, x: Value, shape: Sequence[Dim]) -> Value:
    """x broadcast to exactly `shape`, every axis of which x has or has as 1."""
    full = g.view(x, *([1] * (len(shape) - x.rank)), *x.shape)
    if full.shape == tuple(shape):
        return full
    perm, (stored,) = g.layout([full], full.rank)
    to: list[Dim] = [0] * full.rank
    for axis, at in enumerate(perm):
        to[at] = shape[axis]
    merged_from, merged_to = collapse_broadcast([stored.shape, tuple(to)])
    y = g.step(movement.Expand(merged_from, merged_to), [stored], x.type.with_shape(*to))
    return g.transpose(y, perm)


@onnx_op("Expand", since=(8, 13))
def expand(g: Builder, input: Value, shape: Value) -> Value:
    """x and the shape broadcast together."""
    x = input
    (count,) = shape.shape
    if not isinstance(count, int):
        raise Refuse("the rank of the new shape is only known at run time")
    rank = max(x.rank, count)
    have = (*([1] * (rank - x.rank)), *x.shape)
    target = shape.dims()
    if target is not None:
        want = (*([1] * (rank - count)), *target)
        out = [_broadcast(a, b) for a, b in zip(have, want, strict=True)]
        if all(d is not None for d in out):
            return expanded(g, x, [d for d in out if d is not None])
    names = tuple(g.new_symbol(f"axis_{k}") for k in range(rank))
    target_value = g.cast_sizes(shape)
    g.step(movement.ExpandSizes(x.shape), [target_value], defines=names)
    full = g.view(x, *have)
    out_type = x.type.with_shape(*map(symbol, names))
    return g.step(movement.Expand(full.shape, out_type.shape), [full], out_type)  # type: ignore[no-any-return]


def _broadcast(a: Dim, b: Dim) -> Dim | None:
    """The size that two broadcast to; None if only the run can say."""
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    if isinstance(a, int) and isinstance(b, int):
        raise Refuse(f"sizes {a} and {b} do not broadcast", invalid=True)
    return None


@onnx_op("Tile", since=(6, 13))
def tile(g: Builder, input: Value, repeats: Sizes) -> Value:
    """y = x, repeats[d] times along axis d."""
    x = input
    if len(repeats) != x.rank:
        raise Refuse(f"{len(repeats)} repeats for {x.rank} axes", invalid=True)
    if any(isinstance(n, int) and n < 0 for n in repeats):
        raise Refuse("repeats of Tile are negative", invalid=True)
    shape, (_, counts) = collapse_untouched(x.shape, [n != 1 for n in repeats], x.shape, repeats)
    if all(n == 1 for n in repeats):
        return x
    if len(shape) > 8:
        raise Refuse(f"Tile along {len(shape)} axes is not supported", "up to 8 are")
    out = x.type.with_shape(*(d * n for d, n in zip(x.shape, repeats, strict=True)))
    return g.step(movement.Tile(shape, counts), [x], out)  # type: ignore[no-any-return]


# -- borders ---------------------------------------------------------------------------------------------------------

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
        known = [d for d in (n, b, e) if isinstance(d, int)]
        left = n + minimum(b, 0) + minimum(e, 0)
        if isinstance(left, int) and len(known) == 3:
            grows = any(isinstance(d, int) and d > 0 for d in (b, e))
            if left < 0 or (left == 0 and grows and mode.name != "Constant"):
                raise Refuse(f"an axis of {n} cannot be padded by {b} and {e} in this mode", invalid=True)
    touched = [not (b == 0 and e == 0) for b, e in zip(begin, end, strict=True)]
    if not any(touched):
        return x
    shape, (_, first, last) = collapse_untouched(stored.shape, touched, stored.shape, begin, end)
    inputs = [stored, value if mode.name == "Constant" else None]
    return g.transpose(g.step(movement.Pad(mode, shape, first, last), inputs, x.type.with_shape(*size)), perm)


def _mode(mode: str) -> Variant:
    if mode not in _MODES:
        raise Refuse(f"mode {mode!r} of Pad is unknown", invalid=True)
    return Variant.of("movement::PadMode", _MODES[mode])


@onnx_op("Pad", since=2)
def pad_2(g: Builder, data: Value, *, pads: list[int], mode: str = "constant", value: float = 0.0) -> Value:
    """x with a border."""
    x = data
    if len(pads) != 2 * x.rank:
        raise Refuse(f"{len(pads)} pads for {x.rank} axes", invalid=True)
    constant = g.constant(np.array([value], x.dtype.numpy)) if value else None
    return padded(g, x, pads[: x.rank], pads[x.rank :], mode, constant)


@onnx_op("Pad", since=(11, 13))
def pad_11(g: Builder, data: Value, pads: Value, constant_value: Value | None = None, *, mode: str = "constant") -> Value:
    """x with a border; negative pads crop."""
    return pad(g, data, pads, constant_value, mode=mode)


@onnx_op("Pad", since=(18, 19, 21, 23, 24, 25))
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
    x = data
    chosen = normal_axes(range(x.rank) if axes is None else integers(axes), x.rank)
    if pads.type.size != 2 * len(chosen):
        raise Refuse(f"{pads.type.size} pads for {len(chosen)} axes", invalid=True)
    known = pads.dims()
    if known is not None:
        before: list[Dim] = [0] * x.rank
        after: list[Dim] = [0] * x.rank
        for k, axis in enumerate(chosen):
            before[axis], after[axis] = known[k], known[k + len(chosen)]
        return padded(g, x, before, after, mode, constant_value)
    names = tuple(g.new_symbol(f"size_{k}") for k in range(x.rank))
    layer = movement.DynamicPad(_mode(mode), tuple(chosen), x.shape)
    inputs = [x, g.cast_sizes(pads), constant_value]
    return g.step(layer, inputs, x.type.with_shape(*map(symbol, names)), defines=names)  # type: ignore[no-any-return]


# -- blocks of pixels ------------------------------------------------------------------------------------------------


@onnx_op("DepthToSpace", since=1)
def depth_to_space_1(g: Builder, input: Value, *, blocksize: int) -> Value:
    """Channels become blocks of pixels."""
    return depth_to_space(g, input, blocksize=blocksize)


@onnx_op("DepthToSpace", since=(11, 13, 28))
def depth_to_space(g: Builder, input: Value, *, blocksize: int, mode: str = "DCR") -> Value:
    """Channels become blocks of pixels: a transposition of the axes that both are split into."""
    x = input
    n, c, h, w = x.shape
    b = blocksize
    if mode not in ("DCR", "CRD"):
        raise Refuse(f"mode {mode!r} of DepthToSpace is unknown", invalid=True)
    if b < 1 or (isinstance(c, int) and c % (b * b)):
        raise Refuse(f"{c} channels are not blocks of {b} × {b}", invalid=True)
    depth = c // (b * b)
    if mode == "DCR":
        y = g.transpose(g.view(x, n, b, b, depth, h, w), [0, 3, 4, 1, 5, 2])
    else:
        y = g.transpose(g.view(x, n, depth, b, b, h, w), [0, 1, 4, 2, 5, 3])
    return g.view(y, n, depth, h * b, w * b)


@onnx_op("SpaceToDepth", since=(1, 13))
def space_to_depth_1(g: Builder, input: Value, *, blocksize: int) -> Value:
    """Blocks of pixels become channels."""
    return space_to_depth(g, input, blocksize=blocksize)


@onnx_op("SpaceToDepth", since=28)
def space_to_depth(g: Builder, input: Value, *, blocksize: int, mode: str = "DCR") -> Value:
    """Blocks of pixels become channels."""
    x = input
    n, c, h, w = x.shape
    b = blocksize
    if mode not in ("DCR", "CRD"):
        raise Refuse(f"mode {mode!r} of SpaceToDepth is unknown", invalid=True)
    if b < 1 or any(isinstance(d, int) and d % b for d in (h, w)):
        raise Refuse(f"an image of {h} × {w} does not divide into blocks of {b}", invalid=True)
    split = g.view(x, n, c, h // b, b, w // b, b)
    y = g.transpose(split, [0, 3, 5, 1, 2, 4] if mode == "DCR" else [0, 1, 3, 5, 2, 4])
    return g.view(y, n, c * b * b, h // b, w // b)


@onnx_op("ReverseSequence", since=(10, 28))
def reverse_sequence(g: Builder, input: Value, sequence_lens: Value, *, batch_axis: int = 1, time_axis: int = 0) -> Value:
    """The first sequence_lens[b] steps of every sequence, reversed."""
    x = input
    if x.rank < 2 or sorted((batch_axis, time_axis)) != [0, 1]:
        raise Refuse("time and batch must be the first two axes", invalid=True)
    batch, steps = x.shape[batch_axis], x.shape[time_axis]
    layer = movement.ReverseSequence(time_axis == 0, batch, steps, product(x.shape[2:]))
    return g.step(layer, [x, sequence_lens], x.type)  # type: ignore[no-any-return]


@onnx_op("Trilu", since=14)
def trilu(g: Builder, input: Value, k: Value | None = None, *, upper: int = 1) -> Value:
    """The upper or lower triangle of the last two axes."""
    x = input
    if x.rank < 2:
        raise Refuse(f"a matrix has 2 axes, not {x.rank}", invalid=True)
    rows, columns = x.shape[-2:]
    layer = movement.Trilu(bool(upper), product(x.shape[:-2]), rows, columns)
    return g.step(layer, [x, k], x.type)  # type: ignore[no-any-return]


def zeros(g: Builder, dtype: DType, shape: Sequence[Dim]) -> Value:
    """A tensor of zeros."""
    return filled(g, np.zeros(1, dtype.numpy), shape)


def filled(g: Builder, value: np.ndarray[tuple[int, ...], np.dtype[np.generic]], shape: Sequence[Dim]) -> Value:
    """A tensor that is `value` (one element) everywhere."""
    one = g.constant(value.reshape(1))
    out = TensorType(one.dtype, tuple(shape))
    flat = g.step(movement.Expand((1,), (out.size,)), [one], out.with_shape(out.size))
    return g.view(flat, *shape)
