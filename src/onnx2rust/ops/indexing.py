"""Reading and writing at positions that tensors hold, and tensors whose size the data decide."""

from __future__ import annotations

from typing import Any

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim, product, symbol
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Variant
from onnx2rust.ir.program import Value
from onnx2rust.ir.shapes import split_at
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import indexing
from onnx2rust.ops import known
from onnx2rust.ops.axes import normal_axis
from onnx2rust.ops.cast import cast_to
from onnx2rust.registry import onnx_op, reads
from onnx2rust.registry.facts import Half, Strings
from onnx2rust.registry.rules import MOST, Within

_CHOOSES: dict[str, Any] = {"strings": Strings.TEXT, "half": Half.MOVES}
"""Facts of operators that choose elements."""
_REDUCTIONS = {"none": "None", "add": "Add", "mul": "Mul", "max": "Max", "min": "Min"}


def _sizes_of_gather(arrays: list[Any], attributes: dict[str, Any]) -> Any:
    indices = known.numbers(arrays[1])
    return (
        None
        if indices is None
        else np.take(arrays[0], np.array(indices, int).reshape(arrays[1].shape), axis=attributes.get("axis", 0))
    )


@onnx_op(
    "Gather",
    since=(1, 11, 13),
    strings=Strings.PLACES,
    half=Half.MOVES,
    reads={1: reads.ids_of_axis},
    sizes=_sizes_of_gather,
    constants=("embeddings",),
)
def gather(g: Builder, data: Value, indices: Value, *, axis: int = 0) -> Value:
    """y = x[…, indices, …]: the indices take the place of an axis."""
    at = normal_axis(axis, data.rank)
    layer = indexing.Gather(*split_at(data.shape, at))
    shape = (*data.shape[:at], *indices.shape, *data.shape[at + 1 :])
    return g.step(layer, [data, indices], data.tensor.with_shape(*shape))


def _check_ranks(x: Value, indices: Value) -> None:
    if x.rank != indices.rank or x.rank == 0:
        raise Refuse(f"indices of {indices.rank} axes into a tensor of {x.rank}", invalid=True)


@onnx_op("GatherElements", since=(11, 13), reads={1: reads.ids_of_axis}, **_CHOOSES)
def gather_elements(g: Builder, data: Value, indices: Value, *, axis: int = 0) -> Value:
    """y[i] = x[i with its coordinate on `axis` replaced by indices[i]]."""
    _check_ranks(data, indices)
    layer = indexing.GatherElements(normal_axis(axis, data.rank), data.shape, indices.shape)
    return g.step(layer, [data, indices], data.tensor.with_shape(*indices.shape))


def _tuple_length(indices: Value, rank: int) -> int:
    if indices.rank == 0:
        raise Refuse("indices have no axes", invalid=True)
    length = indices.shape[-1]
    if not isinstance(length, int):
        raise Refuse("how many axes are indexed is only known at run time")
    if not 1 <= length <= rank:
        raise Refuse(f"indices of {length} coordinates into {rank} axes", invalid=True)
    return length


@onnx_op("GatherND", since=(11, 12, 13), added={12: "batch_dims"}, reads={1: reads.ids_of_axes}, **_CHOOSES)
def gather_nd(g: Builder, data: Value, indices: Value, *, batch_dims: int = 0) -> Value:
    """y[b, i] = x[b, indices[b, i, 0], indices[b, i, 1], …]."""
    b = batch_dims
    if not 0 <= b < min(data.rank, indices.rank):
        raise Refuse(f"batch_dims {b} of tensors of {data.rank} and {indices.rank} axes", invalid=True)
    length = _tuple_length(indices, data.rank - b)
    inner = data.shape[b + length :]
    layer = indexing.GatherNd(product(data.shape[:b]), data.shape[b : b + length], product(inner), product(indices.shape[b:-1]))
    return g.step(layer, [data, indices], data.tensor.with_shape(*indices.shape[:-1], *inner))


def combination(name: str, x: Value) -> Variant:
    """How updates of x meet what is there."""
    if name not in _REDUCTIONS:
        raise Refuse(f"reduction {name!r} is unknown", invalid=True)
    if x.dtype in (DType.STRING, DType.F16) and name != "none":
        raise Refuse(f"reduction {name!r} of {x.dtype} is not supported")
    return Variant.of("indexing::Reduction", _REDUCTIONS[name])


@onnx_op("Scatter", since=(9, 11), strings=Strings.TEXT, reads={1: reads.ids_of_axis})
def scatter_9(g: Builder, data: Value, indices: Value, updates: Value, *, axis: int = 0) -> Value:
    """The old name of ScatterElements."""
    return scatter_elements(g, data, indices, updates, axis=axis)


