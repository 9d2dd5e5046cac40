"""What the lengths of a model's slices are made of: what is fixed, the sizes that the inputs' lengths say, and the largest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from onnx2rust.emit.sizes import plain
from onnx2rust.ir.dims import Dim, product, symbol, symbols
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Program, Value
from onnx2rust.ir.types import TensorType


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


def counted(program: Program) -> frozenset[Value]:
    """The tensors whose sizes are known when `predict` begins, which counts the largest of them there. Others are counted where
    they are written: a size that only a branch computes need not make sense elsewhere."""
    given = set(program.symbols)
    return frozenset(
        v
        for inside, v in _written(program)
        if isinstance(v.type, TensorType) and v.type.symbols <= given and not (inside and not all(map(plain, v.shape)))
    )


def _written(program: Program) -> Iterator[tuple[bool, Value]]:
    """What steps write, in order, and whether in a body."""
    outside = set(program.steps)
    for step in program.walk():
        if not isinstance(step.layer, View):
            yield from ((step not in outside, v) for v in step.results())


def largest(program: Program) -> list[tuple[Dim, ...]]:
    """The shapes of those `counted` tensors that no other has as many elements as, whatever the open sizes are; inputs, whose
    lengths are checked, stand for themselves."""
    found: list[tuple[Counter[Dim], int, tuple[Dim, ...]]] = []
    fits = counted(program)
    for shape in [v.shape for v in program.tensor_inputs] + [v.shape for _, v in _written(program) if v in fits]:
        factors, number = _factors(shape)
        if factors and number and not any(factors <= f and number <= n for f, n, _ in found):
            found = [(f, n, s) for f, n, s in found if not (f <= factors and n <= number)] + [(factors, number, shape)]
    bounded = {v.shape for v in program.tensor_inputs}
    return [shape for _, _, shape in found if shape not in bounded]


def _factors(shape: tuple[Dim, ...]) -> tuple[Counter[Dim], int]:
    """What a shape's product is made of: open sizes, and a number."""
    factors, number = Counter[Dim](), 1
    for dim in shape:
        if isinstance(dim, int):
            number *= dim
        elif plain(dim) and len(dim.terms) == 1:
            ((monomial, coefficient),) = dim.terms
            number *= coefficient
            factors.update(symbol(str(atom)) for atom in monomial)
        else:
            factors[dim] += 1
    return factors, number
