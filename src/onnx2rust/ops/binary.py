"""Functions of two and more tensors, broadcast against each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir import dims
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer
from onnx2rust.ir.program import Value
from onnx2rust.layers import binary as layers
from onnx2rust.layers.binary import broadcasting
from onnx2rust.ops import known
from onnx2rust.registry import onnx_op, reads
from onnx2rust.registry.facts import Half, Keeps, Ranks, onnx_facts
from onnx2rust.registry.rules import Usual, Within


def binary(g: Builder, layer: Callable[..., Layer], a: Value, b: Value, dtype: DType | None = None, **fields: Any) -> Value:
    """y = layer(a, b)"""
    return g.elementwise(broadcasting(layer, **fields), [a, b], dtype or a.dtype)


def _register(op: str, layer: type[Layer], result: DType | None, *since: int) -> None:
    @onnx_op(op, since=since, ranks=Ranks.EACH)
    def lower(g: Builder, A: Value, B: Value) -> Value:
        return binary(g, layer, A, B, result)

    lower.__doc__ = f"y = {layer.__doc__}"


def _sizes_of_equal(arrays: list[Any], attributes: dict[str, Any]) -> Any:
    """Known only where the difference is, or its sign: a size is never negative, so it never equals -1."""
    left, right = np.broadcast_arrays(arrays[0].astype(object), arrays[1].astype(object))
    answers = []
    for a, b in zip(left.ravel().tolist(), right.ravel().tolist(), strict=True):
        difference = known.number(a) - known.number(b)
        if isinstance(difference, int):
            answers.append(difference == 0)
        elif dims.never_negative(difference - 1) or dims.never_negative(-difference - 1):
            answers.append(False)
        else:
            return None
    return np.array(answers, dtype=bool).reshape(left.shape)


onnx_facts("Add", constants=("bias", "bias"), keeps=Keeps.SOME, sizes=known.elementwise(lambda a, b: a + b))
onnx_facts("Sub", constants=("offset", "offset"), keeps=Keeps.SOME, sizes=known.elementwise(lambda a, b: a - b))
# TensorFlow's `where` on ids is a sum of products with 0 or 1
onnx_facts("Mul", constants=("scale", "scale"), keeps=Keeps.SOME_IDS, sizes=known.elementwise(lambda a, b: a * b))
onnx_facts(
    "Div", constants=("dividend", "divisor"), reads={1: reads.of_integers(Usual(1))}, sizes=known.quotient(lambda a, b: a // b)
)
onnx_facts("And", "Or", "Xor", reads={0: reads.MASK, 1: reads.MASK})
onnx_facts("Equal", sizes=_sizes_of_equal)
for _op, _layer, _result, *_since in (
    ("Add", layers.Add, None, 7, 13, 14),
    ("Sub", layers.Sub, None, 7, 13, 14),
    ("Mul", layers.Mul, None, 7, 13, 14),
    ("Div", layers.Div, None, 7, 13, 14),
    ("And", layers.And, None, 7),
    ("Or", layers.Or, None, 7),
    ("Xor", layers.Xor, None, 7),
    ("BitwiseAnd", layers.And, None, 18),
    ("BitwiseOr", layers.Or, None, 18),
    ("BitwiseXor", layers.Xor, None, 18),
    ("Equal", layers.Equal, DType.BOOL, 7, 11, 13, 19),
    ("Greater", layers.Greater, DType.BOOL, 7, 9, 13),
    ("GreaterOrEqual", layers.GreaterOrEqual, DType.BOOL, 12, 16),
    ("Less", layers.Less, DType.BOOL, 7, 9, 13),
    ("LessOrEqual", layers.LessOrEqual, DType.BOOL, 12, 16),
):
    _register(_op, _layer, _result, *_since)


@onnx_op(
    "Pow", since=(7, 12, 13, 15), ranks=Ranks.EACH, constants=("base", "exponent"), reads={1: reads.of_integers(Within(0, 3))}
)
def pow_(g: Builder, X: Value, Y: Value) -> Value:
    """z = xʸ, in x's type"""
    return binary(g, layers.Pow, X, Y)


@onnx_op(
    "Mod", since=(10, 13, 28), ranks=Ranks.EACH, reads={1: reads.of_integers(Usual(1))}, sizes=known.quotient(lambda a, b: a % b)
)
def mod(g: Builder, A: Value, B: Value, *, fmod: int = 0) -> Value:
    """y = a mod b with the sign of b, or (fmod = 1) of a"""
    return binary(g, layers.Remainder if fmod else layers.Modulo, A, B)


@onnx_op("BitShift", since=(11, 28), ranks=Ranks.EACH, reads={1: reads.always(Within(0, 7))})
def bit_shift(g: Builder, X: Value, Y: Value, *, direction: str) -> Value:
    """z = x shifted by y bits"""
    if direction not in ("LEFT", "RIGHT"):
        raise Refuse(f"direction={direction!r}", invalid=True)
    return binary(g, layers.BitShift, X, Y, left=direction == "LEFT")


@onnx_op("PRelu", since=(7, 9, 16), ranks=Ranks.EACH, constants=("input", "alpha"))
def prelu(g: Builder, X: Value, slope: Value) -> Value:
    """y = x ≥ 0 ? x : slope·x"""
    return binary(g, layers.PRelu, X, slope)


def _variadic(op: str, layer: type[Layer], *since: int) -> None:
    @onnx_op(op, since=since, ranks=Ranks.EACH)
    def lower(g: Builder, *data: Value) -> Value:
        return _chain(g, layer, data)

    lower.__doc__ = f"y = {layer.__doc__}, over all inputs from left to right"


def _chain(g: Builder, layer: type[Layer], data: tuple[Value, ...]) -> Value:
    if not data:
        raise Refuse(f"{g.origin.op} needs at least one input", invalid=True)
    result = data[0]
    for value in data[1:]:
        result = binary(g, layer, result, value)
    return result


onnx_facts("Max", keeps=Keeps.SOME, half=Half.MOVES, sizes=known.elementwise(dims.maximum))
onnx_facts("Min", keeps=Keeps.SOME, half=Half.MOVES, sizes=known.elementwise(dims.minimum))
_variadic("Max", layers.Max, 6, 8, 12, 13)
_variadic("Min", layers.Min, 6, 8, 12, 13)
_variadic("Sum", layers.Add, 6, 8, 13)


@onnx_op("Mean", since=(6, 8, 13), ranks=Ranks.EACH)
def mean(g: Builder, *data: Value) -> Value:
    """y = (x₀ + x₁ + …) / n"""
    total = _chain(g, layers.Add, data)
    count = g.constant(np.array(len(data), dtype=total.dtype.numpy))
    return binary(g, layers.Div, total, count)
