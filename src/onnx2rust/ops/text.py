"""Operators of strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import text
from onnx2rust.ops.binary import binary
from onnx2rust.registry import onnx_op
from onnx2rust.registry.facts import Strings


def places(g: Builder, x: Value, keys: Sequence[str]) -> tuple[Value, np.ndarray[Any, Any]]:
    """(place, order): the string x is `keys[order[place]]`; the order of one that is no key is `len(keys)`."""
    number = {key: k for k, key in enumerate(keys)}
    if x.tensor.names is not None:
        return x, np.array([number.get(name, len(keys)) for name in x.tensor.names], np.int64)
    names = sorted(keys, key=str.encode)
    place = g.step(text.Places(tuple(names)), [x], TensorType(DType.I64, x.shape))
    return place, np.array([*(number[name] for name in names), len(keys)], np.int64)


@onnx_op("StringConcat", since=20, strings=Strings.TEXT)
def string_concat(g: Builder, X: Value, Y: Value) -> Value:
    """z = x, and y behind it"""
    return binary(g, text.StringConcat, X, Y)
