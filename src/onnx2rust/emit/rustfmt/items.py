"""Files, items and statements in lines."""

from __future__ import annotations

import contextlib
import functools
import re
from collections import Counter

from onnx2rust.emit.rustfmt.expressions import Lines
from onnx2rust.emit.rustfmt.room import MAX_WIDTH, Shape, filled
from onnx2rust.emit.rustfmt.syntax import Expr, If, Parser, Unknown, texts

_ASSIGNS = ("=", "+=", "-=", "*=", "/=")
_MODIFIERS = ("pub", "const", "static", "fn", "impl", "struct", "enum", "mod", "use", "trait")


@functools.lru_cache(maxsize=64)
def formatted(source: str) -> str:
    """The file. Statements are written on one line, or as rustfmt would write them; what this room does not know stays as it is.

    The last files are kept: most files of two models are the same if the models have the same name,
    and inputs of the same type."""
    text = _File(source).file()
    before, after = _pieces(source), _pieces(text)
    assert before == after, f"a layout that changes code: {before - after} became {after - before}"
    return text


def _pieces(source: str) -> Counter[str]:
    """The tokens, without those that a layout adds and takes away: a comma behind the last item, a
    closure's block, a list of one import."""
    found = Counter(texts(source))
    for free in (",", "{", "}"):
        del found[free]
    return found


class _File(Parser):
    def __init__(self, source: str) -> None:
        super().__init__(source)
        self._lines = Lines(self._block, self._single)

    def file(self) -> str:
        return self._statements(len(self.tokens) - 1, Shape(MAX_WIDTH, 0)).lstrip("\n") + "\n"

    def _block(self, inside: tuple[int, int], shape: Shape) -> str:
        before, self.at = self.at, inside[0]
        text = self._statements(inside[1], shape)
        self.at = before
        return text

    def _single(self, inside: tuple[int, int]) -> Expr | None:
        """The expression that is all of a block."""
        before, self.at = self.at, inside[0]
        try:
            found = self.expression()
            return found if self.at == inside[1] else None
        except Unknown:
            return None
        finally:
            self.at = before

    # -- statements --------------------------------------------------------------------------------------------------

    def _statements(self, end: int, shape: Shape) -> str:
        """All up to the token `end`, each on lines of its own, with the empty lines that the source has between them."""
        found: list[tuple[bool, str, bool]] = []
        while self.at < end:
            start = self.at
            blank = self.blank(start) and bool(found)
            token = self.tokens[start]
            if token.startswith("//"):
                self.at += 1
                found.append((blank, token, False))
                continue
            if token == "#":
                self.at += 1 + (self.tokens[start + 1] == "!")
                self.at = self.closing(self.at) + 1
                text = self._as_is(start, shape.indent)
                if text == "#[rustfmt::skip]":
                    start = self.at
                    self._skip(end)
                    text += shape.newline + self._as_is(start, shape.indent)
                found.append((blank, text, False))
                continue
            used = token == "use" or (token == "pub" and self.tokens[start + 1] == "use")
            module = token == "mod"
            text_or_none: str | None = None
            with contextlib.suppress(Unknown):
                text_or_none = self._statement(end, shape)
            if text_or_none is None:
                self.at = start
                self._skip(end)
                text_or_none = self._as_is(start, shape.indent)
            found.append((blank, text_or_none, used or module))
        return "".join("\n" * blank + shape.newline + text for blank, text, _ in _sorted(found))

    def _as_is(self, start: int, indent: int) -> str:
        """The source of the tokens from `start` on, its lines moved to the indent."""
        begin = self.begin(start)
        line = self.source.rfind("\n", 0, begin) + 1
        moved = indent - (len(self.source[line:begin]) - len(self.source[line:begin].lstrip()))
        lines = self.source[begin : self.begin(self.at - 1) + len(self.tokens[self.at - 1])].split("\n")
        rest = [" " * max(0, len(t) - len(t.lstrip()) + moved) + t.lstrip() if t.strip() else "" for t in lines[1:]]
        return "\n".join([lines[0], *rest])

    def _skip(self, end: int) -> None:
        """Goes behind a statement."""
        while self.at < end:
            token = self.tokens[self.at]
            if token in ("(", "[", "{"):
                self.at = self.closing(self.at) + 1
                if token == "{" and self.next not in (";", ".", "?", "else", ",", ")", "=", "+", "|"):
                    return
                continue
            self.at += 1
            if token == ";":
                return

    def _statement(self, end: int, shape: Shape) -> str | None:
        first = self.next
        if first == "let":
            return self._let(shape)
        if first in ("for", "while"):
            return self._loop(shape)
        if first in _MODIFIERS and not (first == "const" and self.tokens[self.at + 1] == "{"):
            return self._item(shape)
        value = self.expression()
        if self.next in _ASSIGNS:
            head = self._lines.write(value, shape)
            if head is None:
                return None
            sign = self.take()
            value = self.expression()
            self.take(";")
            return _ended(self._lines.assigned(f"{head} {sign}", value, shape.less(1)))
        if self.took(";"):
            return _ended(self._lines.write(value, shape.less(1)))
        if isinstance(value, If):
            last = self.at == end
            return self._lines.condition(value, shape, statement=not last)
        if self.at != end:
            raise Unknown(self.next)
        return self._lines.write(value, shape)

    def _let(self, shape: Shape) -> str | None:
        self.take("let")
        head = "let mut " if self.took("mut") else "let "
        start = self.at
        try:
            pattern = self._lines.write(self.expression(structs=True), shape.left(len(head)).less(1))
            if self.next not in ("=", ":"):
                raise Unknown(self.next)
        except Unknown:
            self.at = start
            pattern = self.until("=", ":")
        if pattern is None:
            return None
        head += pattern
        if self.took(":"):
            head += f": {self.until('=')}"
        self.take("=")
        value = self.expression()
        self.take(";")
        return _ended(self._lines.assigned(f"{head} =", value, shape.less(1)))

    def _loop(self, shape: Shape) -> str | None:
        head = self.take() + " "
        if head == "for ":
            head += self.until("in") + " in "
            self.take("in")
        value = self._lines.write(self.expression(structs=False), shape.left(len(head)).less(2))
        if value is None or "\n" in value:
            return None
        return f"{head}{value} {{{self._block(self.block(), shape.nested)}{shape.newline}}}"

    # -- items -------------------------------------------------------------------------------------------------------

    def _item(self, shape: Shape) -> str | None:
        start = self.at
        kinds = []
        while self.next in (*_MODIFIERS, "("):
            if self.next == "(":
                self.at = self.closing(self.at)
            else:
                kinds.append(self.next)
            self.at += 1
        kind = "fn" if "fn" in kinds else kinds[-1]
        if kind == "fn":
            return self._function(start, shape)
        if kind == "use":
            return self._use(self.text(start), shape)
        if kind in ("const", "static"):
            self.until("=")
            head = self.text(start)
            self.take("=")
            value = self.expression()
            self.take(";")
            return _ended(self._lines.assigned(f"{head} =", value, shape.less(1)))
        if kind == "impl":
            self.until("{")
            head = self.text(start)
            inside = self.block()
            body = self._block(inside, shape.nested)
            return f"{head} {{{body}{shape.newline if body else ''}}}"
        self._skip(len(self.tokens) - 1)
        if self.tokens[self.at - 2] == "{":
            return f"{self.text(start, self.at - 1)}}}"
        return self._as_is(start, shape.indent)

    def _function(self, start: int, shape: Shape) -> str:
        self.until("(")
        head = self.text(start)
        close = self.closing(self.at)
        self.take("(")
        parameters = []
        while self.at < close:
            # `>` of `->` is another sign, and a closing bracket ends the last one
            parameters.append(self._parameter(close))
        self.take(")")
        tail = self.until("{")
        tail = f" {tail}" if tail else ""
        inside = self.block()
        line = f"{head}({', '.join(parameters)}){tail} {{"
        if len(line) > shape.width:
            nested = shape.nested
            listed = "".join(f"{nested.newline}{p}," for p in parameters)
            line = f"{head}({listed}{shape.newline}){tail} {{"
        body = self._block(inside, shape.nested)
        return f"{line}{body}{shape.newline}}}" if body else f"{line}}}"

    def _parameter(self, close: int) -> str:
        start, angle = self.at, 0
        while self.at < close and (angle or self.next != ","):
            if self.next in ("(", "["):
                self.at = self.closing(self.at)
            angle += (self.next == "<") - (self.next == ">")
            self.at += 1
        text = self.text(start)
        self.took(",")
        return text

    def _use(self, head: str, shape: Shape) -> str:
        start = self.at
        while self.next not in (";", "{"):
            self.at += 1
        path = self.text(start)
        if self.took(";"):
            return f"{head} {path};"
        close = self.closing(self.at)
        self.take("{")
        items = []
        while self.at < close:
            items.append(self._parameter(close))
        self.take("}")
        self.take(";")
        items = sorted(items, key=_order)
        if len(items) == 1 and items[0] != "self":
            return f"{head} {path}{items[0]};"
        line = f"{head} {path}{{{', '.join(items)}}};"
        # rustfmt keeps two columns of a list of imports free
        if len(line) <= shape.width - 2:
            return line
        nested = shape.nested
        return f"{head} {path}{{{nested.newline}{filled(items, nested)}{shape.newline}}};"


