"""A model's large constants, beside its protobuf instead of inside of it.

A protobuf hands out and takes in copies of its bytes, and whoever checks or changes a model copies the whole of it. So a file's
large initializers are taken out when it is read: of each, name, type and shape stay behind, and `EXTERNAL` as the place of its
data. Whoever needs the numbers asks `array`; onnxruntime is lent the arrays (`model.reference`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from onnx2rust.base.arrays import raw

Array = np.ndarray[Any, Any]
Weights = Mapping[str, Array]
NONE: Weights = MappingProxyType({})
SMALL = 1024
"""Elements of what stays inside: it may be a shape that onnx's inference of shapes reads."""
_PLAIN = frozenset((TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.INT8, TensorProto.UINT8))
"""Types that numpy and onnxruntime hold alike."""


def detached(tensor: TensorProto, data: bytes) -> Array | None:
    """The array of an initializer of the main graph, which loses its data; None if it is one that keeps them."""
    if tensor.data_type not in _PLAIN or math.prod(tensor.dims) <= SMALL:
        return None
    place = onnx.StringStringEntryProto(key="location", value="beside the model")
    bare = TensorProto(name=tensor.name, doc_string=tensor.doc_string, data_type=tensor.data_type, dims=tensor.dims)
    tensor.CopyFrom(bare)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.append(place)
    return np.frombuffer(data, helper.tensor_dtype_to_np_dtype(tensor.data_type)).reshape(tensor.dims)


def is_outside(tensor: TensorProto) -> bool:
    """Whether the tensor has lost its data."""
    return tensor.data_location == TensorProto.EXTERNAL


def array(tensor: TensorProto, weights: Weights) -> Array:
    """The numbers of a constant. Raises ValueError or TypeError if they do not fit its shape and type."""
    return weights[tensor.name] if is_outside(tensor) else numpy_helper.to_array(tensor)


def serialised(model: onnx.ModelProto, weights: Weights) -> tuple[bytes | memoryview, ...]:
    """The model's file in pieces: protobuf's encoding, with the weights where they lie."""
    rest, graph = onnx.ModelProto(), onnx.GraphProto()
    rest.CopyFrom(model)
    rest.ClearField("graph")
    graph.CopyFrom(model.graph)
    graph.ClearField("initializer")
    inside: list[bytes | memoryview] = [graph.SerializeToString(deterministic=True)]
    for tensor in model.graph.initializer:
        inside += _field(_INITIALIZER, _encoded(tensor, weights))
    return (rest.SerializeToString(deterministic=True), *_field(_GRAPH, inside))


_GRAPH, _INITIALIZER, _RAW_DATA = 7, 5, 9
"""The numbers of the fields `ModelProto.graph`, `GraphProto.initializer` and `TensorProto.raw_data`."""


def _encoded(tensor: TensorProto, weights: Weights) -> list[bytes | memoryview]:
    if not is_outside(tensor):
        return [tensor.SerializeToString(deterministic=True)]
    bare = TensorProto()
    bare.CopyFrom(tensor)
    bare.ClearField("data_location")
    bare.ClearField("external_data")
    return [bare.SerializeToString(deterministic=True), *_field(_RAW_DATA, [raw(weights[tensor.name])])]


def _field(number: int, content: list[bytes | memoryview]) -> list[bytes | memoryview]:
    """A field of bytes, or of a message: its number, how long it is, what is in it."""
    return [_varint(number << 3 | 2) + _varint(sum(map(len, content))), *content]


def _varint(number: int) -> bytes:
    digits = [number >> shift & 0x7F for shift in range(0, max(1, number.bit_length()), 7)]
    return bytes([*(d | 0x80 for d in digits[:-1]), digits[-1]])
