"""Reads rows of a matrix instead of multiplying a one-hot encoding with it.

    H · W,  H[i, j] = 1 where j = ids[i], else 0   →   GatherOrZero(W, ids)

for a constant f32 matrix W [n, units] of finite numbers. H may be `OneHot` of 0 and 1 (negative ids count from its end), or the
comparison of ids with 0, 1 … n − 1, as numbers by a cast or by `Where`. One product is W's element itself and all others are 0,
so the sum is that element; of an id that is no row all are 0. A bias and an activation stay behind as steps of their own.

Refused: matrices with infinite or NaN elements, of which 0 times one is NaN; ids that are no i32 or i64.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from onnx2rust.ir.dims import Dim
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer
from onnx2rust.ir.program import Step, Value
from onnx2rust.ir.shapes import collapse_broadcast
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import binary
from onnx2rust.layers.activation import LINEAR, Activate
from onnx2rust.layers.cast import Cast
from onnx2rust.layers.dense import Dense
from onnx2rust.layers.indexing import GatherOrZero, OneHot
from onnx2rust.layers.select import Where
from onnx2rust.passes.algebra import number
from onnx2rust.passes.rewriting import Decline, Links, Rewrite


def rule(links: Links, step: Step) -> Rewrite | None:
    """The lookup instead of the product with a one-hot encoding."""
    layer = step.layer
    if not isinstance(layer, Dense):
        return None
    (x, *others), (y,) = step.uses(), step.results()
    found = _one_hot(links, links.root(x), layer.rows, layer.inputs)
    if found is None:
        return None
    ids, negative = found
    if not np.isfinite(layer.kernel.array).all():
        raise Decline("a one-hot encoding times a matrix that holds infinite numbers or NaN")
    if ids.dtype not in (DType.I32, DType.I64):
        raise Decline(f"a one-hot encoding of {ids.dtype} times a matrix: rows are looked up by int32 or int64")
    if others:
        raise Decline("a one-hot encoding times a matrix, with a residual added inside")
    return _lookup(step, y, layer, GatherOrZero(negative, (layer.inputs, layer.units)), ids)


def _lookup(step: Step, y: Value, layer: Dense, gather: GatherOrZero, ids: Value) -> Rewrite:
    """The lookup, then what the product did besides."""
    turned = dict(layer.kernel.packing.fields)["transposed"]
    array = np.ascontiguousarray(layer.kernel.array.T if turned else layer.kernel.array)
    table = Value(layer.kernel.name, TensorType(DType.F32, array.shape), array)
    parts: list[tuple[Layer, tuple[Value, ...]]] = [(gather, (table, ids))]
    if layer.bias is not None:
        bias = Value(layer.bias.name, TensorType(DType.F32, layer.bias.array.shape), layer.bias.array)
        shapes = collapse_broadcast(((layer.rows, layer.units), (1, layer.units)))
        parts.append((binary.Add(*shapes), (bias,)))
    if layer.activation != LINEAR:
        parts.append((Activate(layer.activation), ()))
    steps: list[Step] = []
    for k, (part, inputs) in enumerate(parts):
        last = k == len(parts) - 1
        out = y if last else Value(f"{y.name}.{k}", y.type)
        name, read = step.name if last else f"{step.name}.{k}", steps[-1].results() if steps else ()
        steps.append(replace(step, name=name, layer=part, inputs=(*read, *inputs), outputs=(out,)))
    return Rewrite(steps[-1], (), tuple(steps[:-1]))


def _one_hot(links: Links, value: Value, rows: Dim, n: int) -> tuple[Value, bool] | None:
    """The ids of which the value [rows, n] is the one-hot encoding, and whether negative ones count from the end."""
    maker = links.maker.get(value)
    if maker is None:
        return None
    layer, inputs = maker.layer, [*maker.uses()]
    if isinstance(layer, OneHot):
        values = inputs[1].array
        plain = values is not None and values.ravel().tolist() == [0, 1]
        return (inputs[0], True) if plain and layer.inner == 1 and layer.axis == n and layer.outer == rows else None
    if isinstance(layer, Cast):
        source = links.root(inputs[0])
        of_bool = source.dtype is DType.BOOL or isinstance(getattr(links.maker.get(source), "layer", None), OneHot)
        return _one_hot(links, source, rows, n) if of_bool else None
    if isinstance(layer, Where):
        chosen = number(inputs[1]) == 1 and number(inputs[2]) == 0 and inputs[0].tensor.size == value.tensor.size
        return _one_hot(links, links.root(inputs[0]), rows, n) if chosen else None
    if isinstance(layer, binary.Equal):
        return _compared(layer, inputs, rows, n)
    return None


def _compared(layer: binary.Equal, inputs: list[Value], rows: Dim, n: int) -> tuple[Value, bool] | None:
    """ids [rows, 1] = 0, 1 … n − 1 [1, n]"""
    for k, shapes in ((0, ((rows, 1), (1, n))), (1, ((1, n), (rows, 1)))):
        ids, columns = inputs[k], inputs[1 - k].array
        if columns is None or ids.array is not None or [layer.a_shape, layer.b_shape] != collapse_broadcast(shapes):
            continue
        if columns.size == n and np.array_equal(columns.ravel(), np.arange(n)) and ids.tensor.size == rows:
            return ids, False
    return None
