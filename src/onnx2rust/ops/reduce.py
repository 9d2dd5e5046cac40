"""Reductions."""

from __future__ import annotations

from typing import Any

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import product, symbol
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Variant
from onnx2rust.ir.program import Value
from onnx2rust.ir.shapes import collapse_masked
from onnx2rust.layers.reduce import DynamicReduce, Reduce
from onnx2rust.ops import known
from onnx2rust.ops.axes import integers, normal_axis
from onnx2rust.ops.cast import cast_to
from onnx2rust.ops.unranked import elements, is_unranked
from onnx2rust.registry import onnx_op, reads
from onnx2rust.registry.facts import Ranks, onnx_facts


def reduce(g: Builder, x: Value, reduction: str, axes: list[int] | None, keepdims: int) -> Value:
    """y = x reduced over axes (all if they are not named)"""
    if x.dtype is DType.BOOL:
        # true is the greatest
        return cast_to(g, reduce(g, cast_to(g, x, DType.U8), reduction, axes, keepdims), DType.BOOL)
    if is_unranked(x):
        if axes is not None or keepdims:
            raise Refuse("axes of a tensor whose rank is known only at run time", "all axes without keepdims are supported")
        x = elements(g, x)
    chosen = {normal_axis(a, x.rank) for a in (range(x.rank) if axes is None else axes)}
    if not chosen:
        return _each(g, x, reduction)
    perm, (v,) = g.layout([x], x.rank)
    inside = {perm[a] for a in chosen}
    shape, mask = collapse_masked(v.shape, [k in inside for k in range(v.rank)])
    kept = v.tensor.with_shape(*(1 if k in inside else d for k, d in enumerate(v.shape)))
    if not any(mask):
        # all reduced axes have size 1: the reduction of one element, axis kept for the kernel
        shape, mask = (*shape, 1), (*mask, True)
    y = g.step(Reduce(Variant.of("reduce::Reduction", reduction), mask, shape), [v], kept)
    y = g.transpose(y, perm)
    return y if keepdims else g.view(y, *(d for k, d in enumerate(y.shape) if k not in chosen))


def _register(reduction: str, attribute: tuple[int, ...], tensor: tuple[int, ...]) -> None:
    @onnx_op(f"Reduce{reduction}", since=attribute, ranks=Ranks.ANY)
    def early(g: Builder, data: Value, *, axes: list[int] | None = None, keepdims: int = 1) -> Value:
        return reduce(g, data, reduction, axes or None, keepdims)

    @onnx_op(f"Reduce{reduction}", since=tensor)
    def late(g: Builder, data: Value, axes: Value | None = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Value:
        if axes is not None and axes.array is None and product(axes.shape) != 0:
            return _dynamic(g, data, reduction, axes, bool(keepdims), bool(noop_with_empty_axes))
        chosen = [] if axes is None or axes.array is None else integers(axes)
        if not chosen and noop_with_empty_axes:
            return _each(g, data, reduction)
        return reduce(g, data, reduction, chosen or None, keepdims)

    early.__doc__ = late.__doc__ = f"y = {reduction} of x over some axes"


def _dynamic(g: Builder, x: Value, reduction: str, axes: Value, keep: bool, none_is_none: bool) -> Value:
    count = product(axes.shape)
    boolean = x.dtype is DType.BOOL
    if boolean:
        # as in `reduce`: true is the greatest
        x = cast_to(g, x, DType.U8)
    if not isinstance(count, int):
        raise Refuse("the number of axes to reduce is only known while the model runs")
    fresh = tuple(g.new_symbol(f"kept_{k}") for k in range(x.rank if keep else x.rank - count))
    layer = DynamicReduce(Variant.of("reduce::Reduction", reduction), keep, none_is_none, x.shape)
    type_ = x.tensor.with_shape(*map(symbol, fresh))
    y = g.step(layer, [x, g.cast_sizes(axes)], type_, defines=fresh)
    return cast_to(g, y, DType.BOOL) if boolean else y


def _each(g: Builder, x: Value, reduction: str) -> Value:
    """y[i] = the reduction of x[i] alone: a sum over no axes is x, a sum of squares over no axes x²."""
    if reduction in ("Sum", "Mean", "Max", "Min", "Prod"):
        return x
    perm, (v,) = g.layout([x], x.rank)
    layer = Reduce(Variant.of("reduce::Reduction", reduction), (False, True), (product(v.shape), 1))
    return g.transpose(g.step(layer, [v], v.type), perm)


def _sizes_of_product(arrays: list[Any], attributes: dict[str, Any]) -> Any:
    axes = known.axes_of(arrays, attributes)
    if not axes and attributes.get("noop_with_empty_axes"):
        return arrays[0]
    keep = bool(attributes.get("keepdims", 1))
    return np.prod(arrays[0], axis=tuple(axes) if axes else None, keepdims=keep)


for _reductions, _early, _late in (
    ("Sum", (1, 11), (13,)),
    ("Max Min", (1, 11, 12, 13), (18, 20)),
    ("Mean Prod SumSquare L1 L2", (1, 11, 13), (18,)),
    ("LogSum LogSumExp", (1, 11, 13), (18, 28)),
):
    for _reduction in _reductions.split():
        _register(_reduction, _early, _late)
        onnx_facts(f"Reduce{_reduction}", reads={1: reads.axes}, sizes=_sizes_of_product if _reduction == "Prod" else None)
