"""Sizes of axes: integers, or exact expressions over named symbols (`batch`, `2*seq + 1`, `(height - 3)//2 + 1`).

An `Expr` is a polynomial with integer coefficients over *atoms*; an atom is a symbol or an opaque call (floor
division, modulo, minimum, maximum, broadcast) of other expressions. The form is canonical: equal polynomials are equal values,
so `batch*4//4 == batch`. An expression without symbols is always a plain `int`. Ordering is not defined on
expressions (`TypeError`): whoever needs a comparison must say what happens when the answer is not known.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

MAX_DEPTH = 64
"""How deep operations may lie in each other. Models have a dozen: one halving of the image, or one slice, is one."""
MOST_TERMS = 64
"""Of a quotient that is looked for by long division."""


class TooDeep(ValueError):
    """A size would be an expression that nests deeper than MAX_DEPTH."""


@dataclass(frozen=True)
class Symbol:
    """A size that has a name and no value yet; never negative."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Call:
    """An operation that does not reduce to a polynomial: `//`, `%`, `min`, `max` or `broadcast` of two dims."""

    fn: str
    left: Dim
    right: Dim
    depth: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sides = (d for d in (self.left, self.right) if isinstance(d, Expr))
        below = (a.depth for d in sides for monomial, _ in d.terms for a in monomial if isinstance(a, Call))
        object.__setattr__(self, "depth", 1 + max(below, default=0))
        if self.depth > MAX_DEPTH:
            raise TooDeep(f"a size that is only known at run time is computed from others in more than {MAX_DEPTH} steps")

    def __str__(self) -> str:
        if self.fn.isidentifier():
            return f"{self.fn}({self.left}, {self.right})"
        return f"{_parenthesised(self.left)}{self.fn}{_parenthesised(self.right)}"


Atom = Symbol | Call
Monomial = tuple[Atom, ...]
_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "//": lambda a, b: a // b if b else 0,  # as generated code has it: an axis may be empty
    "%": lambda a, b: a % b if b else 0,
    "min": min,
    "max": max,
    "broadcast": lambda a, b: b if a == 1 else a,
}


@dataclass(frozen=True)
class Expr:
    """A polynomial over atoms: monomials (sorted, without zero coefficients) with their coefficients."""

    terms: tuple[tuple[Monomial, int], ...]

    @functools.cached_property
    def symbols(self) -> frozenset[str]:
        """Names of all symbols in the expression."""
        atoms = {atom for monomial, _ in self.terms for atom in monomial}
        inner = [symbols(side) for a in atoms if isinstance(a, Call) for side in (a.left, a.right)]
        return frozenset(a.name for a in atoms if isinstance(a, Symbol)).union(*inner)

    def __add__(self, other: Dim) -> Dim:
        return self if other == 0 else _sum((*self.terms, *_terms(other)))

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return self * -1

    def __sub__(self, other: Dim) -> Dim:
        return self + other * -1

    def __rsub__(self, other: Dim) -> Dim:
        return self * -1 + other

    def __mul__(self, other: Dim) -> Dim:
        if not isinstance(other, Expr):  # most products: the order of terms stays as it is
            if other in (0, 1):
                return self if other else 0
            return Expr(tuple((m, a * int(other)) for m, a in self.terms))
        return _sum((tuple(sorted((*m, *n), key=str)), a * b) for m, a in self.terms for n, b in other.terms)

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        return _divide(self, other)

    def __rfloordiv__(self, other: Dim) -> Dim:
        return _divide(other, self)

    def __mod__(self, other: Dim) -> Dim:
        whole = _divide(self, other)
        remainder = self - whole * other
        return remainder if isinstance(remainder, int) else _atom(Call("%", self, other))

    def __str__(self) -> str:
        parts = []
        for monomial, coefficient in self.terms:
            alone = len(monomial) == 1 and abs(coefficient) == 1
            factors = "*".join(str(a) if isinstance(a, Symbol) or alone else f"({a})" for a in monomial)
            if not monomial:
                text = str(abs(coefficient))
            else:
                text = factors if abs(coefficient) == 1 else f"{abs(coefficient)}*{factors}"
            parts.append(("-" if coefficient < 0 else "+", text))
        head = parts[0][1] if parts[0][0] == "+" else f"-{parts[0][1]}"
        return head + "".join(f" {sign} {text}" for sign, text in parts[1:])

    __repr__ = __str__


