"""Nodes in lines, by rustfmt's rules (its `chains.rs`, `overflow.rs`, `lists.rs`, `pairs.rs` and `expr.rs`).

What fits on its line stands there as it is (`Node.flat`). All else is broken by the rule of its kind."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from typing import NamedTuple

from onnx2rust.emit.rustfmt.nodes import (
    CHAIN_WIDTH,
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
    NoRoom,
    Statement,
    nested_call,
)
from onnx2rust.emit.rustfmt.parser import order

MAX_WIDTH, TAB, SHORT_ITEM = 100, 4, 10


class Place(NamedTuple):
    """Where text begins: in a column of a line that is indented so far; `after` columns are kept for what follows."""

    indent: int
    column: int
    after: int = 0
    comma: str = ","
    """What stands behind the last item of a list: nothing within a macro, which may not take it."""

    @property
    def width(self) -> int:
        """The columns that are left."""
        return MAX_WIDTH - self.column - self.after

    def right(self, used: int) -> Place:
        """Behind `used` columns more."""
        return self._replace(column=self.column + used)

    def keep(self, used: int) -> Place:
        """With `used` columns more kept for what follows."""
        return self._replace(after=self.after + used)

    def behind(self, text: str) -> Place:
        """Behind the last line of the text."""
        return self._replace(column=len(text.rsplit("\n", 1)[-1])) if "\n" in text else self.right(len(text))

    @property
    def nested(self) -> Place:
        """A line of its own, one step further in."""
        return self._replace(indent=self.indent + TAB, column=self.indent + TAB, after=0)

    @property
    def newline(self) -> str:
        """The beginning of a line at the indent."""
        return "\n" + " " * self.indent


class Printer:
    """Writes nodes."""

    def __init__(self) -> None:
        self._known: dict[tuple[Node, Place], str | None] = {}

    def statements(self, statements: Sequence[Statement], place: Place) -> str:
        """Each on lines of its own, with the empty lines that the source has between them."""
        found = ""
        for _, group in itertools.groupby(statements, key=lambda s: s.group):
            first, *others = group
            texts = [self._statement(s, place, s is statements[-1]) for s in (first, *others)]
            if others:
                texts.sort(key=lambda text: order(text.removeprefix("pub ").removeprefix("use ").rstrip(";")))
            found += "\n" * first.blank + "".join(place.newline + text for text in texts)
        return found

    def _statement(self, statement: Statement, place: Place, last: bool) -> str:
        node = statement.node
        if node is not None:
            with contextlib.suppress(NoRoom):
                # a condition in the middle is no value, and never stands on one line
                return self._broken(node, place) if isinstance(node, Block) and not last else self.write(node, place)
        return statement.source

    def write(self, node: Node, place: Place) -> str:
        """The node's text; raises NoRoom."""
        text = self._attempt(node, place)
        if text is None:
            raise NoRoom
        return text

    def _attempt(self, node: Node, place: Place) -> str | None:
        """The node's text, None if it has no room."""
        if node.flat is not None and len(node.flat) <= place.width:
            return node.flat
        key = (node, place)
        if key not in self._known:
            try:
                self._known[key] = self._broken(node, place)
            except NoRoom:
                self._known[key] = None
        return self._known[key]

    def _broken(self, node: Node, place: Place) -> str:
        match node:
            case Glue(before, of, after):
                return f"{before}{self.write(of, place.right(len(before)).keep(len(after)))}{after}"
            case List():
                return self._list(node, place)
            case Chain():
                return self._chain(node, place)
            case Index(of, index):
                text = self.write(of, place)
                behind = self._attempt(index, place.behind(text).right(1).keep(1))
                if behind is not None and "\n" not in behind:
                    return f"{text}[{behind}]"
                return f"{text}{place.nested.newline}[{self.write(index, place.nested.right(1).keep(1 + place.after))}]"
            case Binary():
                return self._binary(node, place)
            case Closure(head, body):
                behind = self._attempt(body, place.right(len(head) + 1))
                if behind is not None and "\n" not in behind:
                    return f"{head} {behind}"
                return f"{head} {{{place.nested.newline}{self.write(body, place.nested)}{place.newline}}}"
            case Assign():
                return self._assign(node, place)
            case Imports(head, names):
                line = f"{head}{{{', '.join(names)}}};"
                # rustfmt keeps two columns of a list of imports free
                if len(line) <= place.width - 2:
                    return line
                return f"{head}{{{place.nested.newline}{_filled(names, place.nested)}{place.newline}}};"
            case Block():
                return self._block(node, place)
        raise NoRoom

    # -- lists -------------------------------------------------------------------------------------------------------

    def _list(self, node: List, place: Place) -> str:
        """`overflow.rs`: with the last item's end on other lines, or one item a line, short ones as many as fit."""
        if node.head.endswith("!") and node.brackets == "()":
            place = place._replace(comma="")
        if not node.items:
            return f"{node.opening}{node.brackets[1]}"
        with contextlib.suppress(NoRoom):
            return self._overflowed(node, place)
        nested, comma = place.nested, place.comma
        texts = [self.write(item, nested.keep(1)) for item in node.items]
        lines = f",{nested.newline}".join(texts)
        if node.struct and texts[-1].startswith(".."):
            comma = ""
            # rustfmt does not count the rest of a pattern
            if texts[-1] == ".." and len(", ".join(texts[:-1])) <= node.limit:
                lines = ", ".join(texts)
        elif not node.struct and all(map(_simple, node.items)) and all(len(t) <= SHORT_ITEM for t in texts):
            lines = _filled(texts, nested).removesuffix(",")
        return f"{node.opening}{nested.newline}{lines}{comma}{place.newline}{node.brackets[1]}"

    def _overflowed(self, node: List, place: Place) -> str:
        """With the last item behind the others, though it ends on other lines."""
        *others, last = node.items
        heads = [item.flat for item in others]
        alone = not others and len(node.head) < TAB
        if node.struct or None in heads or not (alone or _may_overflow(last, len(node.items))):
            raise NoRoom
        start = "".join(f"{head}, " for head in heads)
        room = place.right(len(node.opening)).keep(1)
        if others or nested_call(last):
            room = room.keep(max(0, room.width - node.limit))
        room = room.right(len(start))
        text = self._chain(last, room, one_line=True) if isinstance(last, Chain) and not alone else self.write(last, room)
        if len(start + text.partition("\n")[0]) > node.limit:
            raise NoRoom
        return f"{node.opening}{start}{text}{node.brackets[1]}"

    # -- chains ------------------------------------------------------------------------------------------------------

    def _chain(self, node: Chain, place: Place, one_line: bool = False) -> str:
        """`chains.rs`: with its last link broken, or a line for each link; `one_line` allows the first only."""
        text, links = self.write(node.root, place), list(node.links)
        like_a_block = "\n" in text and _like_a_block(node.root)
        while links and len(text) <= TAB - (place.column - place.indent) and "\n" not in text:
            more = self._attempt(links[0], place.right(len(text)))
            if more is None:
                break
            text += more
            like_a_block = _ends_in_brackets(text)
            links.pop(0)
        if not links:
            return text
        child = place._replace(column=place.indent, after=0) if like_a_block else place.nested
        parts = [text, *(self.write(link, child) for link in links[:-1])]
        used = sum(map(len, parts))
        budget = (place.width if len(node.links) == 1 else min(place.width, CHAIN_WIDTH)) - used - node.tries
        below = child.keep(place.after + node.tries)
        last = self._attempt(links[-1], place.right(used)) if not any("\n" in part for part in parts) else None
        if last is not None and len(last.partition("\n")[0]) <= budget:
            other = self._attempt(links[-1], below)
            height = last.count("\n")
            if height >= 4 or other is None or other.count("\n") >= height:
                return "".join([*parts, last])
        if one_line:
            raise NoRoom
        return child.newline.join([*parts, self.write(links[-1], below)])

    # -- operators ---------------------------------------------------------------------------------------------------

    def _binary(self, node: Binary, place: Place) -> str:
        """`pairs.rs`: an operator begins each line."""
        nested = place.nested.keep(place.after)
        text = self.write(node.operands[0], place)
        for sign, operand in zip(node.signs, node.operands[1:], strict=True):
            line = text.rsplit("\n", 1)[-1]
            # behind a line of almost nothing, as a bracket is, it goes on
            newline = " " if "\n" in text and len(line) <= nested.indent else nested.newline
            text += f"{newline}{sign} {self.write(operand, nested.right(len(sign) + 1))}"
        return text

    def _assign(self, node: Assign, place: Place) -> str:
        """On the same line, or below where that reads better."""
        head = self.write(node.head, place)
        behind = self._attempt(node.value, place.behind(head).right(1))
        if behind is not None and "\n" not in behind:
            return f"{head} {behind}"
        below = place.nested.keep(place.after)
        if behind is None:
            return f"{head}{below.newline}{self.write(node.value, below)}"
        other = self._attempt(node.value, below)
        if other is not None and ("\n" not in other or behind.count("\n") > other.count("\n") + 1):
            return f"{head}{below.newline}{other}"
        return f"{head} {behind}"

    def _block(self, node: Block, place: Place) -> str:
        head = self.write(node.head, place.keep(2))
        if "\n" in head and not node.wraps:
            raise NoRoom
        text = f"{head} {{{self._inside(node.body, place)}}}"
        return text if node.other is None else f"{text} else {{{self._inside(node.other, place)}}}"

    def _inside(self, statements: Sequence[Statement], place: Place) -> str:
        text = self.statements(statements, place.nested)
        return text + place.newline if text else ""


