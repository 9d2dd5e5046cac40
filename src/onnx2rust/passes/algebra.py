"""Elementwise arithmetic as polynomials, to recognise functions that exporters spell out, in whatever order they do it.

`Expansion.of(value)` multiplies out `Add`, `Sub`, `Mul`, `Div`, `Pow`, `Neg`, `Sqrt` and `Reciprocal`, of booleans and integers
also `Not`, `Where` and casts that keep every number (a boolean is 0 or 1), down to *atoms*: the values where it was told to stop,
and all that is computed by anything else. A polynomial maps monomials (atoms with their powers) to coefficients; equal
polynomials are equal functions of their atoms over the reals, so two orders of rounding are all that a replacement can change.
Sums are only expanded where the operands' shapes are ones that the caller `allows`, so that broadcasting cannot make two
different things look alike.
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
from onnx2rust.passes.graph import Graph

Monomial = frozenset[tuple[Value, float]]
"""Values with exponents, which are halves: exact as floats."""
Poly = dict[Monomial, float]
ONE: Monomial = frozenset()
MAX_TERMS = 8
MAX_DEPTH = 64
"""Steps of arithmetic that are looked through: the longest function that is recognised has some twenty."""
_KEPT: Mapping[DType | None, tuple[DType, ...]] = {
    DType.I32: (DType.BOOL, DType.I32, DType.I16, DType.I8, DType.U16, DType.U8),
    DType.I64: (DType.BOOL, DType.I64, DType.I32, DType.I16, DType.I8, DType.U32, DType.U16, DType.U8),
}
"""Types all of whose numbers the type has."""
CLOSE = 1e-5
"""Relative error at which a constant of the model is the one of the formula: they are f32, some are typed with five digits."""
Allows = Callable[[Shape, Value, Shape, Value], bool]


def same_shape(a_shape: Shape, a: Value, b_shape: Shape, b: Value) -> bool:
    """Allows equal shapes and single constants."""
    return a_shape == b_shape or number(a) is not None or number(b) is not None


def number(value: Value) -> float | None:
    """The value if it is a constant of one element."""
    return float(value.array.ravel()[0]) if value.array is not None and value.array.size == 1 else None


@dataclass(frozen=True)
class Expansion:
    """Polynomials over the atoms `stop` and whatever is not arithmetic, or lies more than `depth` steps back."""

    graph: Graph
    stop: frozenset[Value]
    allows: Allows = same_shape
    depth: int = MAX_DEPTH
    _known: dict[Value, Poly] = field(default_factory=dict, compare=False, repr=False)

    def of(self, value: Value) -> Poly:
        """The value as a polynomial; a single atom if it is not arithmetic or becomes too long."""
        return dict(self._of(value, self.depth))

    def _of(self, value: Value, depth: int) -> Poly:
        value = self.graph.root(value)
        if value not in self._known:
            self._known[value] = self._poly(value, depth)
        return self._known[value]

    def _poly(self, value: Value, depth: int) -> Poly:
        known = number(value)
        if known is not None:
            return {ONE: known}
        atom: Poly = {power(value): 1.0}
        if value in self.stop or value not in self.graph.maker or not depth:
            return atom
        found = self._expanded(self.graph.maker[value], depth - 1)
        return atom if found is None or len(found) > MAX_TERMS else found

    def _expanded(self, step: Step, depth: int) -> Poly | None:
        layer = step.layer
        values = [v for v in step.inputs if v is not None]
        if isinstance(layer, Activate):
            return self._function(layer.activation.name, values[0], depth)
        if isinstance(layer, Cast) and values[0].dtype in _KEPT.get(_dtype(step), ()):
            return self._of(values[0], depth)
        if isinstance(layer, unary.Not) and values[0].dtype is DType.BOOL:
            return _sum({ONE: 1.0}, self._of(values[0], depth), -1)
        if isinstance(layer, Where):
            return self._choice(layer, values, depth)
        if not isinstance(layer, binary.Binary) or not self.allows(layer.a_shape, values[0], layer.b_shape, values[1]):
            return None
        match layer:
            case binary.Add():
                return _sum(self._of(values[0], depth), self._of(values[1], depth), 1)
            case binary.Sub():
                return _sum(self._of(values[0], depth), self._of(values[1], depth), -1)
            case binary.Mul():
                return _product(self._of(values[0], depth), self._of(values[1], depth))
            case binary.Div() if values[0].dtype.is_float:  # whole numbers are truncated
                inverse = _inverse(self._of(values[1], depth))
                return None if inverse is None else _product(self._of(values[0], depth), inverse)
            case binary.Pow():
                return self._power(values[0], number(values[1]), depth)
        return None

    def _choice(self, layer: Where, values: list[Value], depth: int) -> Poly | None:
        """c·a + (1 − c)·b; of whole numbers, where 0 times any of them is 0."""
        shapes, (condition, *_) = (layer.condition_shape, layer.a_shape, layer.b_shape), values
        pairs = zip(shapes[1:], values[1:], strict=True)
        if not values[1].dtype.is_int or not all(self.allows(shapes[0], condition, *other) for other in pairs):
            return None
        c, a, b = (self._of(v, depth) for v in values)
        return _sum(_product(c, a), _product(_sum({ONE: 1.0}, c, -1), b), 1)

    def _function(self, name: str, x: Value, depth: int) -> Poly | None:
        if name == "Neg":
            return _product(self._of(x, depth), {ONE: -1.0})
        if name == "Sqrt":
            return {power(self.graph.root(x), 0.5): 1.0}
        return _inverse(self._of(x, depth)) if name == "Reciprocal" else None

    def _power(self, base: Value, exponent: float | None, depth: int) -> Poly | None:
        if exponent is not None and abs(exponent) == 0.5:
            return {power(self.graph.root(base), exponent): 1.0}
        if exponent not in (2, 3):
            return None
        p = self._of(base, depth)
        result = p
        for _ in range(int(exponent) - 1):
            result = _product(result, p)
        return result


def power(value: Value, exponent: float = 1) -> Monomial:
    """value^exponent"""
    return frozenset({(value, exponent)})


def times(*monomials: Monomial) -> Monomial:
    """Their product."""
    powers: dict[Value, float] = {}
    for monomial in monomials:
        for value, exponent in monomial:
            powers[value] = powers.get(value, 0) + exponent
    return frozenset((v, e) for v, e in powers.items() if e)


def equal(a: Mapping[Monomial, float], b: Mapping[Monomial, float]) -> bool:
    """Whether two polynomials are the same function, up to the rounding of constants."""
    return a.keys() == b.keys() and all(math.isclose(a[m], b[m], rel_tol=CLOSE) for m in a)


def _sum(a: Poly, b: Poly, sign: int) -> Poly:
    total = dict(a)
    for monomial, c in b.items():
        total[monomial] = total.get(monomial, 0.0) + sign * c
    return {m: c for m, c in total.items() if c}


def _product(a: Poly, b: Poly) -> Poly:
    total: Poly = {}
    for m, c in a.items():
        for n, d in b.items():
            key = times(m, n)
            total[key] = total.get(key, 0.0) + c * d
    return {m: c for m, c in total.items() if c}


def _inverse(p: Poly) -> Poly | None:
    if len(p) != 1:
        return None
    ((monomial, c),) = p.items()
    return {frozenset((v, -e) for v, e in monomial): 1 / c}


def ancestors(graph: Graph, step: Step, limit: int) -> list[Step]:
    """Elementwise steps (and the reductions among their inputs) that the step's result comes from, nearest first."""
    queue = [step]
    for near in queue:
        if len(queue) >= limit:
            break
        if near is step or isinstance(near.layer, Activate | binary.Binary | View):
            makers = (graph.maker[v] for v in near.inputs if v is not None and v in graph.maker)
            queue += [m for m in dict.fromkeys(makers) if m not in queue]
    return queue[1:]


def _dtype(step: Step) -> DType | None:
    return step.outputs[0].dtype if step.outputs and step.outputs[0] is not None else None