Dim = int | Expr


def symbol(name: str) -> Expr:
    """The expression that is the symbol `name` alone."""
    return Expr((((Symbol(name),), 1),))


def product(dims: Iterable[Dim]) -> Dim:
    """The product of all dims (1 if there are none)."""
    return math.prod(dims)


def minimum(left: Dim, right: Dim) -> Dim:
    """The smaller of two dims, as an expression if that is not known."""
    return _extreme("min", left, right)


def maximum(left: Dim, right: Dim) -> Dim:
    """The larger of two dims, as an expression if that is not known."""
    return _extreme("max", left, right)


def ceil_div(left: Dim, right: Dim) -> Dim:
    """⌈left / right⌉ for a positive `right`."""
    return (left + right - 1) // right


def broadcast(shapes: Sequence[tuple[Dim, ...]]) -> tuple[Dim, ...]:
    """The shape that numpy broadcasting gives; ValueError if they cannot fit.

    Of two unlike sizes that are not both known, one may turn out to be 1: then the other one counts. Sizes that turn out not to
    fit are for the layer to report while the model runs.
    """
    rank = max(map(len, shapes), default=0)
    axes = list(zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True))
    if any(len({dim for dim in axis if isinstance(dim, int) and dim != 1}) > 1 for axis in axes):
        raise ValueError(f"shapes {', '.join(map(str, shapes))} do not broadcast")
    return tuple(functools.reduce(_broadcast, axis) for axis in axes)


def _broadcast(left: Dim, right: Dim) -> Dim:
    if left == 1 or right == 1:
        return right if left == 1 else left
    if isinstance(left, int) or isinstance(right, int):
        # the other size is this one or 1
        return left if isinstance(left, int) else right
    sizes = sorted({*_broadcast_of(left), *_broadcast_of(right)}, key=str)
    result: Dim = sizes[0]
    for size in sizes[1:]:
        result = _atom(Call("broadcast", result, size))
    return result


def _broadcast_of(dim: Expr) -> list[Expr]:
    """The sizes that were broadcast to `dim`; itself if it is not the result of that."""
    if len(dim.terms) == 1 and dim.terms[0][1] == 1 and len(dim.terms[0][0]) == 1:
        atom = dim.terms[0][0][0]
        if isinstance(atom, Call) and atom.fn == "broadcast":
            return [d for side in (atom.left, atom.right) if isinstance(side, Expr) for d in _broadcast_of(side)]
    return [dim]


def symbols(dim: Dim) -> frozenset[str]:
    """Names of all symbols in the dim."""
    return dim.symbols if isinstance(dim, Expr) else frozenset()


def multiple(dim: Dim, name: str) -> int | None:
    """The number n with dim = n · symbol; None if there is none."""
    found = dim // symbol(name) if symbols(dim) == {name} else None
    return found if isinstance(found, int) and found * symbol(name) == dim else None


def substitute(dim: Dim, values: Mapping[str, Dim]) -> Dim:
    """The expression with symbols replaced; symbols not in `values` stay."""
    if isinstance(dim, int):
        return dim
    total: Dim = 0
    for monomial, coefficient in dim.terms:
        term: Dim = coefficient
        for atom in monomial:
            if isinstance(atom, Symbol):
                term = term * values.get(atom.name, symbol(atom.name))
            else:
                left, right = substitute(atom.left, values), substitute(atom.right, values)
                term = term * _call(atom.fn, left, right)
        total = total + term
    return total


def evaluate(dim: Dim, values: Mapping[str, int]) -> int:
    """The number that the expression has for the given values (KeyError if one is missing)."""
    found = substitute(dim, values)
    if isinstance(found, Expr):
        raise KeyError(*(found.symbols - values.keys()))
    return found


