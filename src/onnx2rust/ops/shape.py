"""Operators about shapes: they cost nothing while the model runs, unless a shape is only known then."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2rust.builder import Builder, Refuse
from onnx2rust.dims import Dim, product, symbol
from onnx2rust.dtypes import from_numpy
from onnx2rust.layers.movement import Expand, Range, Reshape
from onnx2rust.program import TensorType, Value
from onnx2rust.registry import Sizes, onnx_op


@onnx_op("Shape", since=(1, 13))
def shape_1(g: Builder, data: Value) -> Value:
    """y = the sizes of x"""
    return g.constant(list(data.shape), f"{data.name}.shape")


@onnx_op("Shape", since=(15, 19, 21, 23, 24, 25))
def shape(g: Builder, data: Value, *, start: int = 0, end: int | None = None) -> Value:
    """y = the sizes of axes start to end of x"""
    return g.constant(list(data.shape[start:end]), f"{data.name}.shape")


@onnx_op("Size", since=(1, 13, 19, 21, 23, 24, 25))
def size(g: Builder, data: Value) -> Value:
    """y = the number of elements of x"""
    content = np.empty((), dtype=object)
    content[()] = data.type.size
    return g.constant(content, f"{data.name}.size")


@onnx_op("Reshape", since=(5, 13))
def reshape_5(g: Builder, data: Value, shape: Value) -> Value:
    """y = x under another shape; 0 keeps a size, −1 takes what is left"""
    return reshape(g, data, shape)


@onnx_op("Reshape", since=(14, 19, 21, 23, 24, 25))
def reshape(g: Builder, data: Value, shape: Value, *, allowzero: int = 0) -> Value:
    """y = x under another shape; 0 keeps a size (unless allowzero), −1 takes what is left"""
    target = shape.dims()
    if target is None:
        rank = product(shape.shape)
        if not isinstance(rank, int) or rank > 16:
            raise Refuse("the rank of the result is only known while the model runs")
        fresh = tuple(g.new_symbol(f"reshape_{k}") for k in range(rank))
        g.step(Reshape(bool(allowzero), data.shape), [g.cast_sizes(shape)], defines=fresh)
        return g.view(data, *map(symbol, fresh))
    dims: list[Dim] = [data.shape[k] if d == 0 and not allowzero else d for k, d in enumerate(target)]
    if dims.count(-1) > 1:
        raise Refuse(f"shape {target} has more than one -1", invalid=True)
    if -1 in dims:
        rest = product(d for d in dims if d != -1)
        if rest == 0:
            raise Refuse(f"shape {target} leaves the -1 open", invalid=True)
        dims[dims.index(-1)] = data.type.size // rest
    total = product(dims)
    if isinstance(total, int) and isinstance(data.type.size, int) and total != data.type.size:
        raise Refuse(f"{data.type} cannot have the shape {target}", invalid=True)
    return g.view(data, *dims)


@onnx_op("Flatten", since=(1, 9, 11, 13, 21, 23, 24, 25))
def flatten(g: Builder, input: Value, *, axis: int = 1) -> Value:
    """y [d₀·…·d_{axis−1}, d_axis·…] = x"""
    axis += input.rank if axis < 0 else 0
    return g.view(input, product(input.shape[:axis]), product(input.shape[axis:]))


@onnx_op("Squeeze", since=(1, 11))
def squeeze_1(g: Builder, data: Value, *, axes: list[int] | None = None) -> Value:
    """y = x without some of its axes of size 1"""
    return _squeeze(g, data, axes)


@onnx_op("Squeeze", since=(13, 21, 23, 24, 25))
def squeeze(g: Builder, data: Value, axes: Value | None = None) -> Value:
    """y = x without some of its axes of size 1"""
    return _squeeze(g, data, None if axes is None else _known(axes, "axes"))


def _squeeze(g: Builder, x: Value, axes: list[int] | None) -> Value:
    if axes is None:
        return g.view(x, *(d for d in x.shape if d != 1))
    gone = {a + x.rank if a < 0 else a for a in axes}
    if any(a not in range(x.rank) or (isinstance(x.shape[a], int) and x.shape[a] != 1) for a in gone):
        raise Refuse(f"axes {axes} of {x.type} are not of size 1", invalid=True)
    return g.view(x, *(d for k, d in enumerate(x.shape) if k not in gone))


@onnx_op("Unsqueeze", since=(1, 11))
def unsqueeze_1(g: Builder, data: Value, *, axes: list[int]) -> Value:
    """y = x with axes of size 1 put in"""
    return _unsqueeze(g, data, axes)


@onnx_op("Unsqueeze", since=(13, 21, 23, 24, 25))
def unsqueeze(g: Builder, data: Value, axes: Value) -> Value:
    """y = x with axes of size 1 put in"""
    return _unsqueeze(g, data, _known(axes, "axes"))


def _unsqueeze(g: Builder, x: Value, axes: list[int]) -> Value:
    rank = x.rank + len(axes)
    new = {a + rank if a < 0 else a for a in axes}
    if len(new) != len(axes) or any(a not in range(rank) for a in new):
        raise Refuse(f"axes {axes} do not fit a tensor of rank {x.rank}", invalid=True)
    old = iter(x.shape)
    return g.view(x, *(1 if k in new else next(old) for k in range(rank)))


def _known(value: Value, name: str) -> list[int]:
    if value.array is None:
        raise Refuse(f"{name} must be known at conversion", f"make {value.name!r} a constant of the model")
    return [int(v) for v in value.array.ravel()]


@onnx_op("ConstantOfShape", since=(9, 20, 21, 23, 24, 25))
def constant_of_shape(g: Builder, input: Sizes, *, value: onnx.TensorProto | None = None) -> Value:
    """y = one value, in a shape"""
    array = np.zeros(1, np.float32) if value is None else numpy_helper.to_array(value)
    dtype = from_numpy(array.dtype)
    if dtype is None:
        raise Refuse(f"element type {array.dtype} is not supported")
    one = g.constant(array.reshape([1] * len(input)))
    return g.step(Expand(one.shape, tuple(input)), [one], TensorType(dtype, tuple(input)))  # type: ignore[no-any-return]


@onnx_op("Range", since=(11, 27))
def range_(g: Builder, start: Value, limit: Value, delta: Value) -> Value:
    """y = start, start + delta, … before limit"""
    ends = [v.dims() for v in (start, limit, delta)]
    if start.dtype.is_int and all(e is not None for e in ends) and ends[2] == [1]:
        assert ends[0] is not None
        assert ends[1] is not None
        count: Dim = ends[1][0] - ends[0][0]
        return g.step(Range(), [start, limit, delta], TensorType(start.dtype, (count,)))  # type: ignore[no-any-return]
    fresh = g.new_symbol("range")
    type_ = TensorType(start.dtype, (symbol(fresh),))
    return g.step(Range(), [start, limit, delta], type_, defines=(fresh,))  # type: ignore[no-any-return]
