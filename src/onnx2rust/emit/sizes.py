"""Sizes in Rust: sums of products of symbols stand as they are, everything that could go below zero gets a name and is
computed once, in i64, checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from onnx2rust.dims import Call, Dim, Expr, Symbol, symbols
from onnx2rust.naming import LOCALS, Escaped, Names, ident


@dataclass(frozen=True)
class NamedSize:
    """A size with a name of its own: `let <name> = size("<what>", <expression>)?;`"""

    name: Escaped
    dim: Expr
    needs: frozenset[str]
    windows: bool = False
    """Whether it counts windows, of which there must be one."""

    @property
    def rust(self) -> Escaped:
        """The i64 expression that computes it."""
        return Escaped(_bare(self.dim))

    @property
    def let(self) -> str:
        """The statement that computes and checks it."""
        check = "window_count" if self.windows else "size"
        return f'let {self.name} = {check}("{self.name}", {self.rust})?;'


class SizeTable:
    """Hands out Rust expressions for dims, and remembers which named sizes they need."""

    def __init__(self, given: Iterable[str]) -> None:
        self._names = Names([*LOCALS, *given])
        self._named: dict[Expr, NamedSize] = {}
        self._places: dict[Expr, set[tuple[str, ...]]] = {}
        self.place: tuple[str, ...] = ()
        """The branches of `If` that what is being written lies in, outermost first."""

    @property
    def named(self) -> list[NamedSize]:
        """Named sizes in order of first use."""
        return list(self._named.values())

    def home(self, size: NamedSize) -> tuple[str, ...]:
        """The innermost branch that holds all uses seen so far: there the size is computed. Elsewhere it need not make sense."""
        first, *others = sorted(self._places.get(size.dim, {()}))
        shared = 0
        while shared < len(first) and all(p[: shared + 1] == first[: shared + 1] for p in others):
            shared += 1
        return first[:shared]

    def name(self, dim: Dim, hint: str, windows: bool = False) -> None:
        """Suggests a name for a dim, if it will need one; `windows` if it counts windows."""
        if not isinstance(dim, Expr) or _plain(dim):
            return
        if dim not in self._named:
            self._named[dim] = NamedSize(self._names.unique(ident(hint)), dim, frozenset(symbols(dim)))
        if windows and not self._named[dim].windows:
            self._named[dim] = replace(self._named[dim], windows=True)

    def rust(self, dim: Dim, hint: str = "size") -> str:
        """A usize expression."""
        if isinstance(dim, int):
            return _grouped(dim)
        if _plain(dim):
            return " + ".join(_monomial(m, c) for m, c in dim.terms)
        self.name(dim, hint)
        self._places.setdefault(dim, set()).add(self.place)
        return str(self._named[dim].name)

    def length(self, shape: Iterable[Dim], hint: str = "size") -> str:
        """The usize product of a shape, numbers multiplied out."""
        number, factors = 1, []
        for dim in shape:
            if isinstance(dim, int):
                number *= dim
            else:
                factors.append(self.rust(dim, hint))
        if number != 1 and number != 0:
            factors.append(_grouped(number))
        if number == 0:
            return "0"
        if len(factors) > 1:
            factors = [f"({f})" if " + " in f else f for f in factors]
        return " * ".join(factors) or "1"

    def signed(self, dim: Dim) -> str:
        """An i64 expression for a dim that may be negative."""
        return str(dim) if isinstance(dim, int) else _signed(dim)


def _plain(dim: Expr) -> bool:
    return all(c > 0 and all(isinstance(a, Symbol) for a in m) for m, c in dim.terms)


def _monomial(monomial: tuple[Symbol | Call, ...], coefficient: int) -> str:
    factors = [str(a) for a in monomial]
    if coefficient != 1 or not factors:
        factors.append(_grouped(coefficient))
    return " * ".join(factors)


def _grouped(number: int) -> str:
    """Digits in groups of three where there are many, as clippy's `unreadable_literal` has it."""
    return f"{number:_}" if abs(number) >= 100_000 else str(number)


def _signed(dim: Dim) -> str:
    if isinstance(dim, int):
        return str(dim)
    parts = []
    for monomial, coefficient in dim.terms:
        factors = [f"{a} as i64" if isinstance(a, Symbol) else _call(a) for a in monomial]
        if len(factors) > 1 or abs(coefficient) != 1:
            factors = [f"({f})" if " as " in f else f for f in factors]
        if not factors or abs(coefficient) != 1:
            factors.append(str(abs(coefficient)))
        parts.append(("-" if coefficient < 0 else "+", " * ".join(factors)))
    head = ("-" if parts[0][0] == "-" else "") + (f"({parts[0][1]})" if parts[0][0] == "-" else parts[0][1])
    return head + "".join(f" {sign} {text}" for sign, text in parts[1:])


def _bare(dim: Dim) -> str:
    """As `_signed`, for a place where nothing stands beside it: an `if` needs no parentheses there."""
    text = _signed(dim)
    lone = isinstance(dim, Expr) and len(dim.terms) == 1 and len(dim.terms[0][0]) == 1 and dim.terms[0][1] == 1
    return text[1:-1] if lone and text.startswith("(if ") else text


def _call(call: Call) -> str:
    # a number that a method is called on must say its type
    left = f"{call.left}_i64" if isinstance(call.left, int) else _signed(call.left)
    right = _bare(call.right)
    if call.fn == "broadcast":
        return f"(if {left} == 1 {{ {right} }} else {{ {_bare(call.left)} }})"
    left = f"({_bare(call.left)})" if isinstance(call.left, Expr) else f"({left})"
    if call.fn in ("min", "max"):
        return f"{left}.{call.fn}({right})"
    method = {"//": "div_euclid", "%": "rem_euclid"}[call.fn]
    if isinstance(call.right, int):
        return f"{left}.{method}({right})"
    # an axis may be empty
    return f"{left}.checked_{method}({right}).unwrap_or(0)"
