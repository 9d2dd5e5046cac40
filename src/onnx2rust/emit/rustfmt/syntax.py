"""Tokens of Rust, and the expressions that generated code is made of.

It is not a parser of Rust: what it does not know raises `Unknown`, and stays as the template has it.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(\s*)(
        //[^\n]* |
        b?"(?:[^"\\]|\\.)*" | '(?:[^'\\\n]|\\[^']+)' |
        '[A-Za-z_]\w* |
        \d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?(?:[A-Za-z_]\w*)? |
        [A-Za-z_]\w* |
        \.\.=|\.\.|::|->|=>|==|!=|<=|>=|&&|\|\||[-+*/%|^]=|[^\s\w] |
        \Z
    )""",
    re.DOTALL | re.VERBOSE,
)
"""Blanks, and a token behind them: a comment, a string, a character, a lifetime, a number, a word, a sign, or the end."""
_LITERAL = re.compile(r"""\d|b?"|'.+'$""", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]")


class Unknown(Exception):
    """Syntax that this room does not know."""


def texts(source: str) -> list[str]:
    """The tokens of the source, comments among them."""
    return [text for _, text in _TOKEN.findall(source)]


class Expr:
    """An expression."""


@dataclass(frozen=True, eq=False)
class Atom(Expr):
    """A literal or a path: never broken."""

    text: str


@dataclass(frozen=True, eq=False)
class Call(Expr):
    """`callee(arguments)`; `brackets` are `()`, or `[]` of an array (whose callee is empty) and of a macro."""

    callee: str
    arguments: tuple[Expr, ...]
    brackets: str = "()"


@dataclass(frozen=True, eq=False)
class Link(Expr):
    """`of.name(arguments)`, a field where there are no arguments, `of?` where the name is empty."""

    of: Expr
    name: str
    arguments: tuple[Expr, ...] | None = None


@dataclass(frozen=True, eq=False)
class Index(Expr):
    """`of[index]`."""

    of: Expr
    index: Expr


@dataclass(frozen=True, eq=False)
class Prefix(Expr):
    """`&x`, `-x`, `..x`, `return x`."""

    sign: str
    of: Expr


