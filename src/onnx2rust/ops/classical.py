"""Features of classical models: Scaler, Normalizer, Imputer, Binarizer, ArrayFeatureExtractor, FeatureVectorizer,
OneHotEncoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import product
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Variant
from onnx2rust.ir.program import Value
from onnx2rust.layers.binary import Equal, Greater, Mul, Sub, broadcasting
from onnx2rust.layers.classical import Normalizer
from onnx2rust.layers.select import Where
from onnx2rust.layers.unary import IsNaN
from onnx2rust.model.schemas import ML
from onnx2rust.ops import scores
from onnx2rust.ops.binary import binary
from onnx2rust.ops.indexing import gather
from onnx2rust.ops.movement import concat
from onnx2rust.ops.text import places
from onnx2rust.registry import onnx_op
from onnx2rust.registry.facts import Strings
from onnx2rust.registry.rules import Within


def floats(g: Builder, x: Value) -> Value:
    """x as the floats that its features are computed in: doubles stay, whole numbers become float32."""
    return x if x.dtype is DType.F64 else g.cast(x, DType.F32)


def _of_columns(g: Builder, x: Value, values: Sequence[float], dtype: DType, name: str) -> Value:
    """An attribute with one number, or one for each column of x."""
    if len(values) != 1 and len(values) != x.shape[-1]:
        raise Refuse(f"{name} has {len(values)} elements for the columns of {x.type}", invalid=isinstance(x.shape[-1], int))
    return g.constant(np.array(values, dtype.numpy))


@onnx_op("Scaler", since=1, domain=ML)
def scaler(g: Builder, X: Value, *, offset: list[float] | None = None, scale: list[float] | None = None) -> Value:
    """y = (x − offset) · scale, by columns"""
    if X.rank == 0 or not offset or not scale or len(offset) != len(scale):
        raise Refuse(f"{len(offset or ())} offsets and {len(scale or ())} scales for {X.type}", invalid=True)
    y = floats(g, X)
    if any(offset):
        y = binary(g, Sub, y, _of_columns(g, X, offset, y.dtype, "offset"))
    if any(s != 1 for s in scale):
        y = binary(g, Mul, y, _of_columns(g, X, scale, y.dtype, "scale"))
    return g.cast(y, DType.F32)


_NORMS = {"MAX": "Max", "L1": "L1", "L2": "L2"}


@onnx_op("Normalizer", since=1, domain=ML)
def normalizer(g: Builder, X: Value, *, norm: str = "MAX") -> Value:
    """y = each sample divided by its norm"""
    if norm not in _NORMS:
        raise Refuse(f"norm={norm!r}; it is one of {', '.join(_NORMS)}", invalid=True)
    x = floats(g, scores.rows_of(g, X))
    y = g.step(Normalizer(Variant("classical::Norm", _NORMS[norm]), x.shape), [x], x.type)
    return g.view(g.cast(y, DType.F32), *X.shape)


@onnx_op("Imputer", since=1, domain=ML)
def imputer(
    g: Builder,
    X: Value,
    *,
    imputed_value_floats: list[float] | None = None,
    imputed_value_int64s: list[int] | None = None,
    replaced_value_float: float = 0.0,
    replaced_value_int64: int = 0,
) -> Value:
    """y = x, but where it is the replaced value, the imputed value of its column"""
    imputed: Any = imputed_value_floats if X.dtype.is_float else imputed_value_int64s
    name = "imputed_value_floats" if X.dtype.is_float else "imputed_value_int64s"
    if not imputed or X.rank == 0:
        raise Refuse(f"{X.type} needs {name}", invalid=True)
    if X.dtype.is_float and np.isnan(replaced_value_float):
        missing = g.elementwise(lambda _: IsNaN(), [X], DType.BOOL)
    else:
        wanted = replaced_value_float if X.dtype.is_float else replaced_value_int64
        missing = binary(g, Equal, X, g.constant(np.array(wanted, X.dtype.numpy)), DType.BOOL)
    return g.elementwise(broadcasting(Where), [missing, _of_columns(g, X, imputed, X.dtype, name), X], X.dtype)


@onnx_op("Binarizer", since=1, domain=ML)
def binarizer(g: Builder, X: Value, *, threshold: float = 0.0) -> Value:
    """y = x > threshold ? 1 : 0"""
    g.only(X, DType.F32, DType.F64)
    return g.cast(binary(g, Greater, X, g.constant(np.array(threshold, X.dtype.numpy)), DType.BOOL), X.dtype)


@onnx_op(
    "ArrayFeatureExtractor", since=1, domain=ML, strings=Strings.PLACES, reads={1: lambda use: Within(0, use.shape(0)[-1] - 1)}
)
def array_feature_extractor(g: Builder, X: Value, Y: Value) -> Value:
    """z = the columns y of x"""
    if X.rank == 0:
        raise Refuse(f"{X.type} has no columns", invalid=True)
    columns = g.view(Y, product(Y.shape))
    z = gather(g, X, columns, axis=-1)
    return g.view(z, 1, *z.shape) if X.rank == 1 else z


@onnx_op("FeatureVectorizer", since=1, domain=ML)
def feature_vectorizer(g: Builder, *X: Value, inputdimensions: list[int] | None = None) -> Value:
    """y = the columns of all inputs side by side"""
    columns = [scores.rows_of(g, x) for x in X]
    sizes = [x.shape[1] for x in columns]
    if inputdimensions is None or len(inputdimensions) != len(X):
        raise Refuse(f"inputdimensions has {len(inputdimensions or ())} elements for {len(X)} inputs", invalid=True)
    if list(inputdimensions) != sizes:
        told = ", ".join(map(str, inputdimensions))
        raise Refuse(
            f"inputs with {', '.join(map(str, sizes))} columns are to be given {told}", "columns are neither cut off nor added"
        )
    return concat(g, *(g.cast(x, DType.F32) for x in columns), axis=1)


@onnx_op("OneHotEncoder", since=1, domain=ML, strings=Strings.PLACES)
def one_hot_encoder(
    g: Builder, X: Value, *, cats_int64s: list[int] | None = None, cats_strings: list[str] | None = None, zeros: int = 1
) -> Value:
    """y [*x, n] = 1 at the category of x, else 0"""
    if bool(cats_int64s) == bool(cats_strings):
        raise Refuse("one of cats_int64s and cats_strings must be given", invalid=True)
    if not zeros:
        raise Refuse(
            "an unknown category is an error with zeros=0", "export with zeros=1 (scikit-learn: handle_unknown='ignore')"
        )
    if cats_strings:
        found, order = places(g, X, cats_strings)
        at = {k: place for place, k in enumerate(order.tolist())}
        categories = np.array([at.get(k, -1) for k in range(len(cats_strings))], np.int64)
    elif X.tensor.is_text:
        raise Refuse("cats_int64s for strings", invalid=True)
    else:
        found, categories = g.cast(X, DType.I64), np.array(cats_int64s, np.int64)
    x = g.view(found, *X.shape, 1)
    return g.cast(binary(g, Equal, x, g.constant(categories), DType.BOOL), DType.F32)
