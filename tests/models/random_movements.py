"""What random graphs are made of: movements, and shapes computed the way exporters do."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto
from random_draft import Draft, Tensor, Unfit
from random_kinds import axes_of, has, is_float, is_int, kind, open_tensor, signed, static


@kind(weight=4)
def transpose(d: Draft) -> Any:
    """Any permutation."""
    x = d.pick(open_tensor, lambda t: t.rank > 1)
    perm = d.rng.sample(range(x.rank), x.rank)
    if x.rank == 4 and d.chance(0.5):
        perm = d.rng.choice([[0, 2, 3, 1], [0, 3, 1, 2]])
    return d.node("Transpose", x, perm=perm if d.chance(0.9) else None)


@kind(weight=3)
def reshape(d: Draft) -> Any:
    """Axes that merge, split, come or go, with 0 and -1."""
    x = d.pick(open_tensor)
    wanted: list[int | None] = []
    axis = 0
    while axis < x.rank:
        size = x.shape[axis]
        axis += 1
        if axis < x.rank and d.chance(0.3):
            following = x.shape[axis]
            size = None if size is None or following is None else size * following
            axis += 1
        elif size is not None and size % 2 == 0 and size and d.chance(0.3):
            wanted.append(2)
            size //= 2
        wanted.append(size)
        if d.chance(0.1):
            wanted.append(1)
    open_axes = [k for k, n in enumerate(wanted) if n is None]
    zeros = [k for k, n in enumerate(wanted) if k < x.rank and n == x.shape[k] and (n is None or d.chance(0.2))]
    left = [k for k in open_axes if k not in zeros or d.chance(0.2)]
    if not left and wanted and d.chance(0.4):
        left = [d.rng.randrange(len(wanted))]
    shape = [-1 if k in left else 0 if k in zeros else n for k, n in enumerate(wanted)]
    return d.node("Reshape", x, d.ints(*(0 if n is None else n for n in shape)))


@kind(weight=2)
def reshape_computed(d: Draft) -> Any:
    """Shape → Gather → Concat → Reshape, as exporters write it."""
    x = d.pick(open_tensor, lambda t: t.rank > 0)
    shape = d.node("Shape", x)
    parts = []
    axis = 0
    while axis < x.rank:
        size = _one_size(d, shape, axis)
        axis += 1
        if axis < x.rank and d.chance(0.4):
            size = d.node("Mul", size, _one_size(d, shape, axis))
            axis += 1
        parts.append(size)
    if d.chance(0.4):
        parts[d.rng.randrange(len(parts))] = d.ints(-1)
    elif d.chance(0.3):
        d.rng.shuffle(parts)
    return d.node("Reshape", x, d.node("Concat", *parts, axis=0))


def _one_size(d: Draft, shape: Tensor, axis: int) -> Any:
    form = d.rng.randrange(3)
    if form == 0 and d.opset >= 10:
        return d.node("Slice", shape, d.ints(axis), d.ints(axis + 1), d.ints(0))
    if form == 1:
        return d.node("Gather", shape, d.ints(axis), axis=0)
    return unsqueezed(d, d.node("Gather", shape, d.known(axis, np.int64), axis=0), [0])


def unsqueezed(d: Draft, x: Tensor, axes: list[int]) -> Any:
    """Unsqueeze of any opset."""
    return d.node("Unsqueeze", x, d.ints(*axes)) if d.opset >= 13 else d.node("Unsqueeze", x, axes=axes)


@kind(weight=0.7)
def size_arithmetic(d: Draft) -> Any:
    """Sizes that are computed with: as a number, or as the shape to expand to."""
    x = d.pick(open_tensor, lambda t: t.rank > 0)
    size = _one_size(d, d.node("Shape", x), d.rng.randrange(x.rank)) if d.chance(0.8) else unsqueezed(d, d.node("Size", x), [0])
    for _ in range(d.rng.randint(0, 2)):
        size = d.node(
            d.rng.choice(["Add", "Sub", "Mul", "Div", "Max", "Min"]), *d.rng.sample([size, d.ints(d.rng.randint(1, 4))], 2)
        )
    form = d.rng.randrange(5)
    if form == 0:
        return d.node("Cast", size, to=TensorProto.FLOAT)
    if form == 1:
        return d.node("Expand", d.pick(lambda t: t.rank <= 2), d.node("Concat", d.ints(2), size, axis=0))
    if form == 2 and d.opset >= 9:
        return d.node("ConstantOfShape", size)
    if form == 3 and d.opset >= 11:
        zero = d.known(0, np.int64)
        squeezed = d.node("Squeeze", size, d.ints(0)) if d.opset >= 13 else d.node("Squeeze", size, axes=[0])
        return d.node("Range", zero, squeezed, d.known(1, np.int64))
    if d.opset >= 10:
        y = d.pick(open_tensor, lambda t: t.rank > 0)
        pair = d.rng.choice([(d.ints(0), size), (size, d.ints(100)), (d.ints(1), size)])
        return d.node("Slice", y, *pair, d.ints(d.rng.randrange(y.rank)))
    raise Unfit("nothing to do with a size")


@kind()
def flatten(d: Draft) -> Any:
    """Flatten at any axis."""
    x = d.pick(open_tensor)
    return d.node("Flatten", x, axis=d.rng.randint(0, x.rank))


@kind(weight=1.5)
def squeeze(d: Draft) -> Any:
    """Squeeze of some axes of size 1, or all."""
    x = d.pick(open_tensor, lambda t: 1 in t.shape)
    ones = [k for k, n in enumerate(x.shape) if n == 1]
    axes = [signed(d, a, x.rank) for a in d.rng.sample(ones, d.rng.randint(1, len(ones)))]
    if None not in x.shape and d.chance(0.2):
        return d.node("Squeeze", x)
    return d.node("Squeeze", x, d.ints(*axes)) if d.opset >= 13 else d.node("Squeeze", x, axes=[a % x.rank for a in axes])


@kind(weight=1.5)
def unsqueeze(d: Draft) -> Any:
    """Unsqueeze."""
    x = d.pick(lambda t: t.rank < 5)
    count = d.rng.choice([1, 1, 2])
    return unsqueezed(d, x, sorted(d.rng.sample(range(x.rank + count), count)))


@kind(weight=2.5)
def slices(d: Draft) -> Any:
    """Slice with positive and negative bounds and steps."""
    x = d.pick(open_tensor, lambda t: t.rank > 0)
    axes = axes_of(d, x.rank)
    bounds = [d.rng.choice([(0, 2), (1, 9999), (-3, -1), (-2, 2**31 - 1), (0, -1), (1, 3), (2, 1), (0, 2**63 - 1)]) for _ in axes]
    if d.opset < 10:
        return d.node("Slice", x, axes=[a % x.rank for a in axes], starts=[b[0] for b in bounds], ends=[b[1] for b in bounds])
    steps = [d.rng.choice([1, 1, 2, 3]) for _ in axes]
    for k in range(len(axes)):
        if d.chance(0.25):
            bounds[k], steps[k] = d.rng.choice([(-1, -(2**31)), (9999, -9999), (-1, 0), (2, -9999)]), d.rng.choice([-1, -1, -2])
    parts = [d.ints(*v) for v in ([b[0] for b in bounds], [b[1] for b in bounds], axes, steps)]
    return d.node("Slice", x, *parts[: 4 if any(s != 1 for s in steps) or d.chance(0.5) else 3])


@kind(weight=3)
def concat(d: Draft) -> Any:
    """Concat of values that fit, of one with itself, or with a known part."""
    x = d.pick(lambda t: t.rank > 0)
    axis = d.rng.randrange(x.rank)

    def fits(t: Tensor) -> bool:
        return (
            t.dtype == x.dtype
            and t.rank == x.rank
            and all(
                a.shape[:axis] + a.shape[axis + 1 :] == b.shape[:axis] + b.shape[axis + 1 :]
                for a, b in zip(t.runs, x.runs, strict=True)
            )
        )

    parts = [x, *(d.pick(fits) for _ in range(d.rng.randint(0, 3)))]
    d.rng.shuffle(parts)
    return d.node("Concat", *parts, axis=signed(d, axis, x.rank) if d.opset >= 11 else axis)


@kind(weight=1.5)
def split(d: Draft) -> Any:
    """Split into equal or unequal parts."""
    x = d.pick(open_tensor, lambda t: t.rank > 0)
    axis = d.rng.randrange(x.rank)
    size = static(x, axis)
    axis = signed(d, axis, x.rank) if d.opset >= 11 else axis
    count = d.rng.choice([1, 2, 3])
    if d.opset >= 18 and d.chance(0.3):
        return d.node("Split", x, outputs=count, axis=axis, num_outputs=count)
    if d.opset < 18 and size % count == 0 and d.chance(0.4):
        return d.node("Split", x, outputs=count, axis=axis)
    cuts = sorted(d.rng.randint(0, size) for _ in range(count - 1))
    parts = [b - a for a, b in zip([0, *cuts], [*cuts, size], strict=True)]
    return (
        d.node("Split", x, d.ints(*parts), outputs=count, axis=axis)
        if d.opset >= 13
        else d.node("Split", x, outputs=count, axis=axis, split=parts)
    )


@kind(weight=2)
def gather(d: Draft) -> Any:
    """Gather with known indices of any rank, or with ids known only at run time."""
    x = d.pick(lambda t: t.rank > 0)
    axis = d.rng.randrange(x.rank)
    size = min(a.shape[axis] for a in x.runs)
    if d.chance(0.3):
        indices = d.pick(
            lambda t: t.dtype in (np.dtype(np.int64), np.dtype(np.int32)), lambda t: t.size and t.low >= 0 and t.high < size
        )
    else:
        shape = d.rng.choice([(), (1,), (2,), (3,), (2, 2), (1, 1)])
        low = -size if d.opset >= 11 and d.chance(0.4) else 0
        indices = d.known(d.numpy().integers(low, max(size, low + 1), shape), d.rng.choice([np.int64, np.int32]))
    return d.node("Gather", x, indices, axis=signed(d, axis, x.rank))


@kind(weight=0.7)
def embedding(d: Draft) -> Any:
    """Rows of a table."""
    ids = d.pick(is_int, open_tensor, lambda t: t.low >= 0 and t.high < 8)
    return d.node("Gather", d.known(d.numpy().standard_normal((8, d.rng.randint(1, 6))), np.float32), ids)


@kind(since=11, weight=0.5)
def gather_elements(d: Draft) -> Any:
    """GatherElements with the positions of the largest."""
    x = d.pick(lambda t: t.dtype.kind == "f" and t.exact, lambda t: t.rank > 0)
    axis = d.rng.randrange(x.rank)
    return d.node("GatherElements", d.pick(lambda t: t.rank == x.rank), d.node("ArgMax", x, axis=axis, keepdims=1), axis=axis)


@kind(weight=1.5)
def pad(d: Draft) -> Any:
    """Pad in every mode, also negative: not of empty tensors, which have nothing to take away."""
    x = d.pick(open_tensor, lambda t: t.rank > 0 and t.dtype != bool)
    least = -1 if x.size else 0
    amounts = [d.rng.choice([0, 0, 0, 1, 2, least]) if d.chance(0.8) else 0 for _ in range(2 * x.rank)]
    mode = d.rng.choice(["constant"] if not x.size else ["constant", "constant", "reflect", "edge", *["wrap"] * (d.opset >= 19)])
    if d.opset < 11:
        return d.node("Pad", x, pads=amounts, mode=mode)
    value = d.known(d.rng.choice([0, 1]), x.dtype) if d.chance(0.5) else None
    return d.node("Pad", x, d.ints(*amounts), value, mode=mode)


@kind(since=8)
def expand(d: Draft) -> Any:
    """Expand to a known shape, or to that of another value."""
    x = d.pick(lambda t: t.rank < 5)
    if d.chance(0.5):
        return d.node("Expand", x, d.node("Shape", d.pick(lambda t: t.rank >= x.rank)))
    shape = [d.rng.choice([1, 1, 2, 3]) if n == 1 else 1 if n is None or d.chance(0.4) else n for n in x.shape]
    return d.node("Expand", x, d.ints(*([d.rng.choice([1, 2])] * d.rng.randint(0, 1)), *shape))


@kind()
def tile(d: Draft) -> Any:
    """Tile."""
    x = d.pick(open_tensor, lambda t: t.rank > 0)
    return d.node("Tile", x, d.ints(*(d.rng.choice([1, 1, 2, 3]) for _ in range(x.rank))))


@kind(weight=0.7)
def depth_space(d: Draft) -> Any:
    """DepthToSpace and SpaceToDepth."""
    x = d.pick(is_float, has(4))
    if d.chance(0.5):
        return d.node("SpaceToDepth", x, blocksize=2)
    return d.node("DepthToSpace", x, blocksize=2, mode=d.rng.choice(["DCR", "CRD"]) if d.opset >= 11 else None)


@kind(since=14, weight=0.5)
def trilu(d: Draft) -> Any:
    """A triangle of matrices."""
    x = d.pick(open_tensor, lambda t: t.rank > 1)
    k = d.known(d.rng.randint(-1, 2), np.int64) if d.chance(0.6) else None
    return d.node("Trilu", x, k, upper=d.rng.choice([0, 1]))


@kind(since=11, weight=0.3)
def one_hot(d: Draft) -> Any:
    """OneHot of ids."""
    ids = d.pick(is_int, open_tensor, lambda t: t.rank < 4)
    return d.node("OneHot", ids, d.known(4, np.int64), d.known([0, 1], np.float32), axis=d.rng.choice([-1, 0, None]))


@kind(since=11, weight=0.3)
def found(d: Draft) -> Any:
    """What the data choose: NonZero and Compress."""
    if d.chance(0.5):
        return d.node("NonZero", d.pick(lambda t: t.dtype == bool or t.exact, lambda t: t.rank > 0))
    x = d.pick(open_tensor, lambda t: t.rank > 0)
    return d.node("Compress", x, d.pick(lambda t: t.dtype == bool and t.rank == 1), axis=d.rng.randrange(x.rank))


@kind(since=9, weight=0.4)
def scatter(d: Draft) -> Any:
    """ScatterND and ScatterElements, once called Scatter, of known places."""
    x = d.pick(open_tensor, lambda t: t.rank > 0 and t.size > 0)
    if d.opset >= 13 and d.chance(0.5):
        update = d.node("Gather", x, d.ints(0), axis=0)
        return d.node("ScatterND", x, d.known([[-1]], np.int64), update)
    indices = d.known(np.zeros([1] * x.rank), np.int64)
    op = "ScatterElements" if d.opset >= 11 else "Scatter"
    return d.node(op, x, indices, d.known(np.ones([1] * x.rank), x.dtype), axis=d.rng.randrange(x.rank))


@kind(since=13, weight=0.8)
def size_of_the_data(d: Draft) -> Any:
    """A size that only the data decide, and what can be done with it."""
    ids = d.pick(lambda t: t.dtype.kind in "iu", open_tensor, lambda t: t.size and t.low >= 0 and t.high < 6)
    flat = d.node("Reshape", d.node("Cast", ids, to=TensorProto.INT64), d.ints(-1))
    n = d.node("Slice", flat, d.ints(0), d.ints(1), d.ints(0))
    x = d.pick(open_tensor, lambda t: t.rank > 0)
    axis = d.rng.randrange(x.rank)
    form = d.rng.randrange(7)
    if form == 0:
        return d.node("Slice", x, *d.rng.choice([(d.ints(0), n), (n, d.ints(99))]), d.ints(axis))
    if form == 1:
        return d.node("Tile", x, d.node("Concat", *(n if k == axis else d.ints(1) for k in range(x.rank)), axis=0))
    if form == 2:
        return d.node("Expand", d.pick(lambda t: t.rank <= 1), d.node("Concat", n, d.ints(1), axis=0))
    if form == 3:
        return d.node("Range", d.known(0, np.int64), d.node("Squeeze", n, d.ints(0)), d.known(1, np.int64))
    if form == 4:
        return d.node("TopK", d.pick(is_float, lambda t: t.rank > 0), n, outputs=2, axis=-1)
    if form == 5:
        pads = [d.ints(0)] * (2 * x.rank)
        pads[axis] = n
        return d.node("Pad", x, d.node("Concat", *pads, axis=0))
    return d.node("ConstantOfShape", d.node("Concat", n, d.ints(2), axis=0))
