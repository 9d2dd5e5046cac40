"""What rustfmt asks of an expression before it chooses how to break its lines."""

from __future__ import annotations

from onnx2rust.emit.rustfmt.room import TAB
from onnx2rust.emit.rustfmt.syntax import Atom, Binary, Call, Cast, Closure, Expr, If, Index, Link, Prefix, Repeat, Struct

_LITERAL = "0123456789\"'"


def may_overflow(value: Expr, count: int) -> bool:
    """Whether the last of `count` arguments may end on other lines than the others stand on."""
    match value:
        case Closure():
            return True
        case Call() | Struct() | If() | Repeat():
            return count == 1
        case Link(of, name, arguments):
            return (count == 1 and arguments is not None) if name else may_overflow(of, count)
        case Prefix(sign, of):
            return sign[0] in "&-!*" and may_overflow(of, count)
        case Cast(of, _):
            return may_overflow(of, count)
    return False


def nested_call(value: Expr) -> bool:
    """Whether it is a call, behind whatever signs."""
    match value:
        case Call(callee, _, _):
            return bool(callee)
        case Link(of, "", None) | Prefix("&" | "&mut " | "-" | "!" | "*", of) | Cast(of, _):
            return nested_call(of)
    return False


def simple(value: Expr) -> bool:
    """Whether several of its kind stand on one line."""
    match value:
        case Atom(text):
            return "::" not in text
        case Link(of, _, None) | Prefix("&" | "&mut " | "-" | "!" | "*", of) | Cast(of, _):
            return simple(of)
        case Index(of, index):
            return simple(of) and simple(index)
        case Repeat(_, of, count):
            return simple(of) and simple(count)
    return False


def ends_with_block(value: Expr, text: str) -> bool:
    """Whether the next link of a chain goes on behind the end of its root: behind brackets on a
    line of their own (`is_block_expr`)."""
    match value:
        case Call("", (inner,), "()") | Link(inner, "", None) | Index(_, inner) | Closure(_, inner):
            return ends_with_block(inner, text)
        case Binary(operands, (sign, *_)) if not sign.startswith(".."):
            return ends_with_block(operands[-1], text)
        case Prefix("-" | "!" | "*", inner):
            return ends_with_block(inner, text)
        case Atom(literal):
            return literal[:1] in _LITERAL and "\n" in text and len(text.rsplit("\n", 1)[-1].strip()) <= TAB
        case Struct() | If() | Call() | Repeat():
            return "\n" in text
        case Link(_, _, arguments):
            return arguments is not None and "\n" in text
    return False


def ends_in_brackets(text: str) -> bool:
    """Whether the last line is nothing but closing brackets."""
    last = text.rsplit("\n", 1)[-1].strip()
    return "\n" in text and all(c in ")]}?>" for c in last)


def prefers_below(one: str, other: str) -> bool:
    """Whether what stands on a line of its own reads better than what goes on behind `=`."""
    heads = one.split("\n", 1)[0], other.split("\n", 1)[0]
    return (
        "\n" not in other
        or one.count("\n") > other.count("\n") + 1
        or any(heads[0].endswith(c) and not heads[1].endswith(c) for c in "({[")
    )
