"""Reading and writing at positions that tensors hold, and tensors whose size the data decide."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir import dtypes
from onnx2rust.ir.dims import Dim, ceil_div, maximum, product, symbol
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Variant
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import indexing, movement
from onnx2rust.layers.shapes import split_at
from onnx2rust.ops import known
from onnx2rust.ops.axes import normal_axis
from onnx2rust.ops.cast import cast_to
from onnx2rust.ops.movement import filled, zeros
from onnx2rust.ops.pad import padded
from onnx2rust.ops.windows import geometry
from onnx2rust.registry import Sizes, onnx_op, reads
from onnx2rust.registry.facts import Half, Strings, onnx_facts
from onnx2rust.registry.rules import MOST, Within

_REDUCTIONS = {"add": "Add", "mul": "Mul", "max": "Max", "min": "Min"}


def _sizes_of_gather(arrays: list[Any], attributes: dict[str, Any]) -> Any:
    indices = known.numbers(arrays[1])
    return (
        None
        if indices is None
        else np.take(arrays[0], np.array(indices, int).reshape(arrays[1].shape), axis=attributes.get("axis", 0))
    )


onnx_facts("Gather", strings=Strings.PLACES, half=Half.MOVES, reads={1: reads.ids_of_axis}, sizes=_sizes_of_gather)


@onnx_op("Gather", since=(1, 11, 13))
def gather(g: Builder, data: Value, indices: Value, *, axis: int = 0) -> Value:
    """y = x[…, indices, …]: the indices take the place of an axis."""
    x = data
    at = normal_axis(axis, x.rank)
    layer = indexing.Gather(*split_at(x.shape, at))
    shape = (*x.shape[:at], *indices.shape, *x.shape[at + 1 :])
    return g.step(layer, [x, indices], x.tensor.with_shape(*shape))


def _check_ranks(x: Value, indices: Value) -> None:
    if x.rank != indices.rank or x.rank == 0:
        raise Refuse(f"indices of {indices.rank} axes into a tensor of {x.rank}", invalid=True)


onnx_facts("GatherElements", strings=Strings.TEXT, half=Half.MOVES, reads={1: reads.ids_of_axis})


@onnx_op("GatherElements", since=(11, 13))
def gather_elements(g: Builder, data: Value, indices: Value, *, axis: int = 0) -> Value:
    """y[i] = x[i with its coordinate on `axis` replaced by indices[i]]."""
    x = data
    _check_ranks(x, indices)
    layer = indexing.GatherElements(normal_axis(axis, x.rank), x.shape, indices.shape)
    return g.step(layer, [x, indices], x.tensor.with_shape(*indices.shape))


def _tuple_length(indices: Value, rank: int) -> int:
    if indices.rank == 0:
        raise Refuse("indices have no axes", invalid=True)
    length = indices.shape[-1]
    if not isinstance(length, int):
        raise Refuse("how many axes are indexed is only known at run time")
    if not 1 <= length <= rank:
        raise Refuse(f"indices of {length} coordinates into {rank} axes", invalid=True)
    return length


onnx_facts("GatherND", strings=Strings.TEXT, half=Half.MOVES, reads={1: reads.ids_of_axes})


@onnx_op("GatherND", since=11)
def gather_nd_11(g: Builder, data: Value, indices: Value) -> Value:
    """y[i] = x[indices[i, 0], indices[i, 1], …]."""
    return gather_nd(g, data, indices)


@onnx_op("GatherND", since=(12, 13))
def gather_nd(g: Builder, data: Value, indices: Value, *, batch_dims: int = 0) -> Value:
    """y[b, i] = x[b, indices[b, i, 0], indices[b, i, 1], …]."""
    x = data
    b = batch_dims
    if not 0 <= b < min(x.rank, indices.rank):
        raise Refuse(f"batch_dims {b} of tensors of {x.rank} and {indices.rank} axes", invalid=True)
    length = _tuple_length(indices, x.rank - b)
    inner = x.shape[b + length :]
    layer = indexing.GatherNd(product(x.shape[:b]), x.shape[b : b + length], product(inner), product(indices.shape[b:-1]))
    return g.step(layer, [x, indices], x.tensor.with_shape(*indices.shape[:-1], *inner))


def _reduction(name: str, x: Value) -> Variant:
    if name not in _REDUCTIONS:
        raise Refuse(f"reduction {name!r} is unknown", invalid=True)
    if x.dtype in (DType.STRING, DType.F16):
        raise Refuse(f"reduction {name!r} of {x.dtype} is not supported")
    return Variant.of("movement::Reduction", _REDUCTIONS[name])


def scatter(g: Builder, x: Value, indices: Value, updates: Value, axis: int, reduction: str) -> Value:
    """x with updates at the indices along an axis."""
    _check_ranks(x, indices)
    if indices.shape != updates.shape and all(isinstance(d, int) for d in (*indices.shape, *updates.shape)):
        raise Refuse(f"updates {updates.type} for indices {indices.type}", invalid=True)
    at = normal_axis(axis, x.rank)
    if reduction == "none":
        return g.step(indexing.ScatterElements(at, x.shape, indices.shape), [x, indices, updates], x.type)
    layer = indexing.ScatterElementsReduce(at, _reduction(reduction, x), x.shape, indices.shape)
    return g.step(layer, [x, indices, updates], x.type)


onnx_facts("Scatter", strings=Strings.TEXT, reads={1: reads.ids_of_axis})


@onnx_op("Scatter", since=(9, 11))
def scatter_9(g: Builder, data: Value, indices: Value, updates: Value, *, axis: int = 0) -> Value:
    """The old name of ScatterElements."""
    x = data
    return scatter(g, x, indices, updates, axis, "none")


onnx_facts("ScatterElements", strings=Strings.TEXT, half=Half.MOVES, reads={1: reads.ids_of_axis})


@onnx_op("ScatterElements", since=(11, 13))
def scatter_elements_11(g: Builder, data: Value, indices: Value, updates: Value, *, axis: int = 0) -> Value:
    """x with x[i with its coordinate on `axis` replaced by indices[i]] = updates[i]."""
    return scatter(g, data, indices, updates, axis, "none")


@onnx_op("ScatterElements", since=(16, 18))
def scatter_elements(g: Builder, data: Value, indices: Value, updates: Value, *, axis: int = 0, reduction: str = "none") -> Value:
    """x with x[i with its coordinate on `axis` replaced by indices[i]] = updates[i]."""
    x = data
    return scatter(g, x, indices, updates, axis, reduction)


onnx_facts("ScatterND", strings=Strings.TEXT, half=Half.MOVES, reads={1: reads.ids_of_axes})


@onnx_op("ScatterND", since=(11, 13))
def scatter_nd_11(g: Builder, data: Value, indices: Value, updates: Value) -> Value:
    """x with x[indices[i, 0], indices[i, 1], …] = updates[i]."""
    return scatter_nd(g, data, indices, updates)


@onnx_op("ScatterND", since=(16, 18))
def scatter_nd(g: Builder, data: Value, indices: Value, updates: Value, *, reduction: str = "none") -> Value:
    """x with x[indices[i, 0], indices[i, 1], …] = updates[i]."""
    x = data
    length = _tuple_length(indices, x.rank)
    sizes = (x.shape[:length], product(x.shape[length:]), product(indices.shape[:-1]))
    difference = updates.tensor.size - sizes[1] * sizes[2]
    if isinstance(difference, int) and difference:
        raise Refuse(f"updates {updates.type} for indices {indices.type} into {x.type}", invalid=True)
    if reduction == "none":
        return g.step(indexing.ScatterNd(*sizes), [x, indices, updates], x.type)
    return g.step(indexing.ScatterNdReduce(_reduction(reduction, x), *sizes), [x, indices, updates], x.type)


onnx_facts("MaxUnpool", reads={1: lambda use: Within(0, math.prod(use.shape(1)) - 1)})


@onnx_op("MaxUnpool", since=(9, 11, 22))
def max_unpool(
    g: Builder,
    X: Value,
    I: Value,  # noqa: E741  (the schema's name)
    output_shape: Sizes | None = None,
    *,
    kernel_shape: list[int],
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Value:
    """Zeros with x at the indices that MaxPool found; indices count in the smallest image that has such windows."""
    x = X
    rank = x.rank - 2
    steps, margins = strides or [1] * rank, pads or [0] * 2 * rank
    window = zip(x.shape[2:], kernel_shape, steps, margins[:rank], margins[rank:], strict=False)
    image = [(n - 1) * step + size - before - after for n, size, step, before, after in window]
    geometry(tuple(image), kernel_shape, strides, None, pads, "NOTSET")  # which refuses lists that do not fit
    natural: list[Dim] = [*x.shape[:2], *image]
    count = x.tensor.size
    blank = g.view(zeros(g, x.dtype, natural), product(natural))
    layer = indexing.ScatterElements(0, (product(natural),), (count,))
    flat = g.step(layer, [blank, g.view(I, count), g.view(x, count)], x.tensor.with_shape(product(natural)))
    y = g.view(flat, *natural)
    if output_shape is None:
        return y
    if len(output_shape) != x.rank:
        raise Refuse(f"output_shape has {len(output_shape)} axes, x has {x.rank}", invalid=True)
    more = [wanted - n for wanted, n in zip(output_shape, natural, strict=True)]
    return padded(g, y, [0] * x.rank, more, "constant", None)


onnx_facts("OneHot", reads={0: reads.classes, 1: reads.always(Within(MOST, 2 * MOST))})


@onnx_op("OneHot", since=(9, 11, 28))
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
    x = X
    if x.dtype is DType.F16:
        raise Refuse("NonZero of float16 is not supported")
    count = g.new_symbol("count")
    shape = x.shape or (1,)
    layer = indexing.NonZero(shape)
    out = TensorType(DType.I64, (len(shape), symbol(count)))
    return g.step(layer, [x], out, defines=(count,))


onnx_facts("Compress", strings=Strings.TEXT, half=Half.MOVES, reads={1: reads.MASK})


@onnx_op("Compress", since=(9, 11, 28))
def compress(g: Builder, input: Value, condition: Value, *, axis: int | None = None) -> Value:
    """The positions of an axis (or of all elements) whose condition is true."""
    x = input
    if axis is None:
        x, axis = g.view(x, x.tensor.size), 0
    at = normal_axis(axis, x.rank)
    count = g.new_symbol("count")
    out = x.tensor.with_shape(*x.shape[:at], symbol(count), *x.shape[at + 1 :])
    return g.step(indexing.Compress(*split_at(x.shape, at)), [x, condition], out, defines=(count,))


@onnx_op("Unique", since=(11, 28))
def unique(g: Builder, X: Value, *, axis: int | None = None, sorted: int = 1, n_outputs: int = 1) -> tuple[Value | None, ...]:
    """The distinct slices along an axis (or elements), where each occurs first, which one each is, and how often."""
    x = X
    if x.dtype in (DType.BOOL, DType.F16):
        raise Refuse(f"Unique of {x.dtype} is not supported")
    if axis is None:
        x, axis = g.view(x, x.tensor.size), 0
    at = normal_axis(axis, x.rank)
    sizes = split_at(x.shape, at)
    name = g.new_symbol("count")
    n = symbol(name)
    types = [x.tensor.with_shape(*x.shape[:at], n, *x.shape[at + 1 :])]
    more: list[TensorType | None] = [
        TensorType(DType.I64, (d,)) if k + 1 < n_outputs else None for k, d in enumerate((n, sizes[1], n))
    ]
    return g.steps(indexing.Unique(bool(sorted), *sizes), [x], *types, *more, defines=(name,))


onnx_facts("Range", reads={0: reads.always(Within(0, 2)), 1: reads.always(Within(4, 8)), 2: reads.always(Within(1, 2))})


@onnx_op("Range", since=11)
def range_11(g: Builder, start: Value, limit: Value, delta: Value) -> Value:
    """start, start + delta, … before limit."""
    return range_(g, start, limit, delta)


@onnx_op("Range", since=27)
def range_(g: Builder, start: Value, limit: Value, delta: Value, *, stash_type: int = 1) -> Value:
    """start, start + delta, … before limit."""
    if start.dtype not in (DType.F32, DType.F64, DType.I16, DType.I32, DType.I64):
        raise Refuse(f"Range of {start.dtype} is not supported")
    known = [v.dims() for v in (start, limit, delta)]
    inputs = [start, limit, delta]
    if all(k is not None and not isinstance(k[0], float) for k in known):
        first, last, step = (k[0] for k in known if k is not None)
        if step == 0:
            raise Refuse("the step of Range is 0", invalid=True)
        if isinstance(step, int):
            count = ceil_div(last - first, step) if step > 0 else ceil_div(first - last, -step)
            return g.step(movement.Range(), inputs, start.tensor.with_shape(maximum(count, 0)))
    name = g.new_symbol("count")
    out = start.tensor.with_shape(symbol(name))
    return g.step(movement.Range(), inputs, out, defines=(name,))


onnx_facts("ConstantOfShape", half=Half.MOVES, reads={0: reads.SIZE})


@onnx_op("ConstantOfShape", since=(9, 20, 21, 23, 24, 25))
def constant_of_shape(g: Builder, input: Sizes, *, value: onnx.TensorProto | None = None) -> Value:
    """A tensor of one value."""
    if any(isinstance(d, int) and d < 0 for d in input):
        raise Refuse(f"a shape of {list(input)}", invalid=True)
    content = np.zeros(1, np.float32) if value is None else numpy_helper.to_array(value)
    if content.size != 1:
        raise Refuse("value is not one element", invalid=True)
    return filled(g, content, input)


@onnx_op("EyeLike", since=(9, 22))
def eye_like(g: Builder, input: Value, *, dtype: int | None = None, k: int = 0) -> Value:
    """Ones on a diagonal of a matrix of x's shape."""
    x = input
    element = x.dtype if dtype is None else dtypes.from_onnx(dtype)
    if element in (None, DType.F16, DType.STRING):
        raise Refuse("EyeLike of this element type is not supported")
    if x.rank != 2:
        raise Refuse(f"a matrix has 2 axes, not {x.rank}", invalid=True)
    one = True if element is DType.BOOL else 1.0 if element.is_float else 1
    layer = movement.EyeLike(k, one, element.rust, x.shape)
    return g.step(layer, [], TensorType(element, x.shape))
