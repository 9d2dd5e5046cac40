"""Elementwise arithmetic as polynomials, to recognise functions that exporters spell out, in whatever order they do it.

`Expansion.of(value)` multiplies out `Add`, `Sub`, `Mul`, `Div`, `Pow`, `Neg`, `Sqrt` and `Reciprocal`, of booleans and integers
also `Not`, `Where` and casts that keep every number (a boolean is 0 or 1), down to *atoms*: the values where it was told to stop,
and all that is computed by anything else. Equal polynomials (polynomials.py) are equal functions of their atoms over the reals,
so two orders of rounding are all that a replacement can change. Sums are only expanded where the operands' shapes are ones that
the caller `allows`, so that broadcasting cannot make two different things look alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Step, Value
from onnx2rust.ir.shapes import Shape
from onnx2rust.layers import binary, unary
from onnx2rust.layers.activation import Activate
from onnx2rust.layers.cast import Cast
from onnx2rust.layers.select import Where
from onnx2rust.passes.polynomials import Poly
from onnx2rust.passes.rewriting import Links

MAX_TERMS = 8
MAX_DEPTH = 64
"""Steps of arithmetic that are looked through: the longest function that is recognised has some twenty."""
_KEPT: Mapping[DType, tuple[DType, ...]] = {
    DType.I32: (DType.BOOL, DType.I32, DType.I16, DType.I8, DType.U16, DType.U8),
    DType.I64: (DType.BOOL, DType.I64, DType.I32, DType.I16, DType.I8, DType.U32, DType.U16, DType.U8),
}
"""Types all of whose numbers the type has."""
Allows = Callable[[Shape, Value, Shape, Value], bool]


def same_shape(a_shape: Shape, a: Value, b_shape: Shape, b: Value) -> bool:
    """Allows equal shapes and single constants."""
    return a_shape == b_shape or number(a) is not None or number(b) is not None


def number(value: Value) -> float | None:
    """The value if it is a constant of one element."""
    return float(value.array.ravel()[0]) if value.array is not None and value.array.size == 1 else None


def beside_number(step: Step | None) -> tuple[Value, float, int] | None:
    """x, c, and which operand x is, if the step is of two operands, and c, a constant of one element, is the other."""
    if step is None or not isinstance(step.layer, binary.Binary):
        return None
    a, b = step.uses()
    sides = ((a, number(b), 0), (b, number(a), 1))
    return next(((x, c, side) for x, c, side in sides if c is not None), None)


def times_number(step: Step) -> tuple[Value, float] | None:
    """x and c, if the step is x times c, or x divided by 1/c."""
    x, c, side = beside_number(step) or (None, 0.0, 0)
    if x is None or not c or not math.isfinite(c):
        return None
    if isinstance(step.layer, binary.Div):
        return (x, 1 / c) if side == 0 else None
    return (x, c) if isinstance(step.layer, binary.Mul) else None


def at_least(step: Step | None, floor: float) -> Value | None:
    """x, if the step is max(x, floor)."""
    if step is not None and floor == 0 and is_function(step, "Relu"):
        return step.inputs[0]
    x, bound, _ = beside_number(step) or (None, None, 0)
    return x if step is not None and isinstance(step.layer, binary.Max) and bound == floor else None


def is_function(step: Step | None, name: str) -> bool:
    """Whether the step is this activation."""
    return step is not None and isinstance(step.layer, Activate) and step.layer.activation.name == name


@dataclass(frozen=True)
class Expansion:
    """Polynomials over the atoms `stop` and whatever is not arithmetic, or lies more than `depth` steps back."""

    links: Links
    stop: frozenset[Value]
    allows: Allows = same_shape
    depth: int = MAX_DEPTH
    _known: dict[Value, Poly] = field(default_factory=dict, compare=False, repr=False)

    def of(self, value: Value) -> Poly:
        """The value as a polynomial; a single atom if it is not arithmetic or becomes too long."""
        return self._of(value, self.depth)

    def _of(self, value: Value, depth: int) -> Poly:
        value = self.links.root(value)
        if value not in self._known:
            self._known[value] = self._poly(value, depth)
        return self._known[value]

    def _poly(self, value: Value, depth: int) -> Poly:
        known = number(value)
        if known is not None:
            return Poly.of(known)
        if value in self.stop or value not in self.links.maker or not depth:
            return Poly.of(value)
        found = self._expanded(self.links.maker[value], depth - 1)
        return Poly.of(value) if found is None or len(found.terms) > MAX_TERMS else found

    def _expanded(self, step: Step, depth: int) -> Poly | None:
        layer = step.layer
        values = [*step.uses()]

        def of(k: int) -> Poly:
            return self._of(values[k], depth)

        def power(k: int, exponent: float | None) -> Poly | None:
            if exponent in (0.5, -0.5):  # of a sum too: it is one atom then
                return Poly.of(self.links.root(values[k])) ** float(exponent)
            return of(k) ** int(exponent) if exponent in (2, 3) or (exponent == -1 and len(of(k).terms) == 1) else None

        match layer:
            case Activate():
                name = layer.activation.name
                return -of(0) if name == "Neg" else power(0, {"Sqrt": 0.5, "Reciprocal": -1}.get(name))
            case Cast() if values[0].dtype in _KEPT.get(next(step.results()).dtype, ()):
                return of(0)
            case unary.Not() if values[0].dtype is DType.BOOL:
                return 1 - of(0)
            case Where() if self._chooses(layer, values):
                return of(0) * of(1) + (1 - of(0)) * of(2)
            case binary.Binary() if not self.allows(layer.a_shape, values[0], layer.b_shape, values[1]):
                return None
            case binary.Add():
                return of(0) + of(1)
            case binary.Sub():
                return of(0) - of(1)
            case binary.Mul():
                return of(0) * of(1)
            case binary.Div() if values[0].dtype.is_float:  # whole numbers are truncated
                inverse = power(1, -1)
                return None if inverse is None else of(0) * inverse
            case binary.Pow() if values[0].dtype.is_float:
                return power(0, number(values[1]))
        return None

    def _chooses(self, layer: Where, values: list[Value]) -> bool:
        """Whether it is c·a + (1 − c)·b: of whole numbers, where 0 times any of them is 0."""
        condition, *others = zip((layer.condition_shape, layer.a_shape, layer.b_shape), values, strict=True)
        return values[1].dtype.is_int and all(self.allows(*condition, *other) for other in others)


def ancestors(links: Links, step: Step, limit: int) -> list[Step]:
    """Elementwise steps (and the reductions among their inputs) that the step's result comes from, nearest first."""
    queue = [step]
    for near in queue:
        if len(queue) >= limit:
            break
        if near is step or isinstance(near.layer, Activate | binary.Binary | View):
            makers = (links.maker[v] for v in near.inputs if v is not None and v in links.maker)
            queue += [m for m in dict.fromkeys(makers) if m not in queue and m.reads_tensors()]
    return queue[1:]
