"""What generated code is made of, each with its text on one line, if rustfmt's limits let it stand on one."""

from __future__ import annotations

import functools
from dataclasses import dataclass

CALL_WIDTH, CHAIN_WIDTH, STRUCT_WIDTH, IF_WIDTH = 60, 60, 18, 50
"""rustfmt's `fn_call_width` (and `array_width`), `chain_width`, `struct_lit_width`, `single_line_if_else_max_width`."""


class NoRoom(Exception):
    """A text does not fit where it was to stand."""


class Node:
    """An expression, a statement or an item."""

    @functools.cached_property
    def flat(self) -> str | None:
        """The text on one line, None where rustfmt breaks it however much room there is."""
        try:
            return _flat(self)
        except NoRoom:
            return None


@dataclass(frozen=True, eq=False)
class Atom(Node):
    """Never broken: a literal, a path, a field."""

    text: str


@dataclass(frozen=True, eq=False)
class Glue(Node):
    """Something between text that stays on its lines: `&x`, `x as i64`, `(x)`, `x?`, `x;`, `let a = x` of a condition."""

    before: str
    of: Node
    after: str = ""

    @property
    def transparent(self) -> bool:
        """Whether rustfmt looks at what is inside."""
        return self.before in ("", "&", "&mut ", "-", "!", "*")


@dataclass(frozen=True, eq=False)
class List(Node):
    """`head(items)`: a call, a macro, a tuple, an array, parameters; in `{}` the fields of a struct, or of its pattern."""

    head: str
    items: tuple[Node, ...]
    brackets: str = "()"
    limit: int = CALL_WIDTH
    """The columns that several items may take (of a struct: any)."""

    @property
    def struct(self) -> bool:
        """Whether it is one, whose items are never laid out as arguments are."""
        return self.brackets == "{}"

    @property
    def opening(self) -> str:
        """What stands in front of the items."""
        return f"{self.head}{' ' * self.struct}{self.brackets[0]}"


@dataclass(frozen=True, eq=False)
class Chain(Node):
    """`root.link.link(x)?`."""

    root: Node
    links: tuple[Node, ...]

    @property
    def tries(self) -> int:
        """The `?` at the end, for which rustfmt keeps columns twice."""
        last = self.links[-1]
        return len(last.after) if isinstance(last, Glue) else 0


@dataclass(frozen=True, eq=False)
class Index(Node):
    """`of[index]`."""

    of: Node
    index: Node


@dataclass(frozen=True, eq=False)
class Binary(Node):
    """`a + b - c`: operands of one precedence stand side by side."""

    operands: tuple[Node, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Closure(Node):
    """`|x| body`."""

    head: str
    body: Node


@dataclass(frozen=True, eq=False)
class Assign(Node):
    """`head value`, where the head ends in `=`."""

    head: Node
    value: Node


@dataclass(frozen=True, eq=False)
class Imports(Node):
    """`use a::{b, c};`"""

    head: str
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Block(Node):
    """`head { body } else { other }`: a condition, a loop, a function, an `impl`."""

    head: Node
    body: tuple[Statement, ...]
    other: tuple[Statement, ...] | None = None
    wraps: bool = False
    """Whether the head may stand on several lines."""


@dataclass(frozen=True, eq=False)
class Statement:
    """A statement or an item, and what it is; None if that is not known, and it stays as it is."""

    source: str
    node: Node | None
    blank: bool
    """Whether an empty line stands in front of it."""
    group: int
    """Imports of one group are sorted."""


def nested_call(node: Node) -> bool:
    """Whether it is a call, behind whatever signs."""
    if isinstance(node, Glue):
        return node.transparent and nested_call(node.of)
    return isinstance(node, List) and node.head != "" and not node.struct


def _flat(node: Node) -> str:
    match node:
        case Atom(text):
            return text
        case Glue(before, of, after):
            return f"{before}{_known(of)}{after}"
        case List(_, items, brackets, limit):
            text = ", ".join(map(_known, items))
            pad = " " if node.struct and text else ""
            one = len(items) == 1 and not node.struct and not nested_call(items[0])
            return f"{node.opening}{pad}{_within(text, len(text) if one else limit)}{pad}{brackets[1]}"
        case Chain(root, links):
            text = "".join(map(_known, (root, *links)))
            return text if len(links) == 1 else _within(text, CHAIN_WIDTH - node.tries)
        case Index(of, index):
            return f"{_known(of)}[{_known(index)}]"
        case Binary((first, *operands), signs):
            return _known(first) + "".join(f" {sign} {_known(of)}" for sign, of in zip(signs, operands, strict=True))
        case Closure(head, body):
            return f"{head} {_known(body)}"
        case Block(head, body, other):
            return _within(f"{_known(head)} {{ {_value(body)} }} else {{ {_value(other or ())} }}", IF_WIDTH)
    raise NoRoom


def _known(node: Node) -> str:
    if node.flat is None:
        raise NoRoom
    return node.flat


def _within(text: str, width: int) -> str:
    if len(text) > width:
        raise NoRoom
    return text


def _value(block: tuple[Statement, ...]) -> str:
    """The value that is all of a block."""
    text = _known(block[0].node) if len(block) == 1 and block[0].node else ";"
    if text.endswith(";"):
        raise NoRoom
    return text
