"""The room that text has on a line, and the room that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

MAX_WIDTH, TAB = 100, 4


class Shape(NamedTuple):
    """The room that is left on the line: `width` columns, behind `indent` and `offset` columns."""

    width: int
    indent: int
    offset: int = 0
    one_line_chain: bool = False
    """Whether a chain must stand on one line up to its last call."""
    in_macro: bool = False
    """In a macro's parentheses rustfmt adds no comma behind the last item: not every macro takes one."""

    def left(self, used: int) -> Shape:
        """Behind `used` columns more."""
        return self._replace(width=self.width - used, offset=self.offset + used)

    def less(self, used: int) -> Shape:
        """With `used` columns kept for what follows."""
        return self._replace(width=self.width - used)

    def line(self, indent: int) -> Shape:
        """A line of its own."""
        return self._replace(width=MAX_WIDTH - indent, indent=indent, offset=0)

    @property
    def nested(self) -> Shape:
        """A line of its own, one step further in."""
        return self.line(self.indent + TAB)

    @property
    def behind(self) -> int:
        """The columns that are kept for what follows."""
        return max(0, MAX_WIDTH - self.indent - self.offset - self.width)

    @property
    def newline(self) -> str:
        """The beginning of a line at the indent."""
        return "\n" + " " * self.indent


def first_width(text: str) -> int:
    """The columns of the first line."""
    return len(text.split("\n", 1)[0])


def last_width(text: str) -> int:
    """The columns of the last line."""
    return len(text.rsplit("\n", 1)[-1])


def fits(text: str, shape: Shape) -> bool:
    """Whether the lines have room."""
    lines = text.split("\n")
    return (
        len(lines[0]) <= shape.width
        and all(len(line) <= MAX_WIDTH for line in lines[1:])
        and (len(lines) == 1 or len(lines[-1]) <= shape.indent + shape.offset + shape.width)
    )


def added(head: str, text: str | None) -> str | None:
    """The text behind `head`, if there is any."""
    return None if text is None else head + text


def width(items: Sequence[str | None]) -> int:
    """The width on one line; more than any line has where one of the items does not stand on one."""
    if any(t is None or "\n" in t for t in items):
        return MAX_WIDTH * 10
    return sum(len(t or "") for t in items) + 2 * (len(items) - 1)


def filled(texts: Sequence[str], shape: Shape) -> str:
    """As many on a line as fit."""
    found, width = "", 0
    for text in texts:
        if width and width + 1 + len(text) + 1 > shape.width:
            found, width = found + shape.newline, 0
        if width:
            found, width = found + " ", width + 1
        found, width = f"{found}{text},", width + len(text) + 1
    return found
