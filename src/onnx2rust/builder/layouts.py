"""Memory layouts: transposes wait until someone needs their elements where they belong (docs/adr/0003)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from onnx2rust.builder.steps import Steps
from onnx2rust.ir.dims import Dim, broadcast, product
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer, View
from onnx2rust.ir.program import KnownSizes, Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers.movement import Transpose


class Layouts(Steps):
    """Steps whose inputs may be views and transposes that have not been carried out yet."""

    def __init__(self) -> None:
        super().__init__()
        self._pending: dict[Value, tuple[Value, tuple[int, ...]]] = {}
        self._moved: dict[Value, Value] = {}
        self._viewed: dict[Value, Value] = {}

    def settled(self, value: Value) -> Value:
        """The value with its elements where they belong."""
        return self._move(value) if value in self._pending else value

    def view(self, x: Value, *shape: Dim) -> Value:
        """The same elements under another shape. A view of a view looks at the source, or is the source."""
        x = self._viewed.get(x, x)
        if x.tensor.shape == tuple(shape):
            return x
        if x.const is not None:
            plain = [d for d in shape if isinstance(d, int)]
            if len(plain) == len(shape):
                return self._rearranged(x, lambda content: content.reshape(plain))
        if x in self._pending and [d for d in shape if d != 1] == [d for d in x.shape if d != 1]:
            # only axes of size 1 come or go: they can stand anywhere in memory, so the transpose can wait
            source, perm = self._pending[x]
            wide = [p for p in range(source.rank) if source.shape[p] != 1]
            units = len(shape) - len(wide)
            flat = self.view(source, *(source.shape[p] for p in wide), *([1] * units))
            moved = iter([wide.index(p) for p in perm if source.shape[p] != 1])
            ones = iter(range(len(wide), len(shape)))
            return self.transpose(flat, [next(ones) if d == 1 else next(moved) for d in shape])
        source = self.settled(x)
        y = self.step(View(), [source], x.tensor.with_shape(*shape))
        self._viewed[y] = source
        return y

    def _rearranged(self, x: Value, rearrange: Callable[[Any], Any]) -> Value:
        content = rearrange(x.array) if x.sizes is None else KnownSizes(rearrange(x.sizes))
        return self.constant(content, x.name, x.dtype, x.tensor.names)

    def transpose(self, x: Value, perm: Sequence[int]) -> Value:
        """y axis k is x axis perm[k]. Nothing is moved yet: see `layout`."""
        source, first = self._pending.get(x, (x, tuple(range(x.rank))))
        perm = tuple(first[p] for p in perm)
        if x.const is not None:
            return self._rearranged(x, lambda content: np.array(np.transpose(content, perm), order="C"))
        if perm == tuple(range(len(perm))):
            return source
        y = Value(f"{source.name}.transposed", source.tensor.with_shape(*(source.shape[p] for p in perm)))
        self._pending[y] = (source, perm)
        return y

    def _move(self, y: Value) -> Value:
        """A transposed value as elements in memory; a view if only axes of size 1 change places."""
        if y not in self._moved:
            source, perm = self._pending[y]
            source = self.settled(source)
            kept = [p for p in perm if source.shape[p] != 1]
            still = kept == sorted(kept)
            self._moved[y] = self.view(source, *y.shape) if still else self.step(Transpose(perm, source.shape), [source], y.type)
        return self._moved[y]

    def layout(self, inputs: Sequence[Value], rank: int) -> tuple[tuple[int, ...], list[Value]]:
        """The inputs in one common memory layout, to work in whatever order their axes lie in memory.

        Transposes are not carried out where they stand: a transposed value remembers its source. An operator that can work in any
        order of axes asks for its inputs' `layout`: `(perm, values)`, where every value has `rank` axes (1s are put in front) and
        logical axis i is axis perm[i] of the values. It computes on them and returns `g.transpose(result, perm)`. So chains of
        such operators between channels-last layers run without moving anything, and transposes cancel. An operator that does not
        ask gets its input moved.
        """
        identity = tuple(range(rank))
        perm = next((self._pending[x][1] for x in inputs if x in self._pending and x.rank == rank), identity)
        values = []
        for x in inputs:
            if x in self._pending and x.rank == rank and self._pending[x][1] == perm:
                values.append(self._pending[x][0])
                continue
            full = self.view(x, *([1] * (rank - x.rank)), *x.shape)
            # storage axis perm[i] is logical axis i
            values.append(self.transpose(full, [perm.index(k) for k in range(rank)]))
        return perm, values

    def strides_of(self, x: Value) -> tuple[Value, tuple[Dim, ...]]:
        """The value as it lies in memory (a transpose not carried out), and the step along each of x's axes, in elements."""
        source, perm = self._pending.get(x, (x, tuple(range(x.rank))))
        inner = [product(source.shape[p + 1 :]) for p in perm]
        return source, tuple(inner)

    def elementwise(self, layer: Callable[..., Layer], inputs: Sequence[Value], dtype: DType, **more: Any) -> Value:
        """y = f(inputs) element by element with numpy's broadcasting, in the layout that the inputs have.

        `layer(*shapes)` makes the layer for the inputs' shapes (all of the output's rank)."""
        rank = max(x.rank for x in inputs)
        perm, values = self.layout(inputs, rank)
        shape = broadcast([v.shape for v in values])
        y = self.step(layer(*(v.shape for v in values)), values, TensorType(dtype, shape), **more)
        return self.transpose(y, perm)

    def to_channels_last(self, x: Value) -> Value:
        """[n, c, *s] → [n, *s, c]"""
        return self.transpose(x, [0, *range(2, x.rank), 1])

    def to_channels_first(self, x: Value) -> Value:
        """[n, *s, c] → [n, c, *s]"""
        return self.transpose(x, [0, x.rank - 1, *range(1, x.rank - 1)])
