"""Operators that move elements: transposition, joining, repeating, blocks of pixels.

They work in whatever order their inputs' axes lie in memory (`Builder.layout`), so that none of them forces a transposition.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.program import Value
from onnx2rust.ir.shapes import collapse_broadcast, collapse_untouched
from onnx2rust.layers import movement, unranked
from onnx2rust.layers.shape import ExpandSizes
from onnx2rust.ops.axes import normal_axis
from onnx2rust.ops.unranked import is_unranked, reshaped_by
from onnx2rust.registry import Sizes, onnx_op, reads
from onnx2rust.registry.facts import MOVES, Half, Keeps, Ranks, Strings
from onnx2rust.registry.rules import Wider, Within


@onnx_op("Transpose", since=(1, 13, 21, 23, 24, 25), **MOVES)
def transpose(g: Builder, data: Value, *, perm: list[int] | None = None) -> Value:
    """y axis k is x axis perm[k]; without perm the axes are reversed."""
    order = list(range(data.rank))[::-1] if perm is None else list(perm)
    if sorted(order) != list(range(data.rank)):
        raise Refuse(f"perm {order} is no permutation of {data.rank} axes", invalid=True)
    return g.transpose(data, order)


def _sizes_of_concat(arrays: list[Any], attributes: dict[str, Any]) -> Any:
    return np.concatenate([a.astype(object) for a in arrays], axis=attributes.get("axis", 0))


@onnx_op("Concat", since=(4, 11, 13), sizes=_sizes_of_concat, **MOVES)
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
    # Sizes that can be compared only at run time: a known one is taken, and the layer counts the elements.
    shape = [next((x.shape[k] for x in values if isinstance(x.shape[k], int)), first[k]) for k in range(rank)]
    inner = product(shape[at + 1 :])
    shape[at] = sum((x.shape[at] for x in values[1:]), start=values[0].shape[at])
    layer = movement.Concat(product(shape[:at]), tuple(x.shape[at] * inner for x in values))
    return g.transpose(g.step(layer, values, values[0].tensor.with_shape(*shape)), perm)


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
    y = g.step(movement.Expand(merged_from, merged_to), [stored], x.tensor.with_shape(*to))
    return g.transpose(y, perm)


@onnx_op("Expand", since=(8, 13), reads={1: lambda use: Wider(use.shape(0))}, unknown=1, ranks=Ranks.ANY, **MOVES)
def expand(g: Builder, input: Value, shape: Value) -> Value:
    """x and the shape broadcast together."""
    (count,) = shape.shape
    if is_unranked(input) or not isinstance(count, int):
        return reshaped_by(g, unranked.Expand(), input, g.cast_sizes(shape))
    rank = max(input.rank, count)
    have = (*([1] * (rank - input.rank)), *input.shape)
    target = shape.dims()
    if target is not None:
        want = (*([1] * (rank - count)), *target)
        out = [_broadcast(a, b) for a, b in zip(have, want, strict=True)]
        if all(d is not None for d in out):
            return expanded(g, input, [d for d in out if d is not None])
    sizes = g.sizes_by(ExpandSizes(input.shape), [g.cast_sizes(shape)], *(f"axis_{k}" for k in range(rank)))
    full = g.view(input, *have)
    out_type = input.tensor.with_shape(*sizes)
    return g.step(movement.Expand(full.shape, out_type.shape), [full], out_type)


def _broadcast(a: Dim, b: Dim) -> Dim | None:
    """The size that two broadcast to; None if that is known only at run time."""
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    if isinstance(a, int) and isinstance(b, int):
        raise Refuse(f"sizes {a} and {b} do not broadcast", invalid=True)
    return None


@onnx_op("Tile", since=(6, 13), strings=Strings.TEXT, keeps=Keeps.SOME, reads={1: reads.SIZE})
def tile(g: Builder, input: Value, repeats: Sizes) -> Value:
    """y = x, repeats[d] times along axis d."""
    if len(repeats) != input.rank:
        raise Refuse(f"{len(repeats)} repeats for {input.rank} axes", invalid=True)
    if any(isinstance(n, int) and n < 0 for n in repeats):
        raise Refuse("repeats of Tile are negative", invalid=True)
    shape, (_, counts) = collapse_untouched(input.shape, [n != 1 for n in repeats], input.shape, repeats)
    if all(n == 1 for n in repeats):
        return input
    if len(shape) > 8:
        raise Refuse(f"Tile along {len(shape)} axes is not supported", "up to 8 are")
    out = input.tensor.with_shape(*(d * n for d, n in zip(input.shape, repeats, strict=True)))
    return g.step(movement.Tile(shape, counts), [input], out)


# -- blocks of pixels ------------------------------------------------------------------------------------------------


@onnx_op("DepthToSpace", since=(1, 11, 13, 28), added={11: "mode"})
def depth_to_space(g: Builder, input: Value, *, blocksize: int, mode: str = "DCR") -> Value:
    """Channels become blocks of pixels: a transposition of the axes that both are split into."""
    n, c, h, w = input.shape
    b = blocksize
    if mode not in ("DCR", "CRD"):
        raise Refuse(f"mode {mode!r} of DepthToSpace is unknown", invalid=True)
    if b < 1 or (isinstance(c, int) and c % (b * b)):
        raise Refuse(f"{c} channels are not blocks of {b} × {b}", invalid=True)
    depth = c // (b * b)
    if mode == "DCR":
        y = g.transpose(g.view(input, n, b, b, depth, h, w), [0, 3, 4, 1, 5, 2])
    else:
        y = g.transpose(g.view(input, n, depth, b, b, h, w), [0, 1, 4, 2, 5, 3])
    return g.view(y, n, depth, h * b, w * b)


@onnx_op("SpaceToDepth", since=(1, 13, 28), added={28: "mode"})
def space_to_depth(g: Builder, input: Value, *, blocksize: int, mode: str = "DCR") -> Value:
    """Blocks of pixels become channels."""
    n, c, h, w = input.shape
    b = blocksize
    if mode not in ("DCR", "CRD"):
        raise Refuse(f"mode {mode!r} of SpaceToDepth is unknown", invalid=True)
    if b < 1 or any(isinstance(d, int) and d % b for d in (h, w)):
        raise Refuse(f"an image of {h} × {w} does not divide into blocks of {b}", invalid=True)
    split = g.view(input, n, c, h // b, b, w // b, b)
    y = g.transpose(split, [0, 3, 5, 1, 2, 4] if mode == "DCR" else [0, 1, 3, 5, 2, 4])
    return g.view(y, n, c * b * b, h // b, w // b)


@onnx_op(
    "ReverseSequence",
    since=(10, 28),
    half=Half.MOVES,
    reads={1: lambda use: Within(1, use.shape(0)[use.attribute("time_axis", 0)])},
    unknown=1,
)
def reverse_sequence(g: Builder, input: Value, sequence_lens: Value, *, batch_axis: int = 1, time_axis: int = 0) -> Value:
    """The first sequence_lens[b] steps of every sequence, reversed."""
    if input.rank < 2 or sorted((batch_axis, time_axis)) != [0, 1]:
        raise Refuse("time and batch must be the first two axes", invalid=True)
    batch, steps = input.shape[batch_axis], input.shape[time_axis]
    layer = movement.ReverseSequence(time_axis == 0, batch, steps, product(input.shape[2:]))
    return g.step(layer, [input, sequence_lens], input.type)


@onnx_op("Trilu", since=14, reads={1: reads.always(Within(-2, 2))})
def trilu(g: Builder, input: Value, k: Value | None = None, *, upper: int = 1) -> Value:
    """The upper or lower triangle of the last two axes."""
    if input.rank < 2:
        raise Refuse(f"a matrix has 2 axes, not {input.rank}", invalid=True)
    rows, columns = input.shape[-2:]
    layer = movement.Trilu(bool(upper), product(input.shape[:-2]), rows, columns)
    return g.step(layer, [input, k], input.type)
