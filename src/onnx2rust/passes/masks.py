"""The scores of an attention, from their softmax down to the product of query and key: masks,
factors, and what becomes of empty rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.layer import Variant
from onnx2rust.ir.program import Step, Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import binary, unary
from onnx2rust.layers.matmul import MatMul
from onnx2rust.layers.reduce import Reduce
from onnx2rust.layers.select import Where
from onnx2rust.layers.softmax import Softmax
from onnx2rust.passes.algebra import number
from onnx2rust.passes.layout import Layout, broadcast, joined, split
from onnx2rust.passes.rewriting import Decline, Links

_MOST = 1 << 22
"""Elements of a constant mask that is written out for several broadcast ones at most."""


@dataclass(frozen=True)
class Scores:
    """`matrices` of m queries × n keys, one behind the other."""

    matrices: Dim
    m: Dim
    n: Dim

    @property
    def size(self) -> Dim:
        """Number of scores."""
        return product((self.matrices, self.m, self.n))


@dataclass(frozen=True)
class Mask:
    """A tensor that is broadcast to the scores. `fill` and `drop` belong to the condition of a
    `where`: the score where it is false (or true)."""

    layouts: tuple[Layout, ...]
    scores: Scores
    fill: float | None = None
    drop: bool = False

    def counts(self) -> set[int]:
        """Numbers of inner matrices along which the mask lies differently."""
        found = set()
        for layout in self.layouts:
            groups = split(layout.axes, (self.scores.matrices, self.scores.m, self.scores.n))
            inner: Dim = 1
            for size, _ in reversed(groups[0] if groups else ()):
                inner = inner * size
                found |= {inner} if isinstance(inner, int) and inner > 0 else set()
        return found


@dataclass(frozen=True)
class Empty:
    """What stands for the weights of a query that sees no key: the condition under which they are 0, or None for NaN."""

    links: Links
    condition: Value | None = None
    shape: tuple[Dim, ...] = ()
    whole: tuple[Dim, ...] = ()


@dataclass(frozen=True)
class Fitted:
    """Masks as the layer takes them."""

    causal: bool = False
    keep: Value | None = None
    keep_axes: Variant | None = None
    keep_is_drop: bool = False
    fill: float = 0.0
    mask: Value | None = None
    mask_axes: Variant | None = None
    empty_rows: str = "Nan"


def softmax_of(links: Links, weights: Value) -> tuple[Step, Empty | None] | None:
    """The softmax that the weights are, and what replaces them where a query sees no key."""
    source = links.only_source(weights)
    if source is None:
        return None
    if isinstance(source.step.layer, Softmax):
        return source.step, None
    layer = source.step.layer
    condition, zero, plain = (*source.step.inputs, None, None, None)[:3]
    if not isinstance(layer, Where) or condition is None or zero is None or plain is None or number(zero) != 0:
        return None
    softmax = links.maker.get(links.root(plain))
    if softmax is None or not isinstance(softmax.layer, Softmax) or plain.tensor.size != weights.tensor.size:
        return None
    out = softmax.outputs[0]
    assert out is not None
    test = links.maker.get(links.root(condition))
    if test is not None and isinstance(test.layer, unary.IsNaN) and test.inputs[0] is not None:
        own = links.root(test.inputs[0]) is out and links.reads[out] <= 2
        return (softmax, Empty(links)) if own and condition.tensor.size == weights.tensor.size else None
    return (
        (softmax, Empty(links, condition, layer.condition_shape, layer.b_shape)) if links.only_source(plain) is not None else None
    )


def scores_of(links: Links, softmax: Step, scores: Scores) -> tuple[Step, float, list[Mask]]:
    """The product of query and key, the factor behind it, and the masks, last one first."""
    value, factor, found = softmax.inputs[0], 1.0, list[Mask]()
    while True:
        source = links.only_source(value)
        if source is None:
            raise Decline("something else reads the scores")
        layer, inputs = source.step.layer, source.step.inputs
        if isinstance(layer, MatMul):
            return source.step, factor, found
        if isinstance(layer, binary.Mul | binary.Div):
            value, own = _factor(source.step)
            factor *= own
        elif isinstance(layer, binary.Add):
            if factor != 1 or any(m.fill is not None for m in found):
                raise Decline("a mask in front of a factor or of `where`")
            value, mask = _added(links, source.step, scores)
            found.append(mask)
        elif isinstance(layer, Where):
            if factor != 1 or any(m.fill is not None for m in found):
                raise Decline("two `where` on the scores, or a factor behind one")
            value, mask = _replaced(links, source.step, scores)
            found.append(mask)
        else:
            raise Decline(f"the softmax is of a {type(layer).__name__}, not of products of queries and keys")
        if any(v is None for v in inputs):
            raise Decline("an input is missing")


def _factor(step: Step) -> tuple[Value, float]:
    a, b = step.inputs
    assert a is not None
    assert b is not None
    factor, x = (number(b), a) if number(b) is not None else (number(a), b)
    divides = isinstance(step.layer, binary.Div)
    if factor is None or not factor or not math.isfinite(factor) or (divides and x is b):
        raise Decline("the scores are multiplied by something else than a number")
    return x, 1 / factor if divides else factor


def _added(links: Links, step: Step, scores: Scores) -> tuple[Value, Mask]:
    assert isinstance(step.layer, binary.Add)
    shapes = (step.layer.a_shape, step.layer.b_shape)
    for side in (0, 1):
        value, other = step.inputs[side], step.inputs[1 - side]
        if value is not None and other is not None and product(shapes[side]) == scores.size and _holds_product(links, value):
            return value, _mask(links, other, shapes[1 - side], shapes[side], scores)
    raise Decline("a mask is larger than the scores, or of sizes that may differ from theirs")


def _holds_product(links: Links, value: Value) -> bool:
    """Whether the value is a product of matrices, or computed from one element by element."""
    source = links.only_source(value)
    if source is None:
        return False
    if isinstance(source.step.layer, binary.Mul | binary.Div | binary.Add | Where):
        return any(_holds_product(links, v) for v in source.step.inputs if v is not None and v.const is None)
    return isinstance(source.step.layer, MatMul)


def _replaced(links: Links, step: Step, scores: Scores) -> tuple[Value, Mask]:
    layer = step.layer
    assert isinstance(layer, Where)
    condition, a, b = step.inputs
    assert condition is not None
    assert a is not None
    assert b is not None
    drop = number(a) is not None
    fill, value, shape = (number(a), b, layer.b_shape) if drop else (number(b), a, layer.a_shape)
    if fill is None or product(shape) != scores.size:
        raise Decline("`where` puts something else than a number among the scores")
    maker = links.maker.get(links.root(condition))
    if maker is not None and isinstance(maker.layer, unary.Not) and maker.inputs[0] is not None:
        condition, drop = maker.inputs[0], not drop
    mask = _mask(links, condition, layer.condition_shape, shape, scores)
    return value, Mask(mask.layouts, scores, fill, drop)


def _mask(links: Links, value: Value, shape: Sequence[Dim], whole: Sequence[Dim], scores: Scores) -> Mask:
    found = broadcast(links, value, shape, whole)
    if not found:
        raise Decline(f"a mask of {value.type}, whose sizes may differ from the scores'")
    return Mask(tuple(reversed(found)), scores)


def fitted(found: list[Mask], scores: Scores, batch: Dim, heads: int, empty: Empty | None) -> Fitted:
    """The masks as the layer takes them, for that number of heads."""
    added = [m for m in found if m.fill is None]
    result = Fitted(empty_rows=_empty_rows(empty, added, batch, heads))
    if len(added) == 1:
        value, axes = _fit(added[0], batch, heads)
    elif added:
        arrays = [_written_out(layout, scores, batch, heads) for m in added for layout in m.layouts[:1]]
        shape = np.broadcast_shapes(*(a.shape for a in arrays if a is not None))
        if any(a is None for a in arrays) or math.prod(shape) > _MOST:
            raise Decline("several masks that are not all constants")
        array = sum((a for a in arrays if a is not None), start=np.zeros(shape, np.float32))
        value, axes = _constant(added[0].layouts[0].source, array)
    if added:
        array_or_none = value.array
        if array_or_none is not None and _is_causal(array_or_none, 0, -math.inf):
            result = replace(result, causal=True)
        else:
            result = replace(result, mask=value, mask_axes=axes)
    for mask in found:
        if mask.fill is not None:
            value, axes = _fit(mask, batch, heads)
            result = _with_keep(result, value, axes, mask.fill, mask.drop)
    return result


def _with_keep(result: Fitted, value: Value, axes: Variant, fill: float, drop: bool) -> Fitted:
    array = value.array
    if array is not None and fill == -math.inf and result.mask is None and _is_causal(array, not drop, drop):
        return replace(result, causal=True)
    if array is not None and drop:
        value, drop = Value(value.name, value.type, ~array), False
    return replace(result, keep=value, keep_axes=axes, keep_is_drop=drop, fill=fill)


def _is_causal(array: np.ndarray[Any, Any], seen: Any, unseen: Any) -> bool:
    """Whether query i sees the keys 0 to i only, in all samples and heads."""
    lower = np.tri(*array.shape[-2:]) > 0
    return array.shape[:2] == (1, 1) and array.shape[2] > 1 and bool(np.array_equal(array[0, 0], np.where(lower, seen, unseen)))


def _fit(mask: Mask, batch: Dim, heads: int) -> tuple[Value, Variant]:
    """A tensor with the mask's elements as the layer reads them, and its axes."""
    scores = mask.scores
    for layout in mask.layouts:
        groups = split(layout.axes, (batch, heads, scores.m, scores.n))
        if layout.source.array is not None:
            array = _written_out(layout, scores, batch, heads)
            if array is not None:
                return _constant(layout.source, array)
        elif groups is not None and groups[3] == joined([(scores.n, 1)]):
            by_head, by_query = (any(step != 0 for _, step in group) for group in groups[1:3])
            own_heads, own_queries = (heads if by_head else 1), (scores.m if by_query else 1)
            size = product((own_heads, own_queries, scores.n))
            period = next((n for n, step in reversed(groups[0]) if step != 0), 1)
            expected = [(own_queries, scores.n), (own_heads, own_queries * scores.n), (period, size)]
            fits = all(
                joined(axis for axis in group if axis[1] != 0) == joined([own])
                for group, own in zip((groups[2], groups[1], groups[0]), expected, strict=True)
            )
            last = all(step != 0 for _, step in groups[0][1:])
            if fits and last and layout.source.tensor.size == period * size:
                return layout.source, _axes(by_head, by_query)
    raise Decline(
        f"a mask of {mask.layouts[-1].source.type} is not [batch, heads, queries, keys] with some of the first three being 1"
    )


