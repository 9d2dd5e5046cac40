"""Polynomials over values, written as formulas: `x / 2 * (1 + f)`.

A polynomial maps monomials (values with their powers) to coefficients. Equal polynomials are equal
functions over the reals, however they were written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from onnx2rust.ir.program import Value

CLOSE = 1e-5
"""Relative error at which a constant of the model is the one of the formula: they are f32, some are typed with five digits."""
Monomial = frozenset[tuple[Value, float]]
"""Values with exponents, which are halves: exact as floats."""
_ONE: Monomial = frozenset()


@dataclass(frozen=True)
class Poly:
    """A sum of monomials times their coefficients, none of which is 0."""

    terms: Mapping[Monomial, float] = field(default_factory=dict)

    @staticmethod
    def sum(terms: Iterable[tuple[Monomial, float]]) -> Poly:
        """The polynomial of these terms, those of one monomial added up."""
        total: dict[Monomial, float] = {}
        for monomial, c in terms:
            total[monomial] = total.get(monomial, 0.0) + c
        return Poly({m: c for m, c in total.items() if c})

    @staticmethod
    def of(x: Poly | Value | float) -> Poly:
        """A value, or a number, as a polynomial."""
        if isinstance(x, Poly):
            return x
        return Poly({frozenset({(x, 1.0)}): 1.0}) if isinstance(x, Value) else Poly.sum([(_ONE, float(x))])

    def __add__(self, other: Poly | float) -> Poly:
        return Poly.sum((*self.terms.items(), *Poly.of(other).terms.items()))

    def __sub__(self, other: Poly | float) -> Poly:
        return Poly.sum((*self.terms.items(), *((m, -c) for m, c in Poly.of(other).terms.items())))

    def __mul__(self, other: Poly | float) -> Poly:
        if not isinstance(other, Poly):
            return Poly({m: c * other for m, c in self.terms.items()} if other else {})
        return Poly.sum([(_times(m, n), c * d) for m, c in self.terms.items() for n, d in other.terms.items()])

    def __truediv__(self, other: Poly | float) -> Poly:
        return self * Poly.of(other) ** -1

    def __pow__(self, exponent: float) -> Poly:
        """To a whole power above 0; to a fraction or below 0 if it has one term."""
        if exponent < 0:
            ((monomial, c),) = (self**-exponent).terms.items()
            return Poly({frozenset((v, -e) for v, e in monomial): 1 / c})
        if exponent != int(exponent):
            ((monomial, c),) = self.terms.items()
            return Poly({frozenset((v, e * exponent) for v, e in monomial): c**exponent})
        result = self
        for _ in range(int(exponent) - 1):
            result *= self
        return result

    def __neg__(self) -> Poly:
        return self * -1

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: float) -> Poly:
        return -self + other

    @property
    def constant(self) -> float:
        """The term without values."""
        return self.terms.get(_ONE, 0.0)

    @property
    def value(self) -> Value | None:
        """The value that it is, if it is just one."""
        return next((v for m in self.terms for v, _ in m if self == Poly.of(v)), None)

    def __getitem__(self, value: Value) -> float:
        """The coefficient of the value alone."""
        return self.terms.get(frozenset({(value, 1.0)}), 0.0)

    def is_close(self, other: Poly) -> bool:
        """Whether two polynomials are the same function, up to the rounding of constants."""
        a, b = self.terms, other.terms
        return a.keys() == b.keys() and all(math.isclose(a[m], b[m], rel_tol=CLOSE) for m in a)

    def without(self, part: Poly) -> Poly | None:
        """What is left of it without `part`; None if a term of that is not here, up to the rounding of constants."""
        ours = Poly({m: c for m, c in self.terms.items() if m in part.terms})
        return Poly({m: c for m, c in self.terms.items() if m not in part.terms}) if ours.is_close(part) else None


def _times(m: Monomial, n: Monomial) -> Monomial:
    if not m or not n:
        return m or n
    powers = dict(m)
    for value, exponent in n:
        powers[value] = powers.get(value, 0.0) + exponent
    return frozenset((v, e) for v, e in powers.items() if e)
