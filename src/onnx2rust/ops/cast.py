"""Element types: Cast, CastLike and BitCast."""

from __future__ import annotations

from typing import Any

import onnx

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType, from_onnx
from onnx2rust.ir.program import Value
from onnx2rust.layers.cast import BitCast
from onnx2rust.registry import onnx_op
from onnx2rust.registry.facts import Half, Keeps, Ranks, Strings
from onnx2rust.registry.rules import Mask


def cast_to(g: Builder, x: Value, dtype: DType) -> Value:
    """x in another element type; float16 waits to be rounded"""
    source = x if x.dtype is dtype else g.unrounded(x)
    return g.narrow(source) if (source.dtype, dtype) == (DType.F32, DType.F16) else g.cast(source, dtype)


def _target(code: int) -> DType:
    dtype = from_onnx(code)
    if dtype is None:
        raise Refuse(f"an element type with the ONNX code {code} is not supported")
    if dtype is DType.STRING:
        raise Refuse("a cast of numbers to strings is not supported", "cut the model in front of it with --output")
    return dtype


def _sizes_of_cast(arrays: list[Any], attributes: dict[str, Any]) -> Any:
    integers = (onnx.TensorProto.INT64, onnx.TensorProto.INT32)
    return arrays[0] if attributes.get("to") in integers else None


_EIGHT_BIT = {19: "saturate", 24: "round_mode"}
"""What is said of casts to 8-bit floats."""


@onnx_op(
    "Cast",
    since=(6, 9, 13, 19, 21, 23, 24, 25, 28),
    added=_EIGHT_BIT,
    ranks=Ranks.EACH,
    keeps=Keeps.ALL,
    strings=Strings.PLACES,
    half=Half.ITSELF,
    sizes=_sizes_of_cast,
    reads={0: lambda use: Mask() if use.attribute("to", 0) == onnx.TensorProto.BOOL else None},
)
def cast(g: Builder, input: Value, *, round_mode: str = "up", saturate: int = 1, to: int) -> Value:
    """y = x in another element type; strings stay strings"""
    if not input.tensor.is_text:
        return cast_to(g, input, _target(to))
    if to != onnx.TensorProto.STRING:
        raise Refuse("a cast of strings is not supported", "turn classes into numbers with LabelEncoder")
    return input


@onnx_op("CastLike", since=(15, 19, 21, 23, 24, 25), added=_EIGHT_BIT, half=Half.ITSELF)
def cast_like(g: Builder, input: Value, target_type: Value, *, round_mode: str = "up", saturate: int = 1) -> Value:
    """y = x in the element type of another tensor"""
    return cast_to(g, input, target_type.dtype)


@onnx_op("BitCast", since=26, half=Half.ITSELF)
def bit_cast(g: Builder, input: Value, *, to: int) -> Value:
    """y = the bits of x in another element type of the same size"""
    dtype = _target(to)
    if dtype.bits != input.dtype.bits:
        raise Refuse(f"{input.dtype} and {dtype} have not the same size", invalid=True)
    if dtype is DType.BOOL or DType.F16 in (dtype, input.dtype):
        raise Refuse(f"BitCast of {input.dtype} to {dtype} is not supported")
    return g.elementwise(lambda _: BitCast(), [input], dtype)
