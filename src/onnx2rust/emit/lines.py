"""Statements become lines of Rust: the last thing that happens to them, when every size has its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from onnx2rust.emit.code import (
    Assign,
    Changed,
    Code,
    Comment,
    Do,
    Function,
    Length,
    Let,
    Local,
    Member,
    Piece,
    Signed,
    Size,
    Statement,
    blocks,
    defines,
    expression,
)  # fmt: skip
from onnx2rust.emit.sizes import SizeTable
from onnx2rust.ir.dims import symbols


@dataclass
class Printer:
    """Text of statements, and what they read; `sizes` knows every size's name, `locals` every symbol's variable."""

    sizes: SizeTable
    members: Mapping[str, str] = field(default_factory=dict)
    """What layers and constants are called, where it is not what `Layers` calls them."""
    functions: set[str] = field(default_factory=set)
    """The functions that the text has called so far."""

    def reads(self, statements: Iterable[Statement]) -> set[str]:
        """Variables that the statements, or those inside of them, read or assign."""
        found: set[str] = set()
        for statement in statements:
            for piece in expression(statement).pieces:
                found |= self._read(piece)
            if isinstance(statement, Assign):
                found.add(statement.name)
            for inner in blocks(statement):
                found |= self.reads(inner)
        return found

    def free(self, statements: Iterable[Statement], bound: Iterable[str] = ()) -> set[str]:
        """Variables that the statements read before they define them."""
        known, found = set(bound), set[str]()
        for statement in statements:
            for piece in expression(statement).pieces:
                found |= self._read(piece) - known
            for inner in blocks(statement):
                found |= self.free(inner, known)
            known.update(defines(statement))
        return found

    def _read(self, piece: Piece) -> set[str]:
        match piece:
            case Local(name):
                return {name}
            case Size(dim):
                return self.sizes.reads(dim)
            case Signed(dim):
                return {self.sizes.locals[s] for s in symbols(dim)}
            case Length(shape) if 0 in shape:
                return set()
            case Length(shape, factor):
                own = {factor.name} if factor else set[str]()
                return own.union(*map(self.sizes.reads, shape))
        return set()

    def text(self, value: Code) -> str:
        """The expression."""
        return "".join(map(self._text, value.pieces))

    def _text(self, piece: Piece) -> str:
        match piece:
            case Function(name):
                self.functions.add(name)
                return name
            case Local(name):
                return name
            case Member(name):
                return "." + self.members.get(name, name)
            case Size(dim):
                return self.sizes.usize(dim).text
            case Signed(dim):
                return self.sizes.signed(dim).text
            case Length():
                return self.sizes.length(piece)
        assert isinstance(piece, str)
        return piece

    def lines(self, statements: Iterable[Statement], used: set[str]) -> list[str]:
        """The lines of the statements; what is not in `used` gets no name."""
        return [line for statement in statements for line in self._lines(statement, used)]

    def _lines(self, statement: Statement, used: set[str]) -> list[str]:
        if isinstance(statement, Comment):
            return [f"// {statement.text}"]
        if isinstance(statement, Changed):
            return []
        if isinstance(statement, Assign):
            return [f"{statement.name} = {self.text(statement.value)};"]
        if isinstance(statement, Do):
            return [self.text(statement.value) + statement.end]
        shown = [n if n in used else "_" for n in statement.names]
        if isinstance(statement, Let):
            if not statement.array and shown == ["_"] and not statement.checked:
                return []
            target = f"[{', '.join(shown)}]" if statement.array else shown[0]
            return [f"let {'mut ' if statement.mutable else ''}{target} = {self.text(statement.value)};"]
        head = f"let [{', '.join(shown)}] = " if shown else ""
        lines = [f"{head}{self.text(statement.head)} {{", *self.lines(statement.body, used)]
        if statement.other is not None:
            lines += ["} else {", *self.lines(statement.other, used)]
        return [*lines, "};" if head else "}"]
