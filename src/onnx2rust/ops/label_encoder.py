"""LabelEncoder: values for keys, of numbers and of strings that stand for classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers.classical import Lookup
from onnx2rust.model.schemas import ML
from onnx2rust.ops.indexing import gather
from onnx2rust.ops.text import places
from onnx2rust.registry import Attributes, onnx_op
from onnx2rust.registry.facts import Strings

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Encoding(Attributes):
    """Keys and values, each in one of three lists or in a tensor."""

    default_float: float = -0.0
    default_int64: int = -1
    default_string: str = "_Unused"
    default_tensor: TensorProto | None = None
    keys_floats: list[float] | None = None
    keys_int64s: list[int] | None = None
    keys_strings: list[str] | None = None
    keys_tensor: TensorProto | None = None
    values_floats: list[float] | None = None
    values_int64s: list[int] | None = None
    values_strings: list[str] | None = None
    values_tensor: TensorProto | None = None


@onnx_op("LabelEncoder", since=1, domain=ML)
def label_encoder_1(
    g: Builder, X: Value, *, classes_strings: list[str] | None = None, default_int64: int = -1, default_string: str = "_Unused"
) -> Value:
    """y = the name of the class x, or the class of the name x"""
    names = np.array(classes_strings or [], object)
    places = np.arange(len(names))
    if X.tensor.names is None:
        return _encoded(g, X, places, names, default_string)
    return _encoded(g, X, names, places, default_int64)


@onnx_op("LabelEncoder", since=(2, 4), domain=ML, added={4: "default_tensor keys_tensor values_tensor"}, strings=Strings.PLACES)
def label_encoder(g: Builder, X: Value, *, encoding: Encoding) -> Value:
    """y = the value of the key x; NaN is no key before version 4"""
    keys, values = _list(encoding, "keys"), _list(encoding, "values")
    default: Any = {"i": encoding.default_int64, "O": encoding.default_string}.get(values.dtype.kind, encoding.default_float)
    if encoding.default_tensor is not None:
        default = numpy_helper.to_array(encoding.default_tensor).reshape(-1)[0]
        default = default.decode() if isinstance(default, bytes) else default
    if keys.dtype.kind == "f" and g.origin.opset < 4:
        kept = ~np.isnan(keys)
        keys, values = keys[kept], values[kept]
    return _encoded(g, X, keys, values, default)


def _list(encoding: Encoding, what: str) -> Array:
    """The keys or the values."""
    kinds = {"floats": np.float32, "int64s": np.int64, "strings": object}
    given = [np.array(v, kind) for name, kind in kinds.items() if (v := getattr(encoding, f"{what}_{name}"))]
    tensor = getattr(encoding, f"{what}_tensor")
    if tensor is not None:
        array = numpy_helper.to_array(tensor).reshape(-1)
        texts = [t.decode("utf-8", "replace") if isinstance(t, bytes) else str(t) for t in array.tolist()]
        given.append(np.array(texts, object) if array.dtype == object else array)
    if len(given) != 1:
        raise Refuse(f"{len(given)} lists of {what} are given; it must be one", invalid=True)
    return given[0]


def _encoded(g: Builder, x: Value, keys: Array, values: Array, default: Any) -> Value:
    """The value of each key x, or the default."""
    if len(keys) != len(values):
        raise Refuse(f"{len(keys)} keys for {len(values)} values", invalid=True)
    if len(np.unique(keys)) < len(keys):
        raise Refuse("a key is given twice")
    found = np.append(values, np.array([default], values.dtype))
    if x.tensor.is_text and keys.dtype == object:
        place, order = places(g, x, keys.tolist())
        found = found[order]
    elif keys.dtype == x.dtype.numpy:
        order = np.argsort(keys, kind="stable")
        layer = Lookup(g.weight(Value(f"{g.origin.node or g.origin.op}.keys", x.type), array=keys[order]))
        place = g.step(layer, [x], TensorType(DType.I64, x.shape))
        found = found[np.append(order, len(keys))]
    else:
        raise Refuse(f"keys of type {keys.dtype} for {x.type}", invalid=True)
    return gather(g, g.constant(found), place)
