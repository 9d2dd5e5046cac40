"""What the lengths of a model's slices are made of: what is fixed, and the sizes that the inputs' lengths say."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.ir.dims import Dim, product, symbols
from onnx2rust.ir.program import Program, Value


@dataclass(frozen=True)
class Found:
    """A size that follows from an input: its length over the product of the `others`."""

    symbol: str
    value: Value
    others: tuple[Dim, ...]


def found(program: Program) -> list[Found] | None:
    """How each open size follows from the lengths of the inputs, in an order in which each needs only those before it. None if
    there is none, or one does not follow: two open sizes of one input could be any two numbers of that product."""
    known: list[Found] = []
    while open_ := set(program.symbols) - {f.symbol for f in known}:
        following = next((f for v in program.tensor_inputs if (f := _follows(v, program, open_))), None)
        if following is None:
            return None
        known.append(following)
    return known or None


def _follows(value: Value, program: Program, open_: set[str]) -> Found | None:
    """The one size of the input that is open, if all others are numbers but 0, or sizes that the caller gives."""
    unknown = [k for k, d in enumerate(value.shape) if symbols(d) & open_]
    plain = all(isinstance(d, int) or str(d) in program.symbols for d in value.shape)
    if len(unknown) != 1 or not plain or 0 in value.shape:
        return None
    (axis,) = unknown
    return Found(str(value.shape[axis]), value, (*value.shape[:axis], *value.shape[axis + 1 :]))


def fixed(program: Program, value: Value) -> tuple[int, str | None] | None:
    """The elements of a tensor for each of the open size along its first axis, and that size; or all elements of a tensor that is
    always as long, and None. Nothing where other axes are open, or there are none but the first."""
    first, *rest = value.shape or (1,)
    row = product(rest) if str(first) in program.symbols and rest else product(value.shape)
    return (row, str(first) if str(first) in program.symbols else None) if isinstance(row, int) else None