@dataclass(frozen=True, eq=False)
class Binary(Expr):
    """`a + b`, `a..b`; operands of one precedence stand side by side."""

    operands: tuple[Expr, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Cast(Expr):
    """`x as i64`."""

    of: Expr
    type: str


@dataclass(frozen=True, eq=False)
class Repeat(Expr):
    """`[x; n]`, with the name of the macro before it."""

    name: str
    of: Expr
    count: Expr


@dataclass(frozen=True, eq=False)
class Struct(Expr):
    """`Name { field: value, ..rest }`; a field without a value is written once. Also a pattern."""

    name: str
    fields: tuple[tuple[str, Expr | None], ...]
    rest: Expr | None = None
    pattern_rest: bool = False


@dataclass(frozen=True, eq=False)
class Closure(Expr):
    """`|x| body`."""

    head: str
    body: Expr


@dataclass(frozen=True, eq=False)
class If(Expr):
    """`if condition { then } else { other }`; the blocks are ranges of tokens."""

    condition: Expr
    then: tuple[int, int]
    other: tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class Let(Expr):
    """`let pattern = value`, a condition."""

    pattern: str
    value: Expr


_LEVELS = [("||",), ("&&",), ("==", "!=", "<", ">", "<=", ">="), ("|",), ("^",), ("&",), ("+", "-"), ("*", "/", "%")]
_PRECEDENCE = {sign: level for level, signs in enumerate(_LEVELS) for sign in signs}
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class Parser:
    """Reads expressions from tokens."""

    def __init__(self, source: str) -> None:
        self.source, self.at = source.rstrip(), 0
        found = _TOKEN.findall(self.source)
        self.tokens: list[str] = [text for _, text in found]
        self._ends = list(itertools.accumulate(len(blanks) + len(text) for blanks, text in found))
        assert self._ends[-1] == len(self.source), self.source[self._ends[-1] :][:20]

    @property
    def next(self) -> str:
        """The next token."""
        return self.tokens[self.at]

    def begin(self, token: int) -> int:
        """Where in the source a token begins."""
        return self._ends[token] - len(self.tokens[token])

    def blank(self, token: int) -> bool:
        """Whether an empty line stands before a token."""
        return self.source.count("\n", self._ends[token - 1] if token else 0, self.begin(token)) > 1

    def take(self, text: str | None = None) -> str:
        """Goes on behind the next token, which must be `text`."""
        found = self.next
        if text is not None and found != text:
            raise Unknown(f"{found!r} for {text!r}")
        self.at += 1
        return found

    def took(self, text: str) -> bool:
        """Goes on behind the next token if it is `text`."""
        if self.next != text:
            return False
        self.at += 1
        return True

    def text(self, start: int, end: int | None = None) -> str:
        """The source of the tokens as one line."""
        last = self.at if end is None else end
        if any(t.startswith("//") for t in self.tokens[start:last]):
            raise Unknown("a comment")
        return " ".join(self.source[self.begin(start) : self._ends[last - 1]].split()) if last > start else ""

    def closing(self, start: int) -> int:
        """The token that closes the bracket at `start`."""
        depth = 0
        for k in range(start, len(self.tokens)):
            depth += (self.tokens[k] in _CLOSING) - (self.tokens[k] in _CLOSING.values())
            if not depth:
                return k
        raise Unknown("no closing bracket")

    def until(self, *stops: str) -> str:
        """The source up to one of the signs, which is no part of a bracket or of a type's arguments."""
        start, angle = self.at, 0
        while angle or self.next not in stops:
            if not self.next:
                raise Unknown("the end")
            if self.next in _CLOSING:
                self.at = self.closing(self.at)
            angle += (self.next == "<") - (self.next == ">")
            self.at += 1
        return self.text(start)

    # -- expressions -------------------------------------------------------------------------------------------------

    def expression(self, structs: bool = True) -> Expr:
        """A whole expression; without `structs`, a brace ends it."""
        if self.next in ("..", "..="):
            sign = self.take()
            return Atom(sign) if self.next in ("]", ")", "}", ",") else Prefix(sign, self._binary(0, structs))
        left = self._binary(0, structs)
        if self.next in ("..", "..="):
            sign = self.take()
            right = Atom("") if self.next in ("]", ")", "}", ",", "{") else self._binary(0, structs)
            return Binary((left, right), (sign,))
        return left

    def _binary(self, lowest: int, structs: bool) -> Expr:
        """Operators that bind as `lowest` does, or closer."""
        found = self._cast(structs)
        while (level := _PRECEDENCE.get(self.next, -1)) >= lowest:
            operands, signs = [found], list[str]()
            while _PRECEDENCE.get(self.next) == level:
                signs.append(self.take())
                operands.append(self._binary(level + 1, structs))
            found = Binary(tuple(operands), tuple(signs))
        return found

    def _cast(self, structs: bool) -> Expr:
        found = self._unary(structs)
        while self.took("as"):
            start = self.at
            self.at += 1
            found = Cast(found, self.text(start))
        return found

    def _unary(self, structs: bool) -> Expr:
        if self.next in ("&", "-", "!", "*"):
            sign = self.take()
            if sign == "&" and self.took("mut"):
                sign = "&mut "
            return Prefix(sign, self._unary(structs))
        if self.next in ("|", "||", "move"):
            start = self.at
            self.took("move")
            if not self.took("||"):
                self.take("|")
                self.until("|")
                self.take("|")
            return Closure(self.text(start), self.expression(structs))
        if self.next == "return":
            self.take()
            return Atom("return") if self.next in (";", "}") else Prefix("return ", self.expression(structs))
        if self.took("let"):
            pattern = self.until("=")
            self.take("=")
            return Let(pattern, self._cast(structs))
        return self._behind(self._primary(structs), structs)

    def _behind(self, found: Expr, structs: bool) -> Expr:
        while True:
            if self.took("?"):
                found = Link(found, "")
            elif self.next == "[":
                self.take()
                found = Index(found, self.expression())
                self.take("]")
            elif self.took("."):
                start = self.at
                self.at += 1
                if self.next == "::":
                    self.take()
                    self.take("<")
                    self.until(">")
                    self.take(">")
                name = self.text(start)
                found = Link(found, name, self.list("(", ")") if self.next == "(" else None)
            else:
                return found

    def list(self, opening: str, closing: str) -> tuple[Expr, ...]:
        """`(a, b)`."""
        self.take(opening)
        found = []
        while not self.took(closing):
            found.append(self.expression())
            if self.next != closing:
                self.take(",")
        return tuple(found)

    def _primary(self, structs: bool) -> Expr:
        token = self.next
        if _LITERAL.match(token):
            return Atom(self.take())
        if self.next == "(":
            inside = self.list("(", ")")
            trailing = self.tokens[self.at - 2] == ","
            if len(inside) == 1 and trailing:
                raise Unknown("a tuple of one")
            return Call("", inside)
        if self.next == "[":
            return self._array("")
        if self.next == "if":
            return self._if()
        if not _WORD.match(token) or token in ("match", "loop", "while", "for", "unsafe", "async"):
            raise Unknown(token)
        return self._path(structs)

    def _path(self, structs: bool) -> Expr:
        start = self.at
        self.at += 1
        while self.took("::"):
            if self.took("<"):
                self.until(">")
                self.take(">")
            else:
                self.at += 1
        last = self.tokens[self.at - 1]
        if self.took("!"):
            name = self.text(start)
            if self.next == "[":
                return self._array(name)
            return Call(name, self.list("(", ")"))
        name = self.text(start)
        if self.next == "(":
            return Call(name, self.list("(", ")"))
        if self.next == "{" and structs and last[:1].isupper():
            return self._struct(name)
        return Atom(name)

    def _array(self, name: str) -> Expr:
        start = self.at
        self.take("[")
        if self.next != "]":
            first = self.expression()
            if self.took(";"):
                count = self.expression()
                self.take("]")
                return Repeat(name, first, count)
        self.at = start
        return Call(name, self.list("[", "]"), "[]")

    def _struct(self, name: str) -> Expr:
        self.take("{")
        fields = list[tuple[str, Expr | None]]()
        while not self.took("}"):
            if self.took(".."):
                rest = None if self.next == "}" else self.expression()
                self.took(",")
                self.take("}")
                return Struct(name, tuple(fields), rest, rest is None)
            field = self.take()
            fields.append((field, self.expression() if self.took(":") else None))
            if self.next != "}":
                self.take(",")
        return Struct(name, tuple(fields))

    def _if(self) -> Expr:
        self.take("if")
        condition = self.expression(structs=False)
        then = self.block()
        if not self.took("else"):
            return If(condition, then, None)
        return If(condition, then, self.block())

    def block(self) -> tuple[int, int]:
        """The tokens inside of `{ … }`."""
        start = self.at
        if self.next != "{":
            raise Unknown(self.next)
        self.at = self.closing(start) + 1
        return start + 1, self.at - 1