def _terms(dim: Dim) -> tuple[tuple[Monomial, int], ...]:
    return dim.terms if isinstance(dim, Expr) else (((), int(dim)),)


def _sum(terms: Iterable[tuple[Monomial, int]]) -> Dim:
    total: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, 0) + coefficient
    kept = [(m, c) for m, c in total.items() if c]
    if not kept:
        return 0
    if len(kept) > 1:
        kept.sort(key=lambda t: (-len(t[0]), [str(a) for a in t[0]]))
    return kept[0][1] if len(kept) == 1 and not kept[0][0] else Expr(tuple(kept))


def _atom(call: Call) -> Expr:
    return Expr((((call,), 1),))


def _divide(left: Dim, right: Dim) -> Dim:
    """⌊left / right⌋; terms that `right` divides exactly leave the floor: ⌊(k·q + r)/k⌋ = q + ⌊r/k⌋."""
    if isinstance(right, int) and right == 0:
        raise ZeroDivisionError("size divided by zero")
    if isinstance(left, int) and isinstance(right, int):
        return left // right
    divisor = _terms(right)
    if len(divisor) != 1:
        exact = _exact(left, right)
        return _atom(Call("//", left, right)) if exact is None else exact
    (factors, scale) = divisor[0]
    quotient: list[tuple[Monomial, int]] = []
    rest: list[tuple[Monomial, int]] = []
    for monomial, coefficient in _terms(left):
        remaining = list(monomial)
        fits = coefficient % scale == 0
        for atom in factors:
            if atom in remaining:
                remaining.remove(atom)
            else:
                fits = False
        (quotient if fits else rest).append((tuple(remaining), coefficient // scale) if fits else (monomial, coefficient))
    remainder = _sum(rest)
    whole = _sum(quotient)
    if isinstance(remainder, int) and isinstance(right, int):
        return whole + remainder // right
    return whole if remainder == 0 else whole + _atom(Call("//", remainder, right))


def _exact(left: Dim, right: Dim) -> Dim | None:
    """The polynomial q with q·right = left, by long division; None if there is none, or none of MOST_TERMS."""
    quotient: Dim = 0
    (head, scale), *_ = _terms(right)
    for _ in range(MOST_TERMS + 1):
        if left == 0:
            return quotient
        monomial, coefficient = _terms(left)[0]
        rest = list(monomial)
        if coefficient % scale or any(rest.count(atom) < head.count(atom) for atom in head):
            return None
        for atom in head:
            rest.remove(atom)
        term = _sum([(tuple(rest), coefficient // scale)])
        quotient, left = quotient + term, left - term * right
    return None


def _extreme(fn: str, left: Dim, right: Dim) -> Dim:
    difference = left - right
    if never_negative(difference):
        return left if fn == "max" else right
    if never_negative(-difference):
        return right if fn == "max" else left
    if str(right) < str(left):
        left, right = right, left
    return _atom(Call(fn, left, right))


def never_negative(dim: Dim) -> bool:
    """Whether the expression is ≥ 0 because all it adds up is. If not, it may be either."""

    def atom_ok(atom: Atom) -> bool:
        if isinstance(atom, Symbol):
            return True
        if atom.fn == "max":
            return never_negative(atom.left) or never_negative(atom.right)
        return never_negative(atom.left) and never_negative(atom.right)

    return all(c > 0 and all(map(atom_ok, m)) for m, c in _terms(dim)) or dim == 0


def _call(fn: str, left: Dim, right: Dim) -> Dim:
    if isinstance(left, int) and isinstance(right, int):
        return _OPERATIONS[fn](left, right)
    if fn in ("//", "%") and right == 0:
        return 0
    if fn == "//":
        return left // right
    if fn == "%":
        return left % right if isinstance(left, Expr) else left - (left // right) * right
    return _broadcast(left, right) if fn == "broadcast" else _extreme(fn, left, right)


def _parenthesised(dim: Dim) -> str:
    text = str(dim)
    return text if text.isidentifier() or text.isdigit() else f"({text})"
