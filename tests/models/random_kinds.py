"""What random graphs are made of: inputs, arithmetic and reductions.

A kind is one function: it picks values, and adds one node or a few that belong together. It need not see to it that they fit:
what does not is taken back, and another kind is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto
from random_draft import Array, Draft, Tensor, Unfit

Kind = Callable[[Draft], Any]


@dataclass(frozen=True)
class _Entry:
    function: Kind
    since: int
    weight: float


KINDS: list[_Entry] = []


def kind(since: int = 7, weight: float = 1.0) -> Callable[[Kind], Kind]:
    """Registers what can be drawn from opset `since` on."""

    def register(function: Kind) -> Kind:
        KINDS.append(_Entry(function, since, weight))
        return function

    return register


def all_kinds() -> list[_Entry]:
    """All that can be drawn, by name."""
    import random_bodies  # noqa: F401  (these register their kinds)
    import random_classical  # noqa: F401
    import random_layers  # noqa: F401
    import random_movements  # noqa: F401
    import random_rare  # noqa: F401
    import random_sequences  # noqa: F401

    return sorted(KINDS, key=lambda e: e.function.__name__)


def pair(seed: int) -> tuple[_Entry, _Entry]:
    """The two kinds that the graph of a seed begins with: as many seeds in a row as there are pairs of kinds draw each pair once,
    and the first few hundred each kind several times."""
    entries = all_kinds()
    distance, first = divmod(seed, len(entries))
    return entries[first], entries[(first + distance) % len(entries)]


def meet(d: Draft, kinds: Iterable[_Entry], tries: int = 40) -> None:
    """Draws these kinds, one on top of the other if they fit; raises Unfit if one of them does not fit the inputs at all."""
    for entry in kinds:
        if entry.since > d.opset or not any(_drawn(d, entry) for _ in range(tries)):
            raise Unfit(f"{entry.function.__name__} does not fit")


def fill(d: Draft, wanted: int, tries: int = 8) -> None:
    """Draws kinds until there are `wanted` nodes."""
    entries = [e for e in all_kinds() if e.since <= d.opset]
    weights = [e.weight * d.taste(e.function.__name__) for e in entries]
    for _ in range(wanted * tries):
        if len(d.nodes) >= wanted:
            return
        (entry,) = d.rng.choices(entries, weights)
        _drawn(d, entry)


def _drawn(d: Draft, entry: _Entry) -> bool:
    try:
        with d.attempt():
            entry.function(d)
    except Unfit:
        return False
    d.kinds.append(entry.function.__name__)
    return True


# -- inputs ----------------------------------------------------------------------------------------------------------


def inputs(d: Draft, batch: str, others: list[str]) -> None:
    """One to four inputs: images, sequences, vectors, ids, masks, and odd ones."""
    rng = d.rng
    odd: list[int | str] = [1, 2]
    odds: list[Any] = [[s, rng.randint(1, 6)][rng.random() < 0.5] for s in others]
    first, second, third = odds
    c = rng.choice([1, 2, 3, 4, 6, 6, 16, 32])
    shapes: list[list[int | str]] = [
        [batch, c, rng.choice([first, 5, 8, 9]), rng.choice([second, 6, 7, 8])],
        [batch, c, first],
        [batch, first, c],
        [batch, rng.choice([3, 4, 6, 8])],
        [batch, rng.choice([first, second]), rng.choice([second, third, 4])],
        [first, second],
        [batch],
        [],
        [batch, c, 2, first, 3],
        [rng.choice([*odd, batch]), rng.randint(1, 5)],
        [rng.randint(0, 3), batch],
    ]
    chosen = rng.sample(shapes, rng.choice([1, 1, 2, 2, 3, 4]))
    if d.taste("conv") > 1 and shapes[0] not in chosen:
        chosen[0] = shapes[0]
    usual = _half if rng.random() < 0.12 else _normal
    for k, dims in enumerate(chosen):
        draw = rng.choice([usual, usual, usual, _small, _positive, _ids, _mask, _double] if k else [usual, usual, _small])
        d.input(dims, draw)


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.standard_normal(shape).astype(np.float32)


def _small(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.integers(-4, 5, shape).astype(np.float32)


def _positive(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.uniform(0.2, 2, shape).astype(np.float32)


def _ids(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.integers(0, 4, shape).astype(rng.choice(["int64", "int64", "int32", "uint8", "int8"]))


def _mask(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.integers(0, 2, shape).astype(bool)


def _double(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.standard_normal(shape).astype(np.float64)


def _half(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.standard_normal(shape).astype(np.float16)


def is_real(t: Tensor) -> bool:
    """Whether it is float32 or float16: what layers with weights work on."""
    return t.dtype in (np.dtype(np.float32), np.dtype(np.float16))


def is_float(t: Tensor) -> bool:
    """Whether it is of a floating-point type, mostly f32."""
    return t.dtype.kind == "f"


def is_int(t: Tensor) -> bool:
    """Whether it holds integers that arithmetic is defined for."""
    return t.dtype in (np.dtype(np.int64), np.dtype(np.int32))


def open_tensor(t: Tensor) -> bool:
    """Whether it is computed while the model runs."""
    return not t.known


def has(rank: int) -> Callable[[Tensor], bool]:
    """Whether it has so many axes."""
    return lambda t: t.rank == rank


def static(t: Tensor, axis: int) -> int:
    """A size that is the same in every run."""
    size = t.shape[axis]
    if not size:
        raise Unfit("an open size")
    return size


def signed(d: Draft, axis: int, rank: int) -> int:
    """An axis, counted from the end now and then."""
    return axis - rank if d.chance(0.3) else axis


def axes_of(d: Draft, rank: int, least: int = 1) -> list[int]:
    """Some axes."""
    if rank < least:
        raise Unfit("too few axes")
    return [signed(d, a, rank) for a in sorted(d.rng.sample(range(rank), d.rng.randint(least, rank)))]


# -- arithmetic ------------------------------------------------------------------------------------------------------

_UNARY = {
    "Relu": 7, "Neg": 7, "Abs": 7, "Exp": 7, "Sigmoid": 7, "Tanh": 7, "Softplus": 7, "Softsign": 7, "Elu": 7,
    "LeakyRelu": 7, "Selu": 7, "HardSigmoid": 7, "HardSwish": 14, "Gelu": 20, "Mish": 18, "Celu": 12, "Swish": 24,
    "ThresholdedRelu": 10, "Shrink": 9, "Sin": 7, "Cos": 7, "Erf": 9, "Reciprocal": 7, "Sqrt": 7, "Log": 7, "Floor": 7,
    "Ceil": 7, "Round": 11, "Sign": 9, "Identity": 7, "Atan": 7, "Sinh": 9, "Asinh": 9, "Tan": 7,
}  # fmt: skip


@kind(weight=3)
def unary(d: Draft) -> Any:
    """An activation or a function."""
    op = d.rng.choice([k for k, v in _UNARY.items() if v <= d.opset] + ["Relu", "Sigmoid", "Tanh"] * 2)
    attributes: dict[str, Any] = {"alpha": 0.25} if op in ("LeakyRelu", "Elu", "ThresholdedRelu") and d.chance(0.5) else {}
    return d.node(op, d.pick(is_float, open_tensor), **attributes)


@kind()
def integer_unary(d: Draft) -> Any:
    """Neg, Abs, Identity, Sign of integers; Not."""
    x = d.pick(lambda t: t.dtype.kind in "iub", open_tensor)
    return d.node("Not" if x.dtype == bool else d.rng.choice(["Neg", "Abs", "Identity", "Sign"]), x)


def other(d: Draft, x: Tensor) -> Tensor:
    """A second operand: a value that may broadcast, or a known one of a shape that does."""
    if d.chance(0.5):
        return d.pick(lambda t: t.dtype == x.dtype)
    shape = [1 if n is None or d.chance(0.4) else n for n in x.shape]
    shape = shape[d.rng.randint(0, len(shape)) :] if d.chance(0.6) else shape
    if d.chance(0.1):
        shape = [d.rng.choice([1, 2]), *shape]
    if x.dtype.kind in "iu":
        return d.known(d.numpy().integers(1, 4, shape), x.dtype)
    if x.dtype == bool:
        return d.known(d.numpy().integers(0, 2, shape), bool)
    return d.weights(*shape, like=x, scale=1.0)


@kind(weight=4)
def binary(d: Draft) -> Any:
    """Arithmetic with every form of broadcasting."""
    x = d.pick(is_float if d.chance(0.8) else is_int)
    op = d.rng.choice(["Add", "Add", "Mul", "Mul", "Sub", "Div", "Max", "Min", "Pow", "PRelu"])
    if op == "Pow":
        return _power(d, x, d.rng.choice([2, 3, 0.5]))
    pair = [x, other(d, x)]
    if d.chance(0.3):
        pair.reverse()
    return d.node(op, *pair)


def _power(d: Draft, x: Tensor, other: float) -> Any:
    """x to a power, or a number to the power of x. Whole numbers have a power that is a whole number of their type: what
    onnxruntime makes of others depends on its machine code."""
    number = d.known(other, np.float32)
    if d.chance(0.3):
        return d.node("Pow", number, x)
    if x.dtype.kind in "iu":
        with np.errstate(invalid="ignore"):
            powers = [a.astype(np.float64) ** other for a in x.runs]
        if not all((np.isfinite(p) & (np.abs(p) < np.iinfo(x.dtype).max)).all() for p in powers):
            raise Unfit("no such power")
    return d.node("Pow", x, number)


@kind()
def variadic(d: Draft) -> Any:
    """Sum, Mean, Max, Min of several."""
    x = d.pick(is_float)
    return d.node(d.rng.choice(["Sum", "Mean", "Max", "Min"]), x, *(other(d, x) for _ in range(d.rng.randint(0, 3))))


@kind(weight=0.7)
def activation_written_out(d: Draft) -> Any:
    """Swish, HardSwish, Gelu and their like as exporters write them."""
    x = d.pick(is_float, open_tensor)

    def number(value: float) -> Tensor:
        return d.known([value] if d.chance(0.3) else value, x.dtype)

    form = d.rng.randrange(5)
    if form == 0:
        return d.node("Mul", *d.rng.sample([x, d.node("Sigmoid", x)], 2))
    if form == 1:
        inner = d.node("Erf", d.node("Div", x, number(math.sqrt(2))))
        return d.node("Mul", d.node("Mul", x, d.node("Add", inner, number(1))), number(0.5))
    if form == 2:
        six = d.node("Min", d.node("Max", d.node("Add", x, number(3)), number(0)), number(6))
        return d.node("Div", d.node("Mul", x, six), number(6))
    if form == 3:
        return d.node("Mul", x, d.node("Tanh", d.node("Softplus", x)))
    cube = d.node("Mul", number(0.044715), d.node("Mul", x, d.node("Mul", x, x)))
    inner = d.node("Tanh", d.node("Mul", number(math.sqrt(2 / math.pi)), d.node("Add", x, cube)))
    return d.node("Mul", d.node("Mul", number(0.5), x), d.node("Add", number(1), inner))


@kind()
def clip(d: Draft) -> Any:
    """Clip with one bound, both or none."""
    x = d.pick(is_float, open_tensor)
    low, high = d.rng.choice([(0.0, 6.0), (-1.0, 1.0), (0.0, None), (None, 1.0), (-2.0, -0.5)])
    if d.opset < 11:
        return d.node("Clip", x, min=low, max=high)
    return d.node("Clip", x, *(None if v is None else d.known(v, x.dtype) for v in (low, high)))


@kind()
def mod(d: Draft) -> Any:
    """Div and Mod of integers."""
    x = d.pick(is_int)
    return d.node(d.rng.choice(["Div", "Mod"] if d.opset >= 10 else ["Div"]), x, other(d, x))


@kind(weight=2)
def comparison(d: Draft) -> Any:
    """A mask."""
    ops = ["Equal", "Greater", "Less"] if d.opset >= 9 else ["Greater", "Less"]
    if d.chance(0.3):
        x = d.pick(lambda t: t.dtype == bool)
        return d.node(d.rng.choice(["And", "Or", "Xor"]), x, other(d, x))
    x = d.pick(lambda t: t.dtype.kind in "fi")
    return d.node(d.rng.choice(ops + ["GreaterOrEqual", "LessOrEqual"] * (d.opset >= 12)), x, other(d, x))


@kind(since=9, weight=2)
def where(d: Draft) -> Any:
    """Where on a mask that broadcasts."""
    mask = d.pick(lambda t: t.dtype == bool)
    x = d.pick(is_float)
    return d.node("Where", mask, *d.rng.sample([x, other(d, x)], 2))


@kind(weight=1.5)
def cast(d: Draft) -> Any:
    """Another type; to integers only what is exact and fits."""
    x = d.pick(open_tensor)
    targets = ["FLOAT", "FLOAT", "FLOAT", "DOUBLE", "FLOAT16"]
    if x.exact and x.low >= -100 and x.high <= 100:
        targets += ["INT64", "INT32", "INT8", "BOOL"] + ["UINT8"] * (x.low >= 0)
    return d.node("Cast", x, to=TensorProto.DataType.Value(d.rng.choice(targets)))


@kind(since=15, weight=0.3)
def cast_like(d: Draft) -> Any:
    """CastLike to a floating-point type."""
    return d.node("CastLike", d.pick(open_tensor), d.pick(is_float))


# -- reductions ------------------------------------------------------------------------------------------------------


def _too_large(op: str, numbers: Array) -> bool:
    """Whether the product, or the sum of squares, of all of them may be too large for their type."""
    wide = np.abs(numbers.astype(np.float64))
    largest = np.maximum(wide, 1).prod() if op == "Prod" else (np.maximum(wide, 1) ** 2).sum()
    return op in ("Prod", "SumSquare", "L1", "L2", "Sum") and bool(largest > np.iinfo(numbers.dtype).max)


@kind(weight=2)
def reduce(d: Draft) -> Any:
    """A reduction over some axes, or all."""
    op = d.rng.choice(["Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp"])
    x = d.pick(is_float if d.chance(0.85) else is_int)
    if op in ("Mean", "Max", "Min", "LogSumExp") and not x.size:
        raise Unfit("not defined for nothing")
    if x.dtype.kind in "iu" and (op == "LogSumExp" or any(_too_large(op, a) for a in x.runs)):
        raise Unfit("what whole numbers have no room for depends on how they are added")
    axes = axes_of(d, x.rank, 0) if d.chance(0.8) else None
    keep = d.rng.choice([0, 1, None])
    if d.opset >= (13 if op == "Sum" else 18):
        noop = d.rng.choice([None, 0, 1])
        return d.node(f"Reduce{op}", x, None if axes is None else d.ints(*axes), keepdims=keep, noop_with_empty_axes=noop)
    return d.node(f"Reduce{op}", x, axes=axes or None, keepdims=keep)


@kind(weight=0.7)
def arg_extreme(d: Draft) -> Any:
    """ArgMax and ArgMin."""
    x = d.pick(lambda t: t.dtype.kind == "f" and t.exact, lambda t: t.rank > 0)
    last = d.rng.choice([None, 0, 1]) if d.opset >= 12 else None
    axis = signed(d, d.rng.randrange(x.rank), x.rank) if d.opset >= 11 else d.rng.randrange(x.rank)
    return d.node(d.rng.choice(["ArgMax", "ArgMin"]), x, axis=axis, keepdims=d.rng.choice([0, 1]), select_last_index=last)


@kind(since=11, weight=0.7)
def top_k(d: Draft) -> Any:
    """TopK with a known k."""
    x = d.pick(is_float, lambda t: t.rank > 0)
    axis = d.rng.randrange(x.rank)
    k = d.rng.randint(0, min(a.shape[axis] for a in x.runs))
    return d.node("TopK", x, d.ints(k), outputs=2, axis=signed(d, axis, x.rank), largest=d.rng.choice([0, 1]))


@kind(since=11, weight=0.7)
def cumulative(d: Draft) -> Any:
    """CumSum."""
    x = d.pick(lambda t: t.dtype.kind in "fi", lambda t: t.rank > 0)
    axis = d.known(signed(d, d.rng.randrange(x.rank), x.rank), np.int64)
    return d.node("CumSum", x, axis, exclusive=d.rng.choice([0, 1]), reverse=d.rng.choice([0, 1]))


@kind(weight=1.5)
def softmax(d: Draft) -> Any:
    """Softmax and its like over any axis; before opset 13 over all axes behind it."""
    x = d.pick(is_float, open_tensor, lambda t: t.rank > 0)
    axis = d.rng.randrange(x.rank)
    return d.node(
        d.rng.choice(["Softmax", "Softmax", "LogSoftmax", "Hardmax"]), x, axis=signed(d, axis, x.rank) if d.opset >= 11 else axis
    )