@onnx_op("ScatterElements", since=(11, 13, 16, 18), added={16: "reduction"}, reads={1: reads.ids_of_axis}, **_CHOOSES)
def scatter_elements(g: Builder, data: Value, indices: Value, updates: Value, *, axis: int = 0, reduction: str = "none") -> Value:
    """x with x[i with its coordinate on `axis` replaced by indices[i]] = updates[i]."""
    _check_ranks(data, indices)
    if indices.shape != updates.shape and all(isinstance(d, int) for d in (*indices.shape, *updates.shape)):
        raise Refuse(f"updates {updates.type} for indices {indices.type}", invalid=True)
    at = normal_axis(axis, data.rank)
    layer = indexing.ScatterElements(at, data.shape, indices.shape, combination(reduction, data))
    return g.step(layer, [data, indices, updates], data.type)


@onnx_op("ScatterND", since=(11, 13, 16, 18), added={16: "reduction"}, reads={1: reads.ids_of_axes}, **_CHOOSES)
def scatter_nd(g: Builder, data: Value, indices: Value, updates: Value, *, reduction: str = "none") -> Value:
    """x with x[indices[i, 0], indices[i, 1], …] = updates[i]."""
    length = _tuple_length(indices, data.rank)
    sizes = (data.shape[:length], product(data.shape[length:]), product(indices.shape[:-1]))
    difference = updates.tensor.size - sizes[1] * sizes[2]
    if isinstance(difference, int) and difference:
        raise Refuse(f"updates {updates.type} for indices {indices.type} into {data.type}", invalid=True)
    return g.step(indexing.ScatterNd(combination(reduction, data), *sizes), [data, indices, updates], data.type)


@onnx_op("OneHot", since=(9, 11, 28), reads={0: reads.classes, 1: reads.always(Within(MOST, 2 * MOST))})
def one_hot(g: Builder, indices: Value, depth: Value, values: Value, *, axis: int = -1) -> Value:
    """y has a new axis of `depth`: values[1] where its coordinate is the index, values[0] elsewhere."""
    at = normal_axis(axis, indices.rank + 1)
    if depth.array is not None:
        size: Dim = int(depth.array.ravel()[0])
    else:
        (size,) = g.sizes(cast_to(g, depth, DType.I64), "depth")
    if indices.dtype not in (DType.I64, DType.I32):
        indices = cast_to(g, indices, DType.I64)
    shape = indices.shape
    layer = indexing.OneHot(product(shape[:at]), size, product(shape[at:]))
    out = values.tensor.with_shape(*shape[:at], size, *shape[at:])
    return g.step(layer, [indices, values], out)


@onnx_op("NonZero", since=(9, 13))
def non_zero(g: Builder, X: Value) -> Value:
    """y [rank, n]: the indices of the elements that are not zero."""
    if X.dtype is DType.F16:
        raise Refuse("NonZero of float16 is not supported")
    count = g.new_symbol("count")
    shape = X.shape or (1,)
    layer = indexing.NonZero(shape)
    out = TensorType(DType.I64, (len(shape), symbol(count)))
    return g.step(layer, [X], out, defines=(count,))


@onnx_op("Compress", since=(9, 11, 28), reads={1: reads.MASK}, **_CHOOSES)
def compress(g: Builder, input: Value, condition: Value, *, axis: int | None = None) -> Value:
    """The positions of an axis (or of all elements) whose condition is true."""
    if axis is None:
        input, axis = g.view(input, input.tensor.size), 0
    at = normal_axis(axis, input.rank)
    count = g.new_symbol("count")
    out = input.tensor.with_shape(*input.shape[:at], symbol(count), *input.shape[at + 1 :])
    return g.step(indexing.Compress(*split_at(input.shape, at)), [input, condition], out, defines=(count,))


@onnx_op("Unique", since=(11, 28))
def unique(g: Builder, X: Value, *, axis: int | None = None, sorted: int = 1, n_outputs: int = 1) -> tuple[Value | None, ...]:
    """The distinct slices along an axis (or elements), where each occurs first, which one each is, and how often."""
    if X.dtype in (DType.BOOL, DType.F16):
        raise Refuse(f"Unique of {X.dtype} is not supported")
    if axis is None:
        X, axis = g.view(X, X.tensor.size), 0
    at = normal_axis(axis, X.rank)
    sizes = split_at(X.shape, at)
    name = g.new_symbol("count")
    n = symbol(name)
    types = [X.tensor.with_shape(*X.shape[:at], n, *X.shape[at + 1 :])]
    more: list[TensorType | None] = [
        TensorType(DType.I64, (d,)) if k + 1 < n_outputs else None for k, d in enumerate((n, sizes[1], n))
    ]
    return g.steps(indexing.Unique(*sizes, bool(sorted)), [X], *types, *more, defines=(name,))