def _ended(text: str | None) -> str | None:
    return None if text is None else text + ";"


def _sorted(found: list[tuple[bool, str, bool]]) -> list[tuple[bool, str, bool]]:
    """Imports that stand together, in their order."""
    done: list[tuple[bool, str, bool]] = []
    group: list[tuple[bool, str, bool]] = []

    def close() -> None:
        ordered = sorted(
            (text for _, text, _ in group), key=lambda t: _order(re.sub(r"^(?:pub )?(?:use|mod) ", "", t).rstrip(";"))
        )
        done.extend((k == 0 and group[0][0], text, True) for k, text in enumerate(ordered))
        group.clear()

    for entry in found:
        if group and (not entry[2] or entry[0] or _keyword(group[0][1]) != _keyword(entry[1])):
            close()
        if entry[2]:
            group.append(entry)
        else:
            done.append(entry)
    if group:
        close()
    return done


def _keyword(text: str) -> str:
    return "mod" if text.startswith("mod ") else "use"


def _order(path: str) -> tuple[tuple[int, tuple[tuple[int, int, str], ...]], ...]:
    """The order of imports: `self`, `super` and `crate` first, a list behind single names, numbers by value."""
    found = []
    for part in re.split(r"::(?![^{]*\})", path):
        kind = {"self": 0, "super": 1, "crate": 2}.get(part, 4 if part.startswith("{") else 3)
        pieces = re.findall(r"\d+|\D", part)
        found.append((kind, tuple((0, int(p), "") if p.isdigit() else (1, 0, " " if p == "_" else p) for p in pieces)))
    return tuple(found)
