"""Collapsing shapes: kernels get the smallest rank that says the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from onnx2rust.ir.dims import Dim, product

Shape = tuple[Dim, ...]


def collapse_broadcast(shapes: Sequence[Shape]) -> list[Shape]:
    """Shapes of one rank that broadcast against each other, with neighbouring axes merged where every operand treats
    them alike (repeats along both, or has both) and axes of size 1 everywhere dropped. The rank is at least 1."""
    rank = len(shapes[0])
    merged: list[list[Dim]] = []
    previous: tuple[bool, ...] | None = None
    for axis in range(rank):
        dims = [s[axis] for s in shapes]
        repeats = tuple(d == 1 for d in dims)
        if all(repeats):
            continue
        sizes = [d for d in dims if d != 1]
        sure = all(d == sizes[0] for d in sizes)
        if previous == repeats and sure:
            merged[-1] = [m * d for m, d in zip(merged[-1], dims, strict=True)]
        else:
            merged.append(dims)
        previous = repeats if sure else None
    if not merged:
        merged = [[1] * len(shapes)]
    return [tuple(axes) for axes in zip(*merged, strict=True)]


def surely_broadcast(shapes: Sequence[Shape]) -> bool:
    """Whether shapes of one rank broadcast against each other whatever their symbols are: along
    each axis, sizes that are not 1 are the same expression."""
    return all(len({d for d in axis if d != 1}) <= 1 for axis in zip(*shapes, strict=True))


def split_at(shape: Shape, axis: int, count: int = 1) -> tuple[Dim, Dim, Dim]:
    """[outer, axis, inner] around `count` axes from `axis`."""
    return product(shape[:axis]), product(shape[axis : axis + count]), product(shape[axis + count :])


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


def collapse_masked(shape: Shape, mask: Sequence[bool]) -> tuple[Shape, tuple[bool, ...]]:
    """Merges neighbouring axes with the same mark and drops axes of size 1; at least one axis stays."""
    kept = [(dim, mark) for dim, mark in zip(shape, mask, strict=True) if dim != 1] or [(1, False)]
    runs = [(product(dim for dim, _ in run), mark) for mark, run in itertools.groupby(kept, lambda axis: axis[1])]
    return tuple(dim for dim, _ in runs), tuple(mark for _, mark in runs)
