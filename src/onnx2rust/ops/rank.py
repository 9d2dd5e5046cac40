"""Which elements along an axis are the greatest: ArgMax, ArgMin, TopK."""

from __future__ import annotations

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Value
from onnx2rust.ir.shapes import split_at
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import rank as layers
from onnx2rust.ops.axes import normal_axis
from onnx2rust.registry import Sizes, onnx_op
from onnx2rust.registry.rules import Within


def _positions(g: Builder, layer: type[layers.ArgMax | layers.ArgMin], x: Value, axis: int, keepdims: int, last: int) -> Value:
    axis = normal_axis(axis, x.rank)
    perm, (v,) = g.layout([x], x.rank)
    k = perm[axis]
    kept = tuple(1 if i == k else d for i, d in enumerate(v.shape))
    y = g.transpose(g.step(layer(*split_at(v.shape, k), bool(last)), [v], TensorType(DType.I64, kept)), perm)
    return y if keepdims else g.view(y, *(d for i, d in enumerate(y.shape) if i != axis))


def _register(op: str, layer: type[layers.ArgMax | layers.ArgMin]) -> None:
    @onnx_op(op, since=(1, 11, 12, 13), added={12: "select_last_index"})
    def lower(g: Builder, data: Value, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Value:
        return _positions(g, layer, data, axis, keepdims, select_last_index)

    lower.__doc__ = layer.__doc__


_register("ArgMax", layers.ArgMax)
_register("ArgMin", layers.ArgMin)


def _top_k(g: Builder, x: Value, k: Dim, axis: int, largest: bool) -> tuple[Value, Value]:
    if x.rank == 0:
        raise Refuse("TopK of a scalar", invalid=True)
    axis = normal_axis(axis, x.rank)
    size = x.shape[axis]
    if isinstance(k, int) and isinstance(size, int) and not 0 <= k <= size:
        raise Refuse(f"k = {k} of an axis of size {size}", invalid=True)
    perm, (v,) = g.layout([x], x.rank)
    at = perm[axis]
    shape = tuple(k if i == at else d for i, d in enumerate(v.shape))
    layer = layers.TopK(*split_at(v.shape, at), largest, k)
    values, positions = g.steps(layer, [v], v.tensor.with_shape(*shape), TensorType(DType.I64, shape))
    return g.transpose(values, perm), g.transpose(positions, perm)


@onnx_op("TopK", since=1)
def top_k_1(g: Builder, X: Value, *, axis: int = -1, k: int) -> tuple[Value, Value]:
    """The k greatest x along an axis and their positions, best first."""
    return _top_k(g, X, k, axis, True)


@onnx_op("TopK", since=(10, 11, 24), added={11: "largest sorted"}, reads={1: lambda use: Within(1, use.axis(-1))}, unknown=1)
def top_k(g: Builder, X: Value, K: Sizes, *, axis: int = -1, largest: int = 1, sorted: int = 1) -> tuple[Value, Value]:
    """The k greatest (or least) x along an axis and their positions, best first (which unsorted allows as well)."""
    return _top_k(g, X, K[0], axis, bool(largest))
