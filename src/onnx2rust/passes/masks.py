"""The scores of an attention, from their softmax down to the product of query and key: masks,
factors, and what becomes of empty rows."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.layer import Variant
from onnx2rust.ir.program import Step, Value
from onnx2rust.ir.shapes import Shape
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import binary, unary
from onnx2rust.layers.attention import Attention
from onnx2rust.layers.matmul import MatMul
from onnx2rust.layers.select import Where
from onnx2rust.layers.softmax import Softmax
from onnx2rust.passes.algebra import beside_number, number, times_number
from onnx2rust.passes.along import reduced
from onnx2rust.passes.layout import Axes, Layout, broadcast, joined, places, split
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


Sizes = tuple[Dim, int, Dim, Dim]
"""Samples, heads, queries, keys."""


@dataclass(frozen=True)
class Mask:
    """A tensor that is broadcast to the scores. `fill` and `drop` belong to the condition of a
    `where`: the score where it is false (or true)."""

    layouts: tuple[Layout, ...]
    fill: float | None = None
    drop: bool = False

    def matrices(self, scores: Scores) -> list[Axes]:
        """How it lies along the matrices, in each layout where that can be told."""
        groups = [split(layout.axes, (scores.matrices, scores.m, scores.n)) for layout in self.layouts]
        return [group[0] for group in groups if group is not None]


@dataclass(frozen=True)
class Empty:
    """What stands for the weights of a query that sees no key: the condition under which they are 0, or None for NaN."""

    links: Links
    condition: Value | None = None
    shape: tuple[Dim, ...] = ()
    whole: tuple[Dim, ...] = ()


@dataclass(frozen=True)
class Fitted:
    """The layer with its masks, and what they are. `drop`: `keep` says what is left out."""

    layer: Attention
    keep: Value | None = None
    drop: bool = False
    mask: Value | None = None


def softmax_of(links: Links, weights: Value) -> tuple[Step, Empty | None] | None:
    """The softmax that the weights are, and what replaces them where a query sees no key."""
    source = links.only_source(weights)
    layer = None if source is None else source.step.layer
    if source is None or isinstance(layer, Softmax):
        return None if source is None else (source.step, None)
    if not isinstance(layer, Where):
        return None
    condition, zero, plain = source.step.uses()
    softmax = links.source(plain)
    if number(zero) != 0 or softmax is None or not isinstance(softmax.layer, Softmax) or plain.tensor.size != weights.tensor.size:
        return None
    (out,), test = softmax.results(), links.source(condition)
    if test is not None and isinstance(test.layer, unary.IsNaN):
        own = links.root(*test.uses()) is out and links.reads[out] <= 2
        return (softmax, Empty(links)) if own and condition.tensor.size == weights.tensor.size else None
    empty = Empty(links, condition, layer.condition_shape, layer.b_shape)
    return None if links.only_source(plain) is None else (softmax, empty)


def scores_of(links: Links, softmax: Step, scores: Scores) -> tuple[Step, float, list[Mask]]:
    """The product of query and key, the factor behind it, and the masks, last one first."""
    value, factor, found = softmax.inputs[0], 1.0, list[Mask]()
    while (source := links.only_source(value)) is not None:
        step = source.step
        if isinstance(step.layer, MatMul):
            return step, factor, found
        if isinstance(step.layer, binary.Mul | binary.Div):
            scaled = times_number(step)
            if scaled is None:
                raise Decline("the scores are multiplied by something else than a number")
            value, factor = scaled[0], factor * scaled[1]
            continue
        if not isinstance(step.layer, binary.Add | Where):
            raise Decline(f"the softmax is of a {type(step.layer).__name__}, not of products of queries and keys")
        if factor != 1 or any(m.fill is not None for m in found):
            raise Decline("a mask in front of a factor or of `where`")
        value, mask = _added(links, step, scores) if isinstance(step.layer, binary.Add) else _replaced(links, step, scores)
        found.append(mask)
    raise Decline("something else reads the scores")


def _added(links: Links, step: Step, scores: Scores) -> tuple[Value, Mask]:
    assert isinstance(step.layer, binary.Add)
    a, b = zip(step.uses(), (step.layer.a_shape, step.layer.b_shape), strict=True)
    for (value, whole), (other, shape) in ((a, b), (b, a)):
        if product(whole) == scores.size and _holds_product(links, value):
            return value, Mask(_layouts(links, other, shape, whole))
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
    condition, a, b = step.uses()
    drop = number(a) is not None
    fill, value, whole = (number(a), b, layer.b_shape) if drop else (number(b), a, layer.a_shape)
    if fill is None or product(whole) != scores.size:
        raise Decline("`where` puts something else than a number among the scores")
    test = links.source(condition)
    if test is not None and isinstance(test.layer, unary.Not):
        (condition,), drop = test.uses(), not drop
    return value, Mask(_layouts(links, condition, layer.condition_shape, whole), fill, drop)


def _layouts(links: Links, mask: Value, shape: Shape, whole: Shape) -> tuple[Layout, ...]:
    """The layouts of a mask that is broadcast to the whole scores, farthest first."""
    found = broadcast(links, mask, shape, whole)
    if not found:
        raise Decline(f"a mask of {mask.type}, whose sizes may differ from the scores'")
    return tuple(reversed(found))


def fitted(layer: Attention, found: list[Mask], empty: Empty | None) -> Fitted:
    """The layer with these masks."""
    sizes = (layer.batch, layer.heads, layer.queries, layer.keys)
    added = [m for m in found if m.fill is None]
    rows = Variant("attention::EmptyRows", _empty_rows(empty, added, sizes))
    result = Fitted(replace(layer, empty_rows=rows))
    if added:
        value, axes = _fit(added[0], sizes) if len(added) == 1 else _total(added, sizes)
        if value.array is not None and _is_causal(value.array, 0, -math.inf):
            result = Fitted(replace(result.layer, causal=True))
        else:
            result = Fitted(replace(result.layer, mask=axes), mask=value)
    for mask in found:
        if mask.fill is not None:
            value, axes = _fit(mask, sizes)
            result = _with_keep(result, value, axes, mask.fill, mask.drop)
    return result


def _total(added: list[Mask], sizes: Sizes) -> tuple[Value, Variant]:
    """The sum of several constant masks."""
    arrays = [_written_out(mask.layouts[0], sizes) for mask in added]
    known = [a for a in arrays if a is not None]
    shape = np.broadcast_shapes(*(a.shape for a in known))
    if len(known) < len(added) or math.prod(shape) > _MOST:
        raise Decline("several masks that are not all constants")
    return _constant(added[0].layouts[0].source, sum(known, start=np.zeros(shape, np.float32)))


def _with_keep(result: Fitted, keep: Value, axes: Variant, fill: float, drop: bool) -> Fitted:
    if keep.array is not None and fill == -math.inf and result.mask is None and _is_causal(keep.array, not drop, drop):
        return replace(result, layer=replace(result.layer, causal=True))
    if keep.array is not None and drop:
        keep, drop = Value(keep.name, keep.type, ~keep.array), False
    return Fitted(replace(result.layer, keep=axes, fill=fill), keep, drop, result.mask)


def _is_causal(array: np.ndarray[Any, Any], seen: Any, unseen: Any) -> bool:
    """Whether query i sees the keys 0 to i only, in all samples and heads."""
    lower = np.tri(*array.shape[-2:]) > 0
    return array.shape[:2] == (1, 1) and array.shape[2] > 1 and bool(np.array_equal(array[0, 0], np.where(lower, seen, unseen)))


def _fit(mask: Mask, sizes: Sizes) -> tuple[Value, Variant]:
    """A tensor with the mask's elements as the layer reads them, and its axes."""
    _, heads, m, n = sizes
    for layout in mask.layouts:
        groups = split(layout.axes, sizes)
        if layout.source.array is not None:
            array = _written_out(layout, sizes)
            if array is not None:
                return _constant(layout.source, array)
        elif groups is not None and groups[3] == joined([(n, 1)]):
            by_head, by_query = (any(step != 0 for _, step in group) for group in groups[1:3])
            own_heads, own_queries = (heads if by_head else 1), (m if by_query else 1)
            size = product((own_heads, own_queries, n))
            period = next((k for k, step in reversed(groups[0]) if step != 0), 1)
            expected = [(period, size), (own_heads, own_queries * n), (own_queries, n)]
            fits = all(
                joined(axis for axis in group if axis[1] != 0) == joined([own])
                for group, own in zip(groups[:3], expected, strict=True)
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


def _written_out(layout: Layout, sizes: Sizes) -> np.ndarray[Any, Any] | None:
    """A constant mask as [samples until it repeats, heads, queries, keys], 1 along axes where all is alike."""
    array, groups = layout.source.array, split(layout.axes, sizes)
    if array is None or groups is None or (all(step == 0 for _, step in groups[3]) and sizes[3] != 1):
        return None
    if groups[0] and groups[0][0][1] == 0:
        groups[0] = groups[0][1:]  # the same for all samples, or for all turns of the period
    found = [places(group if any(step != 0 for _, step in group) else ()) for group in groups]
    indices = [index for index in found if index is not None]
    if len(indices) < len(found) or math.prod(map(len, indices)) > max(_MOST, array.size):
        return None
    b, h, q, k = np.ix_(*indices)
    return np.ascontiguousarray(array.reshape(-1)[b + h + q + k])


def _empty_rows(empty: Empty | None, added: list[Mask], sizes: Sizes) -> str:
    """What the layer does with queries that see no key, if the model does just that."""
    if empty is None:
        return "Nan"
    if empty.condition is None:
        return "ZeroForNan"
    known = empty.condition.array
    if known is not None and not known.any():
        return "Nan"
    if len(added) == 1 and _is_row_test(empty, empty.condition, added[0], sizes):
        return "Zero"
    raise Decline("weights are replaced by 0 under a condition that is not that of a mask of minus infinity all along")


def _is_row_test(empty: Empty, condition: Value, mask: Mask, sizes: Sizes) -> bool:
    """Whether the condition is: the mask is −∞ at all keys of the row."""
    n = sizes[3]
    for test, rows in itertools.product(broadcast(empty.links, condition, empty.shape, empty.whole), mask.layouts):
        ours, theirs = split(test.axes, sizes), split(rows.axes, sizes)
        if not _tests_rows(empty.links, test.source, rows.source, n) or ours is None or theirs is None:
            continue
        if any(step != 0 for _, step in ours[3]) or theirs[3] != joined([(n, 1)]):
            continue
        if all(joined((size, step * n) for size, step in a) == b for a, b in zip(ours[:3], theirs[:3], strict=True)):
            return True
    return False


def _tests_rows(links: Links, test: Value, rows: Value, n: Dim) -> bool:
    """Whether `test` says of each run of n elements of the mask's tensor that all are −∞."""
    if test.array is not None and rows.array is not None and isinstance(n, int):
        return bool(np.array_equal(test.array.reshape(-1), np.all(rows.array.reshape(-1, n) == -math.inf, axis=1)))
    equal = links.maker.get(test)
    greatest, bound, _ = beside_number(equal) or (None, None, 0)
    found = reduced(links.source(greatest), "Max")
    if equal is None or not isinstance(equal.layer, binary.Equal) or bound != -math.inf or found is None:
        return False
    seen = links.root(found.x)
    plain = found.along.n == n and found.along.inner == 1
    return plain and links.root(rows) is seen and seen.tensor.size == found.along.size == test.tensor.size * n
