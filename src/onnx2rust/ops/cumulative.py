"""Running sums and products: CumSum, CumProd."""

from __future__ import annotations

from collections.abc import Callable

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import product
from onnx2rust.ir.layer import Layer
from onnx2rust.ir.program import Value
from onnx2rust.ir.shapes import split_at
from onnx2rust.layers import cumulative as layers
from onnx2rust.ops.axes import normal_axis
from onnx2rust.registry import onnx_op, reads
from onnx2rust.registry.facts import onnx_facts


def _cumulative(op: str, layer: Callable[..., Layer], dynamic: Callable[..., Layer], *since: int) -> None:
    @onnx_op(op, since=since)
    def lower(g: Builder, x: Value, axis: Value, *, exclusive: int = 0, reverse: int = 0) -> Value:
        if product(axis.shape) != 1:
            raise Refuse(f"an axis of {product(axis.shape)} elements", invalid=True)
        if axis.array is None:
            return g.step(dynamic(bool(exclusive), bool(reverse), x.shape), [x, axis], x.type)
        perm, (v,) = g.layout([x], x.rank)
        size = split_at(v.shape, perm[normal_axis(int(axis.array.ravel()[0]), x.rank)])
        return g.transpose(g.step(layer(*size, bool(exclusive), bool(reverse)), [v], v.type), perm)

    lower.__doc__ = layer.__doc__


onnx_facts("CumSum", "CumProd", reads={1: reads.one_axis})
_cumulative("CumSum", layers.CumSum, layers.DynamicCumSum, 11, 14)
_cumulative("CumProd", layers.CumProd, layers.DynamicCumProd, 26)