def _filled(texts: Sequence[str], place: Place) -> str:
    """As many on a line as fit."""
    lines = [f"{texts[0]},"]
    for text in texts[1:]:
        if len(lines[-1]) + len(text) + 2 <= place.width:
            lines[-1] += f" {text},"
        else:
            lines.append(f"{text},")
    return place.newline.join(lines)


def _may_overflow(node: Node, count: int) -> bool:
    """Whether the last of `count` items may end on other lines than the others stand on."""
    match node:
        case Closure():
            return True
        case List():
            return count == 1
        case Chain(_, links):
            return _may_overflow(links[-1], count)
        case Glue(_, of):
            return node.transparent and _may_overflow(of, count)
    return False


def _simple(node: Node) -> bool:
    """Whether several of its kind stand on one line."""
    match node:
        case Atom(text):
            return "::" not in text
        case Glue(_, of):
            return node.transparent and _simple(of)
    return False


def _like_a_block(node: Node) -> bool:
    """rustfmt's `is_block_expr`: whether links behind it, where it takes several lines, stand no deeper than its own begin."""
    match node:
        case List() | Block():
            return True
        case Glue(before, of, after):
            return (before == "(" or node.transparent) and after in ("", ")", "?") and _like_a_block(of)
        case Binary(operands, _):
            return _like_a_block(operands[-1])
        case Chain(_, links):
            return _like_a_block(links[-1])
        case Index(_, index):
            return _like_a_block(index)
    return False


def _ends_in_brackets(text: str) -> bool:
    """Whether the last line is nothing but closing brackets."""
    last = text.rsplit("\n", 1)[-1].strip()
    return "\n" in text and all(c in ")]}?>" for c in last)
