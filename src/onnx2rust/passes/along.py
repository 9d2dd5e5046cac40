"""Reductions of one run of axes, and the shapes that arithmetic with their results may have.

A tensor that is reduced is [outer, n, inner]. Elementwise steps between it and what is made of it are allowed where each operand
is the whole tensor, a computed [outer, 1, inner] or a constant [1, n, 1], so that nothing is repeated along another axis that has
the same size by chance. Shapes are compared as the layers have them, collapsed for both operands together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product as pairs

from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.program import Step, Value
from onnx2rust.ir.shapes import Shape, collapse_broadcast
from onnx2rust.layers.reduce import Reduce
from onnx2rust.passes.algebra import number


@dataclass(frozen=True)
class Along:
    """A tensor [outer, n, inner] that is reduced along n."""

    outer: Dim
    n: Dim
    inner: Dim

    @property
    def shape(self) -> tuple[Dim, Dim, Dim]:
        """[outer, n, inner]"""
        return self.outer, self.n, self.inner

    @property
    def size(self) -> Dim:
        """Number of elements."""
        return product(self.shape)

    def allows(self, a_shape: Shape, a: Value, b_shape: Shape, b: Value) -> bool:
        """Whether the operands of an elementwise step lie along each other (`algebra.Allows`)."""
        if number(a) is not None or number(b) is not None:
            return True
        if a_shape == b_shape and a.array is None and b.array is None:
            return True
        return any([a_shape, b_shape] == collapse_broadcast(both) for both in pairs(self._kinds(a), self._kinds(b)))

    def _kinds(self, value: Value) -> list[Shape]:
        if value.array is not None:
            return [(1, self.n, 1)]
        return [self.shape, (self.outer, 1, self.inner)]


@dataclass(frozen=True)
class Reduced:
    """y is x reduced along one run of axes."""

    x: Value
    y: Value
    along: Along


def reduced(step: Step | None, name: str) -> Reduced | None:
    """What the step reduces, if it is this reduction along one run of axes."""
    layer = None if step is None else step.layer
    if step is None or not isinstance(layer, Reduce) or layer.reduction.name != name or layer.axes.count(True) != 1:
        return None
    at, (x,), (y,) = layer.axes.index(True), step.uses(), step.results()
    return Reduced(x, y, Along(product(layer.shape[:at]), layer.shape[at], product(layer.shape[at + 1 :])))
