"""Sizes in Rust: sums of products of symbols stand as they are, everything that could go below zero gets a name and is
computed once, in i64, checked.

`SizeTable.settle` is the pass that names them, when all statements are there and before any of them is text: it finds which sizes
need a name, where each is used, and puts the statement that computes it where its symbols have values.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from onnx2rust.base.naming import Escaped, Names, ident, string
from onnx2rust.emit.code import (
    Block,
    Changed,
    Comment,
    Function,
    Length,
    Let,
    Signed,
    Size,
    Statement,
    blocks,
    code,
    expression,
)
from onnx2rust.ir.dims import Call, Dim, Expr, Symbol, symbols

Place = tuple[str, ...]
"""The branches of `if` that a statement lies in, outermost first."""


class Binds(IntEnum):
    """How strongly an expression holds together: what stands as an operand binds at least as the operator asks."""

    NOT = 0
    SUM = 1
    PRODUCT = 2
    ATOM = 3


@dataclass(frozen=True)
class Term:
    """A Rust expression, and how strongly it binds."""

    text: str
    binds: Binds = Binds.ATOM

    def within(self, binds: Binds) -> str:
        """The text as an operand."""
        return self.text if self.binds >= binds else f"({self.text})"


@dataclass(frozen=True)
class NamedSize:
    """A size with a name of its own: `let <name> = size("<name>", <expression>)?;`"""

    name: Escaped
    dim: Expr
    needs: frozenset[str]
    windows: bool = False
    """Whether it counts windows, of which there must be one."""

    @property
    def let(self) -> Let:
        """The statement that computes and checks it."""
        function = Function("window_count" if self.windows else "size")
        value = code(function, f"({string(self.name)}, ", Signed(self.dim), ")?")
        return Let((self.name,), value, checked=True)


class SizeTable:
    """Rust expressions of dims; `locals` are the variables of the symbols, `names` hands out those of sizes that need one."""

    def __init__(self, variables: Mapping[str, str], names: Names) -> None:
        self.locals = dict(variables)
        self._names = names
        self._named: dict[Expr, NamedSize] = {}
        self._places: dict[Expr, set[Place]] = {}
        self._uses: dict[Expr, list[int]] = {}
        self._computed: set[Expr] = set()
        self._number = 0

    # -- the pass ----------------------------------------------------------------------------------------------------

    def settle(self, given: Iterable[str], *parts: list[Statement]) -> tuple[list[Statement], list[list[Statement]]]:
        """Names the sizes in the parts, which run one behind the other once the symbols `given` have values: what is computed
        first, and the parts with what is computed in them."""
        for part in parts:
            self._visit(part, ())
        known, computed, last = set(given), set[Expr](), self._number
        self._number = 0  # both walks number the statements alike
        first = self._ready(known, computed, (), last)
        return first, [self._settled(part, (), known, computed, last) for part in parts]

    def _visit(self, statements: Iterable[Statement], place: Place) -> None:
        for statement in statements:
            self._number += 1
            if isinstance(statement, Comment):
                for dim, hint, windows in statement.results:
                    self._name(dim, hint, windows)
            for piece in expression(statement).pieces:
                if isinstance(piece, Size):
                    self._use(piece.dim, piece.hint, place)
                elif isinstance(piece, Length):
                    for dim in piece.shape:
                        self._use(dim, "size", place)
            for number, inner in enumerate(blocks(statement)):
                self._visit(inner, _branch(statement, number, place))

    def _name(self, dim: Dim, hint: str, windows: bool = False) -> None:
        if not isinstance(dim, Expr) or plain(dim):
            return
        if dim not in self._named:
            self._named[dim] = NamedSize(self._names.unique(ident(hint)), dim, frozenset(symbols(dim)))
        if windows and not self._named[dim].windows:
            self._named[dim] = replace(self._named[dim], windows=True)

    def _use(self, dim: Dim, hint: str, place: Place) -> None:
        if isinstance(dim, Expr) and not plain(dim):
            self._name(dim, hint)
            self._places.setdefault(dim, set()).add(place)
            self._uses.setdefault(dim, []).append(self._number)

    def _home(self, dim: Expr) -> Place:
        """The innermost branch that holds all uses: there the size is computed. Elsewhere it need not make sense."""
        first, *others = sorted(self._places.get(dim, {()}))
        shared = 0
        while shared < len(first) and all(p[: shared + 1] == first[: shared + 1] for p in others):
            shared += 1
        return first[:shared]

    def _ready(
        self, known: set[str], computed: set[Expr], place: Place, last: int, changed: Iterable[str] = ()
    ) -> list[Statement]:
        """The sizes that can be computed now, and that statements up to the one of number `last` use; those that depend on
        `changed` symbols once more."""
        ready = [
            n
            for n in self._named.values()
            if n.needs <= known
            and (n.dim not in computed or not n.needs.isdisjoint(changed))
            and place[: len(home := self._home(n.dim))] == home
            and self._wanted(n.dim, last)
        ]
        computed.update(n.dim for n in ready)
        self._computed.update(computed)
        return [n.let for n in ready]

    def _wanted(self, dim: Expr, last: int) -> bool:
        """Whether a statement behind the current one uses the size; one that none uses is computed once, to be checked."""
        uses = self._uses.get(dim)
        if not uses:
            return dim not in self._computed
        after = bisect_right(uses, self._number)
        return after < len(uses) and uses[after] <= last

    def _settled(
        self, statements: Iterable[Statement], place: Place, known: set[str], computed: set[Expr], last: int
    ) -> list[Statement]:
        found: list[Statement] = []
        for statement in statements:
            self._number += 1
            if isinstance(statement, Block):
                rewritten = {}
                for number, inner in enumerate(blocks(statement)):
                    # what is computed inside is not known behind it
                    at, own, done = _branch(statement, number, place), set(known), set(computed)
                    end = self._number + _count(inner)
                    start = self._ready(own, done, at, end) if at != place else []
                    rewritten[number] = (*start, *self._settled(inner, at, own, done, end))
                statement = replace(statement, body=rewritten[0], other=rewritten.get(1))
            if isinstance(statement, Changed):
                known.update(statement.symbols)
                found += self._ready(known, computed, place, last, statement.symbols)
                continue
            found.append(statement)
            if isinstance(statement, Let | Block) and statement.found:
                known.update(statement.found)
                found += self._ready(known, computed, place, last)
        return found

    # -- expressions -------------------------------------------------------------------------------------------------

    def reads(self, dim: Dim) -> set[str]:
        """The variables that the size's expression reads."""
        if isinstance(dim, Expr) and not plain(dim):
            return {str(self._named[dim].name)}
        return {self.locals[s] for s in symbols(dim)}

    def usize(self, dim: Dim) -> Term:
        """The size, in `usize`."""
        if isinstance(dim, int):
            return Term(grouped(dim))
        if not plain(dim):
            return Term(self._named[dim].name)
        terms = [self._monomial(m, c) for m, c in dim.terms]
        return terms[0] if len(terms) == 1 else Term(" + ".join(t.within(Binds.PRODUCT) for t in terms), Binds.SUM)

    def _monomial(self, monomial: tuple[Symbol | Call, ...], coefficient: int) -> Term:
        factors = [self.locals[str(a)] for a in monomial]
        if coefficient != 1 or not factors:
            factors.append(grouped(coefficient))
        return Term(" * ".join(factors), Binds.PRODUCT if len(factors) > 1 else Binds.ATOM)

    def length(self, length: Length) -> str:
        """The product, numbers multiplied out."""
        number, factors = 1, list[Term]()
        if length.factor is not None:
            name = length.factor.name
            factors.append(Term(f"{name} + {length.plus}", Binds.SUM) if length.plus else Term(name))
        for dim in length.shape:
            if isinstance(dim, int):
                number *= dim
            elif plain(dim) and len(dim.terms) == 1:
                ((monomial, coefficient),) = dim.terms
                number *= coefficient
                factors.append(self._monomial(monomial, 1))
            else:
                factors.append(self.usize(dim))
        if number == 0:
            return "0"
        if number != 1:
            factors.append(Term(grouped(number)))
        if len(factors) == 1:
            return factors[0].text
        return " * ".join(f.within(Binds.PRODUCT) for f in factors) or "1"

    def signed(self, dim: Dim) -> Term:
        """The number, in `i64`."""
        if isinstance(dim, int):
            return Term(str(dim), Binds.ATOM if dim >= 0 else Binds.SUM)
        terms = []
        for monomial, coefficient in dim.terms:
            factors = [
                Term(f"{self.locals[a.name]} as i64", Binds.PRODUCT) if isinstance(a, Symbol) else self._call(a) for a in monomial
            ]
            number = abs(coefficient)
            if number != 1 or not factors:
                factors.append(Term(str(number)))
            product = Term(" * ".join(f.within(Binds.ATOM) for f in factors), Binds.PRODUCT) if len(factors) > 1 else factors[0]
            terms.append((coefficient < 0, product))
        (negative, head), *rest = terms
        if not negative and not rest:
            return head
        text = f"-{head.within(Binds.ATOM)}" if negative else head.within(Binds.PRODUCT)
        return Term(text + "".join(f" {'-' if n else '+'} {t.within(Binds.PRODUCT)}" for n, t in rest), Binds.SUM)

    def _call(self, call: Call) -> Term:
        left, right = self.signed(call.left), self.signed(call.right)
        if call.fn == "broadcast":
            return Term(f"if {left.within(Binds.SUM)} == 1 {{ {right.text} }} else {{ {left.text} }}", Binds.NOT)
        # a number that a method is called on must say its type
        of = Term(f"{left.text}_i64", left.binds) if isinstance(call.left, int) else left
        receiver = of.within(Binds.ATOM)
        if call.fn in ("min", "max"):
            return Term(f"{receiver}.{call.fn}({right.text})")
        method = {"//": "div_euclid", "%": "rem_euclid"}[call.fn]
        if isinstance(call.right, int):
            return Term(f"{receiver}.{method}({right.text})")
        # an axis may be empty
        return Term(f"{receiver}.checked_{method}({right.text}).unwrap_or(0)")


def _branch(statement: Statement, number: int, place: Place) -> Place:
    own = statement.branches if isinstance(statement, Block) else ""
    return (*place, f"{own}.{number}") if own else place


def _count(statements: Iterable[Statement]) -> int:
    """The statements, those inside of others too."""
    return sum(1 + sum(map(_count, blocks(statement))) for statement in statements)


def plain(dim: Dim) -> bool:
    """Whether a size can be written as it is: a number, or a sum of products of symbols."""
    return isinstance(dim, int) or all(c > 0 and all(isinstance(a, Symbol) for a in m) for m, c in dim.terms)


def grouped(number: int) -> str:
    """Digits in groups of three where there are many, as clippy's `unreadable_literal` has it."""
    return f"{number:_}" if abs(number) >= 100_000 else str(number)
