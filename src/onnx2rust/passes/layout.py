"""Where the elements of a value lie in the value that they were copied from.

A value's elements are numbered in row-major order. `Axes` say where element number i is found in another value: i, written with
the axes' sizes as digits (outermost first), is at Σ digit · step. A view leaves numbers alone, a transposition exchanges axes, an
expansion adds axes of step 0: so any chain of them is one list of axes over the value in front of it. Sizes are polynomials, and
an axis is cut only where the division is exact: what cannot be shown is not seen.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Step, Value
from onnx2rust.layers import binary
from onnx2rust.layers.movement import Expand, Transpose
from onnx2rust.passes.algebra import times_number
from onnx2rust.passes.rewriting import Links

Axis = tuple[Dim, Dim]
Axes = tuple[Axis, ...]


@dataclass(frozen=True)
class Layout:
    """A value is `factor` times the elements of `source` at `axes`."""

    source: Value
    axes: Axes
    factor: float = 1.0

    def axis(self, size: Dim, step: Dim) -> Axes | None:
        """Where the elements 0, step, 2·step … of the value lie; a step of 0 repeats one."""
        if size == 1 or step == 0:
            return ((size, 0),) if size != 1 else ()
        rest = exact(product(n for n, _ in self.axes), size * step)
        groups = None if rest is None else split(self.axes, (rest, size, step))
        return None if groups is None else groups[1]


def exact(dim: Dim, by: Dim) -> Dim | None:
    """dim / by where there is no remainder."""
    if by == 0:
        return None
    quotient = dim // by
    return quotient if quotient * by == dim else None


def joined(axes: Iterable[Axis]) -> Axes:
    """The same axes, neighbours that are one run of memory as one, those of size 1 left out."""
    found: list[Axis] = []
    for size, step in axes:
        if size == 1:
            continue
        if found and found[-1][1] == step * size:
            size = found.pop()[0] * size
        found.append((size, step))
    return tuple(found)


def split(axes: Axes, sizes: Sequence[Dim]) -> list[Axes] | None:
    """The axes in consecutive groups of these sizes, cut where needed; None where that is not possible."""
    rest = list(joined(axes))
    groups: list[Axes] = []
    for size in reversed(sizes):
        group: list[Axis] = []
        need = size
        while need != 1:
            if not rest:
                return None
            n, step = rest.pop()
            more, less = exact(need, n), exact(n, need)
            if more is not None:
                group.append((n, step))
                need = more
            elif less is not None:
                group.append((need, step))
                rest.append((less, step * need))
                need = 1
            else:
                return None
        groups.append(joined(reversed(group)))
    return groups[::-1] if not rest else None


def places(axes: Axes) -> np.ndarray[Any, np.dtype[np.int64]] | None:
    """Where the elements at the axes are, if the sizes are numbers."""
    index = np.zeros(1, np.int64)
    for size, step in axes:
        if not isinstance(size, int) or not isinstance(step, int):
            return None
        index = (index[:, None] + step * np.arange(size)).reshape(-1)
    return index


def inner_sizes(axes: Axes) -> set[int]:
    """Products of the inner sizes: numbers of elements along which something lies differently."""
    sizes = itertools.accumulate((size for size, _ in reversed(axes)), operator.mul)
    return {size for size in sizes if isinstance(size, int) and size > 0}


def layouts(links: Links, value: Value) -> list[Layout]:
    """The value as elements of values in front of it, nearest first: seen through views,
    transpositions, expansions, and products with single numbers."""
    found = [Layout(value, joined([(value.tensor.size, 1)]))]
    while (maker := links.maker.get(found[-1].source)) is not None:
        farther = _before(maker, found[-1])
        if farther is None:
            break
        found.append(farther)
    return found


def _before(maker: Step, layout: Layout) -> Layout | None:
    """What `layout` sees in its source, seen in the input that the source is made from."""
    layer, inputs = maker.layer, maker.inputs
    if isinstance(layer, View) and inputs[0] is not None:
        return Layout(inputs[0], layout.axes, layout.factor)
    if isinstance(layer, binary.Mul | binary.Div) and layout.source.dtype is DType.F32:
        x, factor = times_number(maker) or (None, 1.0)
        return None if x is None else Layout(x, layout.axes, layout.factor * factor)
    if not isinstance(layer, Transpose | Expand) or inputs[0] is None:
        return None
    if isinstance(layer, Transpose):
        groups = split(((product(layer.shape), 1),), layer.shape)
        inner = None if groups is None else tuple(axis for p in layer.perm for axis in groups[p])
    else:
        inner = stretched(layer.source, layer.target)
    if inner is None:
        return None
    step: Dim = 1
    taken: list[Axis] = []
    through = Layout(inputs[0], inner)
    for size, step in layout.axes:
        part = through.axis(size, step)
        if part is None:
            return None
        taken += part
    return Layout(inputs[0], joined(taken), layout.factor)


def stretched(source: Sequence[Dim], target: Sequence[Dim]) -> Axes | None:
    """The axes of a tensor of shape `target` over one of shape `source` that is broadcast to it."""
    found: list[Axis] = []
    step: Dim = 1
    for own, size in zip(reversed(source), reversed(target), strict=True):
        if own not in (1, size):
            return None
        found.append((size, step if own == size and size != 1 else 0))
        step = step * own
    return tuple(reversed(found))


def broadcast(links: Links, value: Value, shape: Sequence[Dim], whole: Sequence[Dim]) -> list[Layout]:
    """The layouts of a value of `shape` that is broadcast to `whole`, nearest first; without those that cannot be told."""
    axes = stretched(shape, whole)
    found = []
    for layout in layouts(links, value) if axes is not None else ():
        parts = [layout.axis(size, step) for size, step in axes or ()]
        if layout.factor == 1 and all(p is not None for p in parts):
            found.append(Layout(layout.source, joined(axis for p in parts for axis in p or ())))
    return found
