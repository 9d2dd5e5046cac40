"""Leaves the counting of negative ids from the end to the lookup, which does it by itself.

    Gather(x, where(id < 0, id + n, id))   →   Gather(x, id)

for an axis of n elements; GatherElements and GatherND (of one axis) likewise. The ids are multiplied out (algebra.py, exact for
whole numbers), so the choice may be a `Where` or a sum of products with the condition as 0 and 1, as tf2onnx writes it, and the
condition may be told of the ids as floats. An id in −n..n finds the same element; one beyond is out of range in both forms, but
for −2n..−n: there the model moves the id up once and the lookup once more, which no model means, and which is reported as out of
range now, as any id below −n is.

Refused: axes of another size than n, conditions on other values than the ids, ids that are broadcast.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from dataclasses import replace

from onnx2rust.ir.dims import Dim
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer
from onnx2rust.ir.program import Step, Value
from onnx2rust.layers import binary
from onnx2rust.layers.cast import Cast
from onnx2rust.layers.indexing import Gather, GatherElements, GatherNd
from onnx2rust.passes.algebra import Expansion, beside_number
from onnx2rust.passes.polynomials import Poly
from onnx2rust.passes.rewriting import Decline, Links, Rewrite


def rule(links: Links, step: Step) -> Rewrite | None:
    """The lookup of the ids as they were before they were wrapped."""
    size = _axis(step)
    ids = step.inputs[1] if size is not None else None
    if ids is None or ids.const is not None:
        return None
    found = _wrapped(links, ids)
    if found is None:
        return None
    id_, n = found
    if n != size:
        raise Decline(f"negative ids are moved up by {n}, and the axis that they count on has {size} elements")
    return Rewrite(replace(step, inputs=(step.inputs[0], id_, *step.inputs[2:])), ())


def _axis(step: Step) -> Dim | None:
    """The size of the axis that a lookup's ids count on."""
    layer = step.layer
    if isinstance(layer, Gather):
        return layer.axis
    if isinstance(layer, GatherElements):
        return layer.shape[layer.axis]
    return layer.axes[0] if isinstance(layer, GatherNd) and len(layer.axes) == 1 else None


def _wrapped(links: Links, ids: Value) -> tuple[Value, int] | None:
    """The id and n, if the ids are where(id < 0, id + n, id)."""
    found = Expansion(links, frozenset()).of(ids)
    for condition, id_ in itertools.permutations({v for monomial in found.terms for v, _ in monomial}, 2):
        if id_.dtype not in (DType.I32, DType.I64) or condition.dtype is not DType.BOOL:
            continue
        c, n = Poly.of(condition), abs(found[condition])
        negative = _is_negative(links, condition, id_)
        if negative is None or not ids.tensor.size == id_.tensor.size == condition.tensor.size:
            continue
        if found == Poly.of(id_) + n * (c if negative else 1 - c):
            return id_, int(n)
    return None


_COMPARISONS: dict[type[Layer], Callable[[float, float], bool]] = {
    binary.Less: operator.lt,
    binary.LessOrEqual: operator.le,
    binary.Greater: operator.gt,
    binary.GreaterOrEqual: operator.ge,
}


def _is_negative(links: Links, condition: Value, id_: Value) -> bool | None:
    """Whether the condition says id < 0 (True) or id ≥ 0 (False): what it says of −1, if it says something else of 0."""
    maker = links.maker.get(condition)
    found = beside_number(maker)
    compares = None if maker is None else _COMPARISONS.get(type(maker.layer))
    if found is None or compares is None or _whole(links, found[0]) is not id_:
        return None
    _, bound, side = found
    of_less, of_zero = (compares(x, bound) if side == 0 else compares(bound, x) for x in (-1, 0))
    return None if of_less == of_zero else of_less


def _whole(links: Links, value: Value) -> Value:
    """The value, seen through views and casts that keep the sign of every whole number, and −1."""
    while True:
        value = links.root(value)
        maker = links.maker.get(value)
        source = maker.inputs[0] if maker is not None and isinstance(maker.layer, Cast) else None
        if source is None or source.dtype not in (DType.I32, DType.I64) or value.dtype not in (DType.F32, DType.F64, DType.I64):
            return value
        value = source
