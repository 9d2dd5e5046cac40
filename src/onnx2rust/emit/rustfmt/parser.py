"""Source → nodes. It is no parser of Rust: a statement with what it does not know stays as the template has it."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import accumulate

from onnx2rust.emit.rustfmt.nodes import (
    STRUCT_WIDTH,
    Assign,
    Atom,
    Binary,
    Block,
    Chain,
    Closure,
    Glue,
    Imports,
    Index,
    List,
    Node,
    Statement,
)

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
_LEVELS = [("||",), ("&&",), ("==", "!=", "<", ">", "<=", ">="), ("|",), ("^",), ("&",), ("+", "-"), ("*", "/", "%")]
_PRECEDENCE = {sign: level for level, signs in enumerate(_LEVELS) for sign in signs}
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_RANGES = ("..", "..=")
_ASSIGNS = ("=", "+=", "-=", "*=", "/=")
_MODIFIERS = ("pub", "const", "static", "fn", "impl", "struct", "enum", "mod", "use", "trait")


class Unknown(Exception):
    """Syntax that this room does not know."""


def tokens(source: str) -> list[str]:
    """The tokens of the source, comments among them."""
    return [text for _, text in _TOKEN.findall(source)]


class Parser:
    """Reads the tokens of a source one by one."""

    def __init__(self, source: str) -> None:
        self._source, self._at = source.rstrip(), 0
        found = _TOKEN.findall(self._source)
        self.tokens: list[str] = [text for _, text in found]
        self._ends = list(accumulate(len(blanks) + len(text) for blanks, text in found))
        assert self._ends[-1] == len(self._source), self._source[self._ends[-1] :][:20]
        self._closing: dict[int, int] = {}
        opened: list[int] = []
        for k, token in enumerate(self.tokens):
            if token in _CLOSING:
                opened.append(k)
            elif token in _CLOSING.values():
                self._closing[opened.pop()] = k

    @property
    def _next(self) -> str:
        return self.tokens[self._at]

    def _begin(self, token: int) -> int:
        """Where in the source a token begins."""
        return self._ends[token] - len(self.tokens[token])

    def _take(self, text: str | None = None) -> str:
        """Goes on behind the next token, which must be `text`."""
        found = self._next
        if text is not None and found != text:
            raise Unknown(f"{found!r} for {text!r}")
        self._at += 1
        return found

    def _took(self, text: str) -> bool:
        """Goes on behind the next token if it is `text`."""
        found = self._next == text
        self._at += found
        return found

    def _enter(self, opening: str) -> int:
        """Goes into a bracket; the token that closes it."""
        self._take(opening)
        return self._closing[self._at - 1]

    def _text(self, start: int) -> str:
        """The source from the token `start` up to here, as one line."""
        if any(t.startswith("//") for t in self.tokens[start : self._at]):
            raise Unknown("a comment")
        return " ".join(self._source[self._begin(start) : self._ends[self._at - 1]].split()) if self._at > start else ""

    def _until(self, *stops: str) -> str:
        """The source up to one of the signs, which is no part of a bracket or of a type's arguments."""
        start, angle = self._at, 0
        while angle or self._next not in stops:
            if not self._next:
                raise Unknown("the end")
            self._at = self._closing.get(self._at, self._at)
            angle += (self._next == "<") - (self._next == ">")
            self._at += 1
        return self._text(start)

    # -- statements --------------------------------------------------------------------------------------------------

    def statements(self, end: int) -> tuple[Statement, ...]:
        """All up to the token `end`."""
        found: list[Statement] = []
        group, was_import = 0, False
        while self._at < end:
            start = self._at
            blank = bool(found) and self._source.count("\n", self._ends[start - 1], self._begin(start)) > 1
            try:
                node = self._statement(end)
            except Unknown:
                self._at, node = start, None
                self._skip(end)
            is_import = "use" in self.tokens[start : start + 2]
            group += blank or not (is_import and was_import)
            was_import = is_import
            found.append(Statement(self._source[self._begin(start) : self._ends[self._at - 1]], node, blank, group))
        return tuple(found)

    def _skip(self, end: int) -> None:
        """Goes behind a statement."""
        while self._at < end:
            token = self._next
            self._at = self._closing.get(self._at, self._at) + 1
            if token == ";" or (token == "{" and self._next not in (";", ".", "?", "else", ",", ")", "=", "+", "|")):
                return

    def _statement(self, end: int) -> Node | None:
        first = self._next
        if first.startswith("//"):
            self._at += 1
            return None
        if first == "#":
            start = self._at
            self._until("[")
            self._at = self._enter("[") + 1
            if self._text(start) == "#[rustfmt::skip]":
                self._skip(end)
            return None
        if first == "let":
            return self._let()
        if first in ("for", "while"):
            head = self._take() + " "
            if head == "for ":
                head += self._until("in") + " in "
                self._take("in")
            return Block(Glue(head, self._expression(structs=False)), self._block())
        if first in _MODIFIERS and not (first == "const" and self.tokens[self._at + 1] == "{"):
            return self._item()
        value = self._expression()
        if self._next in _ASSIGNS:
            return self._assign(Glue("", value, f" {self._take()}"))
        if self._took(";"):
            return Glue("", value, ";")
        if self._at != end and not isinstance(value, Block):
            raise Unknown(self._next)
        return value

    def _assign(self, head: Node) -> Node:
        value = self._expression()
        self._take(";")
        return Glue("", Assign(head, value), ";")

    def _let(self) -> Node:
        self._take("let")
        head = "let mut " if self._took("mut") else "let "
        pattern = self._primary(structs=True)
        type_ = f": {self._until('=')}" if self._took(":") else ""
        self._take("=")
        return self._assign(Glue(head, pattern, f"{type_} ="))

    def _block(self) -> tuple[Statement, ...]:
        """`{ … }`."""
        end = self._enter("{")
        found = self.statements(end)
        self._at = end + 1
        return found

    def _item(self) -> Node | None:
        start = self._at
        kind = ""
        while self._next in (*_MODIFIERS, "("):
            kind = kind if self._next == "(" else self._next
            self._at = self._closing.get(self._at, self._at) + 1
        if kind == "fn":
            self._until("(")
            head, parameters = self._text(start), self._listed("(", self._parameter)
            tail = self._until("{")
            return Block(Glue("", List(head, parameters, limit=1000), tail and f" {tail}"), self._block(), wraps=True)
        if kind == "use":
            return self._use(self._text(start))
        if kind in ("const", "static"):
            self._until("=")
            self._take("=")
            return self._assign(Atom(self._text(start)))
        if kind == "impl":
            self._until("{")
            return Block(Atom(self._text(start)), self._block())
        self._skip(len(self.tokens) - 1)
        return Atom(self._text(start).replace("{ }", "{}")) if self.tokens[self._at - 2] == "{" else None

    def _listed(self, opening: str, one: Callable[[], Node]) -> tuple[Node, ...]:
        """What stands between brackets, with commas."""
        close = self._enter(opening)
        found = []
        while self._at < close:
            found.append(one())
            if self._at < close:
                self._take(",")
        self._at = close + 1
        return tuple(found)

    def _parameter(self) -> Atom:
        # `>` of `->` is another sign
        return Atom(self._until(",", ")", "}"))

    def _use(self, head: str) -> Node:
        path = self._until(";", "{")
        if self._took(";"):
            return Atom(f"{head} {path};")
        names = sorted((str(name.flat) for name in self._listed("{", self._parameter)), key=order)
        self._take(";")
        if len(names) == 1 and names[0] != "self":
            return Atom(f"{head} {path}{names[0]};")
        return Imports(f"{head} {path}", tuple(names))

    # -- expressions -------------------------------------------------------------------------------------------------

    def _expression(self, structs: bool = True) -> Node:
        """A whole expression; without `structs`, a brace ends it."""
        left = Atom("") if self._next in _RANGES else self._binary(0, structs)
        if self._next not in _RANGES:
            return left
        sign = self._take()
        if self._next in ("]", ")", "}", ",", "{"):
            return Glue("", left, sign)
        if left.flat is None:
            raise Unknown("a range that begins on several lines")
        return Glue(left.flat + sign, self._binary(0, structs))

    def _binary(self, lowest: int, structs: bool) -> Node:
        """Operators that bind as `lowest` does, or closer."""
        found = self._operand(structs)
        while (level := _PRECEDENCE.get(self._next, -1)) >= lowest:
            operands, signs = [found], list[str]()
            while _PRECEDENCE.get(self._next) == level:
                signs.append(self._take())
                operands.append(self._binary(level + 1, structs))
            found = Binary(tuple(operands), tuple(signs))
        return found

    def _operand(self, structs: bool) -> Node:
        found = self._unary(structs)
        while self._took("as"):
            found = Glue("", found, f" as {self._take()}")
        return found

    def _unary(self, structs: bool) -> Node:
        token, start = self._next, self._at
        if token in ("&", "-", "!", "*"):
            self._at += 1
            sign = "&mut " if token == "&" and self._took("mut") else token
            return Glue(sign, self._unary(structs))
        if token in ("|", "||", "move"):
            self._took("move")
            if not self._took("||"):
                self._take("|")
                self._until("|")
                self._take("|")
            return Closure(self._text(start), self._expression(structs))
        if self._took("return"):
            return Glue("return ", self._expression(structs))
        if self._took("let"):
            pattern = self._until("=")
            self._take("=")
            return Glue(f"let {pattern} = ", self._operand(structs))
        return self._behind(self._primary(structs))

    def _behind(self, found: Node) -> Node:
        """What is written behind an expression: `?`, `[x]`, `.name`, `.name(x)`."""
        while True:
            found = self._tried(found)
            if self._next == "[":
                (index,) = self._items("[")
                found = Index(found, index)
            elif self._next == ".":
                links: list[Node] = []
                while self._next == ".":
                    links.append(self._link())
                found = Chain(found, tuple(links))
            else:
                return found

    def _link(self) -> Node:
        start = self._at
        self._take(".")
        self._at += 1
        if self._took("::"):
            self._until("(")
        name = self._text(start)
        return self._tried(List(name, self._items()) if self._next == "(" else Atom(name))

    def _tried(self, found: Node) -> Node:
        start = self._at
        while self._took("?"):
            pass
        return Glue("", found, self._text(start)) if self._at > start else found

    def _items(self, opening: str = "(") -> tuple[Node, ...]:
        return self._listed(opening, self._expression)

    def _primary(self, structs: bool) -> Node:
        token = self._next
        if _LITERAL.match(token):
            return Atom(self._take())
        if token == "(":
            inside = self._items()
            if len(inside) != 1:
                return List("", inside)
            if self.tokens[self._at - 2] == ",":
                raise Unknown("a tuple of one")
            return Glue("(", inside[0], ")")
        if token == "[":
            return self._array("")
        if self._took("if"):
            condition = Glue("if ", self._expression(structs=False))
            return Block(condition, self._block(), self._block() if self._took("else") else None)
        if not _WORD.match(token):
            raise Unknown(token)
        return self._path(structs)

    def _path(self, structs: bool) -> Node:
        start = self._at
        self._at += 1
        while self._took("::"):
            if self._next == "<":
                self._until("::", "(")
            else:
                self._at += 1
        last = self.tokens[self._at - 1]
        macro = self._took("!")
        name = self._text(start)
        if macro and self._next == "[":
            return self._array(name)
        if macro or self._next == "(":
            return List(name, self._items())
        if self._next == "{" and structs and last[:1].isupper():
            return List(name, self._listed("{", self._field), "{}", STRUCT_WIDTH)
        return Atom(name)

    def _array(self, name: str) -> Node:
        start = self._at
        try:
            return List(name, self._items("["), "[]")
        except Unknown:
            if self._next != ";":
                raise
            # `[x; n]`
            self._at = self._closing[start] + 1
            return Atom(name + self._text(start))

    def _field(self) -> Node:
        """Of a struct: `name: x`, `name`, `..x`, or `..` of a pattern."""
        if self._took(".."):
            return Glue("..", Atom("") if self._next == "}" else self._expression())
        name = self._take()
        return Glue(f"{name}: ", self._expression()) if self._took(":") else Atom(name)


def order(path: str) -> tuple[tuple[int, tuple[tuple[int, int, str], ...]], ...]:
    """The order of imports: `self`, `super` and `crate` first, a list behind single names, numbers by value."""
    found = []
    for part in re.split(r"::(?![^{]*\})", path):
        kind = {"self": 0, "super": 1, "crate": 2}.get(part, 4 if part.startswith("{") else 3)
        pieces = re.findall(r"\d+|\D", part)
        found.append((kind, tuple((0, int(p), "") if p.isdigit() else (1, 0, " " if p == "_" else p) for p in pieces)))
    return tuple(found)
