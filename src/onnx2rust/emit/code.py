"""Rust as data: statements that know which variables they read and define, with sizes in them that have no text yet.

`Code` is an expression in pieces. Text is made at the very end (`lines.Printer`), when every size has its
name: nothing reads generated text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from onnx2rust.ir.dims import Dim


@dataclass(frozen=True)
class Local:
    """A variable or a parameter."""

    name: str


CPU, LAYERS, INPUTS, WORKSPACE, SHARED = Local("cpu"), Local("l"), Local("inputs"), Local("ws"), Local("d")
FIRST, SAMPLES = Local("first"), Local("samples")
"""In a segment: the first sample of a turn, and how many it takes."""
TURN = "samples of a turn"
"""The symbol whose variable is `SAMPLES`: no name, for a model may call a size of its own `samples`."""


@dataclass(frozen=True)
class Function:
    """A function of tf_layers that the file imports."""

    name: str


@dataclass(frozen=True)
class Member:
    """`.name`: a layer, or a constant, of those that `LAYERS` holds."""

    name: str


@dataclass(frozen=True)
class Size:
    """A size as `usize`; `hint` is what it is called if it needs a name."""

    dim: Dim
    hint: str = "size"


@dataclass(frozen=True)
class Signed:
    """A number that may be negative, as `i64`."""

    dim: Dim


@dataclass(frozen=True)
class Length:
    """The product of sizes, times `factor` + `plus`."""

    shape: tuple[Dim, ...]
    factor: Local | None = None
    plus: int = 0


@dataclass(frozen=True)
class Turn:
    """The part of a whole buffer that belongs to the samples of a loop's turn. `name` says what it holds. It is `passed` on as it
    is, or stands in a struct or an `Option`, which a mutable view would move into. `emit.predict` writes a view or `text` in its
    place."""

    place: str
    name: str
    elements: Dim
    mutable: bool
    text: tuple[Piece, ...]
    passed: bool = True


Piece = str | Local | Function | Member | Size | Signed | Length | Turn


@dataclass(frozen=True)
class Code:
    """An expression."""

    pieces: tuple[Piece, ...] = ()


def code(*pieces: Piece | Code) -> Code:
    """The pieces one behind the other."""
    return Code(tuple(q for p in pieces for q in (p.pieces if isinstance(p, Code) else (p,))))


def joined(items: Iterable[Piece | Code]) -> Code:
    """`a, b, c`."""
    found: list[Piece | Code] = []
    for item in items:
        found += [", ", item] if found else [item]
    return code(*found)


@dataclass(frozen=True)
class Comment:
    """`// text`. `results` are the sizes of what the step below makes: (dim, its name, whether it counts windows)."""

    text: str
    results: tuple[tuple[Dim, str, bool], ...] = ()


@dataclass(frozen=True)
class Do:
    """An expression that is executed, or the last one of a block (`end=""`)."""

    value: Code
    end: str = ";"


@dataclass(frozen=True)
class Let:
    """`let name = value;`, or `let [a, b] = value;`. `found` are the symbols that have values from here on."""

    names: tuple[str, ...]
    value: Code
    array: bool = False
    mutable: bool = False
    found: tuple[str, ...] = ()
    checked: bool = False
    """Whether the value is computed, because it may be an error, even if nobody reads it. What else nobody reads is left out."""


@dataclass(frozen=True)
class Assign:
    """`name = value;`"""

    name: str
    value: Code


@dataclass(frozen=True)
class Changed:
    """Symbols have new values from here on: what is computed from them must be computed again."""

    symbols: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """`head { body }`, and `else { other }`; `branches` names the two for sizes that only one of them needs."""

    head: Code
    body: tuple[Statement, ...]
    other: tuple[Statement, ...] | None = None
    names: tuple[str, ...] = ()
    """What the block's value, an array, is bound to."""
    found: tuple[str, ...] = ()
    branches: str = ""


Statement = Comment | Do | Let | Assign | Changed | Block


def blocks(statement: Statement) -> Iterator[tuple[Statement, ...]]:
    """The statements inside of this one."""
    if isinstance(statement, Block):
        yield statement.body
        if statement.other is not None:
            yield statement.other


def expression(statement: Statement) -> Code:
    """The expression of the statement itself."""
    if isinstance(statement, Block):
        return statement.head
    return Code() if isinstance(statement, Comment | Changed) else statement.value


def defines(statement: Statement) -> tuple[str, ...]:
    """The variables that the statements behind this one can read because of it."""
    return statement.names if isinstance(statement, Let | Block) else ()


def members(statements: Iterable[Statement]) -> Iterator[str]:
    """The layers and constants that the statements, or those inside of them, read, in order; one as often as it is read."""
    for statement in statements:
        yield from (piece.name for piece in expression(statement).pieces if isinstance(piece, Member))
        for inner in blocks(statement):
            yield from members(inner)