def _axes(by_head: bool, by_query: bool) -> Variant:
    return Variant("attention::MaskAxes", ("Heads" if by_head else "") + ("Queries" if by_query else "") + "Keys")


def _constant(source: Value, array: np.ndarray[Any, Any]) -> tuple[Value, Variant]:
    """A constant mask [samples until it repeats, heads, queries, keys] as a value, and its axes."""
    axes = _axes(array.shape[1] > 1, array.shape[2] > 1)
    return Value(source.name, TensorType(source.dtype, array.shape), array), axes


def _written_out(layout: Layout, scores: Scores, batch: Dim, heads: int) -> np.ndarray[Any, Any] | None:
    """A constant mask as [samples until it repeats, heads, queries, keys], 1 along axes where all is alike."""
    array = layout.source.array
    groups = split(layout.axes, (batch, heads, scores.m, scores.n))
    if array is None or groups is None or (all(step == 0 for _, step in groups[3]) and scores.n != 1):
        return None
    if groups[0] and groups[0][0][1] == 0:
        groups[0] = groups[0][1:]  # the same for all samples, or for all turns of the period
    indices = []
    for group in groups:
        index = np.zeros(1, np.int64)
        for size, step in group if any(step != 0 for _, step in group) else ():
            if not isinstance(size, int) or not isinstance(step, int):
                return None
            index = (index[:, None] + step * np.arange(size)).reshape(-1)
        indices.append(index)
    if math.prod(len(i) for i in indices) > max(_MOST, array.size):
        return None
    b, h, q, k = np.ix_(*indices)
    return np.ascontiguousarray(array.reshape(-1)[b + h + q + k])


