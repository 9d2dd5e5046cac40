"""Maps of ai.onnx.ml: a model's inputs that are maps become tensors; ZipMap, whose sequence of maps is a tensor here, with a
column a key."""

from __future__ import annotations

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import symbol
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import MapType, TensorType
from onnx2rust.layers import maps
from onnx2rust.layers.classical import Lookup
from onnx2rust.layers.text import Places
from onnx2rust.model.schemas import ML
from onnx2rust.ops import scores
from onnx2rust.ops.cast import cast
from onnx2rust.ops.indexing import gather
from onnx2rust.registry import onnx_op
from onnx2rust.registry.facts import Strings
from onnx2rust.registry.reads import Use
from onnx2rust.registry.rules import Among, Rule, Within


def _words(use: Use) -> Rule:
    """Keys that the vocabulary has."""
    vocabulary = [a for a in use.node.attribute if a.name.endswith("_vocabulary")]
    texts = [word.decode("utf-8", "replace") for a in vocabulary for word in a.strings]
    return Among(tuple(texts or (number for a in vocabulary for number in a.ints)))


@onnx_op("DictVectorizer", since=1, domain=ML, strings=Strings.TEXT, reads={0: _words})
def dict_vectorizer(
    g: Builder, X: Value, *, int64_vocabulary: list[int] | None = None, string_vocabulary: list[str] | None = None
) -> Value:
    """y [1, n] = the values that the map x has for the n words of the vocabulary, zero (an empty string) for those that it lacks.
    onnxruntime knows no error here either: what is no word is left out, and a word may stand in the vocabulary twice."""
    given = string_vocabulary or int64_vocabulary
    if not given or (string_vocabulary and int64_vocabulary):
        raise Refuse("one of int64_vocabulary and string_vocabulary must be given", invalid=True)
    if (_type(X).keys is DType.STRING) != bool(string_vocabulary):
        raise Refuse(f"a vocabulary of {'strings' if string_vocabulary else 'integers'} for a {X.type}", invalid=True)
    keys, values = _pairs(g, X)
    words, order = np.unique(np.array(given, object if string_vocabulary else np.int64), return_inverse=True)
    if string_vocabulary:
        layer: Places | Lookup = Places(tuple(words.tolist()))
    else:
        layer = Lookup(g.weight(Value(f"{g.origin.node or g.origin.op}.vocabulary", keys.type), array=words))
    places = g.step(layer, [keys], TensorType(DType.I64, keys.shape))
    y = g.step(maps.AtPlaces(), [places, values], TensorType(values.dtype, (1, len(words))))
    return y if np.array_equal(order, np.arange(len(words))) else gather(g, y, g.constant(order.astype(np.int64)), axis=1)


_CASTS = {"TO_FLOAT": DType.F32, "TO_INT64": DType.I64, "TO_STRING": DType.STRING}


@onnx_op("CastMap", since=1, domain=ML, strings=Strings.TEXT, reads={0: lambda use: Within(0, use.attribute("max_map", 8))})
def cast_map(g: Builder, X: Value, *, cast_to: str = "TO_FLOAT", map_form: str = "DENSE", max_map: int = 1) -> Value:
    """y [1, n] = the values of the map x in the order of its keys; with SPARSE each at the place that its key says, of `max_map`
    places, zero where there is none (larger keys are left out, as in onnxruntime)."""
    if cast_to not in _CASTS or map_form not in ("DENSE", "SPARSE") or (map_form == "SPARSE" and max_map < 1):
        raise Refuse(f"there is no cast_to={cast_to} with map_form={map_form} and max_map={max_map}", invalid=True)
    keys, values = _pairs(g, X)
    y = cast(g, values, to=_CASTS[cast_to].onnx)
    if map_form == "DENSE":
        return g.view(y, 1, *y.shape)
    if y.dtype is DType.STRING:
        raise Refuse("the form SPARSE of strings is not supported", "ONNX does not say what stands where there is no key")
    return g.step(maps.AtPlaces(), [keys, y], TensorType(y.dtype, (1, max_map)))


def _type(x: Value) -> MapType:
    assert isinstance(x.type, MapType)
    return x.type


def _pairs(g: Builder, x: Value) -> tuple[Value, Value]:
    """The keys of a map and their values, [pairs] each."""
    count = g.new_symbol("pairs")
    types = [TensorType(dtype, (symbol(count),)) for dtype in (_type(x).keys, x.dtype)]
    keys, values = g.steps(maps.Pairs(), [x], *types, defines=(count,))
    assert keys is not None
    assert values is not None
    return keys, values


@onnx_op("ZipMap", since=1, domain=ML)
def zip_map(
    g: Builder, X: Value, *, classlabels_int64s: list[int] | None = None, classlabels_strings: list[str] | None = None
) -> Value:
    """The columns of x [rows, n], which the model calls by n keys."""
    keys = scores.class_labels(classlabels_int64s, classlabels_strings, ("classlabels_int64s", "classlabels_strings"))
    rows = scores.rows_of(g, X)
    if rows.shape[1] != len(keys):
        raise Refuse(f"{len(keys)} keys for the columns of {rows.type}", invalid=isinstance(rows.shape[1], int))
    if len(set(keys)) < len(keys):
        raise Refuse("two columns have one key", invalid=True)
    columns = tuple(map(str, keys)) if classlabels_strings else tuple(map(int, keys))
    return g.step(View(), [rows], TensorType(rows.dtype, rows.shape, None, columns))