def _empty_rows(empty: Empty | None, added: list[Mask], batch: Dim, heads: int) -> str:
    """What the layer does with queries that see no key, if the model does just that."""
    if empty is None:
        return "Nan"
    if empty.condition is None:
        return "ZeroForNan"
    known = empty.condition.array
    if known is not None and not known.any():
        return "Nan"
    if len(added) == 1 and _is_row_test(empty, added[0], batch, heads):
        return "Zero"
    raise Decline("weights are replaced by 0 under a condition that is not that of a mask of minus infinity all along")


def _is_row_test(empty: Empty, mask: Mask, batch: Dim, heads: int) -> bool:
    """Whether the condition is: the mask is −∞ at all keys of the row."""
    links, scores = empty.links, mask.scores
    assert empty.condition is not None
    sizes = (batch, heads, scores.m, scores.n)
    for test in broadcast(links, empty.condition, empty.shape, empty.whole):
        for rows in mask.layouts:
            if not _tests_rows(links, test.source, rows, scores):
                continue
            ours, theirs = split(test.axes, sizes), split(rows.axes, sizes)
            if ours is None or theirs is None or any(step != 0 for _, step in ours[3]) or theirs[3] != joined([(scores.n, 1)]):
                continue
            if all(joined((n, step * scores.n) for n, step in a) == b for a, b in zip(ours[:3], theirs[:3], strict=True)):
                return True
    return False


def _tests_rows(links: Links, test: Value, rows: Layout, scores: Scores) -> bool:
    """Whether `test` says of each run of n elements of the mask's tensor that all are −∞."""
    if test.array is not None and rows.source.array is not None and isinstance(scores.n, int):
        nothing = np.all(rows.source.array.reshape(-1, scores.n) == -math.inf, axis=1)
        return bool(np.array_equal(test.array.reshape(-1), nothing))
    equal = links.maker.get(test)
    if equal is None or not isinstance(equal.layer, binary.Equal):
        return False
    a, b = equal.inputs
    if a is None or b is None or -math.inf not in (number(a), number(b)):
        return False
    greatest = links.maker.get(links.root(b if number(a) is not None else a))
    if greatest is None or not isinstance(greatest.layer, Reduce) or greatest.inputs[0] is None:
        return False
    layer = greatest.layer
    plain = layer.reduction.name == "Max" and layer.axes == (False, True) and layer.shape[1] == scores.n
    seen = links.root(greatest.inputs[0])
    return plain and links.root(rows.source) is seen and seen.tensor.size == product(layer.shape) == test.tensor.size * scores.n
