"""Recognises attention that exporters spell out.

    W = Softmax(S) along the keys,  S = where(keep, s · Q · Kᵀ, fill) + mask,  y = W · V   →   y =
    Attention{s, fill}(Q, K, V, keep, mask)

for f32 products of matrices of [batch, heads]; factors may stand on Q, on K, or on their product, `keep` and `mask` may be
missing. Which element is multiplied by which is what is compared, not the nodes that bring them there: each operand is followed
through views, transpositions and expansions to where its elements lie (layout.py), and there must be a number of heads for which
they lie in an order that the layer reads (`attention::Axes`), covering all of the tensor. An expansion of K and V along the heads
is heads that share a key. A transposition behind the product is the layer's order of output. So the layer computes the same sums
of the same products over the reals, and the softmax with the same code; factors are applied in another order, which moves the
last bit.

A constant mask of 0 and −∞ (or a keep that leaves −∞) that is lower triangular is `causal`: the layer skips those scores, which
were −∞ for any finite input. W may be replaced by 0 where its mask is −∞ all along (ONNX `Attention`), or where it is NaN
(PyTorch).

Refused: scores or weights that others read too, masks behind a factor or in front of `where`, several masks unless all are
constants, masks that do not depend on the keys or whose sizes may differ from the scores', operands in other orders.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.layer import Variant
from onnx2rust.ir.program import Step, Value
from onnx2rust.ir.shapes import Shape
from onnx2rust.layers.attention import Attention
from onnx2rust.layers.matmul import MatMul
from onnx2rust.layers.movement import Transpose
from onnx2rust.layers.softmax import Softmax
from onnx2rust.layers.unary import Not
from onnx2rust.passes import masks
from onnx2rust.passes.layout import Axes, Axis, exact, inner_sizes, joined, layouts, split
from onnx2rust.passes.masks import Empty, Scores
from onnx2rust.passes.rewriting import Decline, Links, Rewrite, fused


def rule(links: Links, step: Step) -> Rewrite | None:
    """The attention that the step is the end of: the product of weights and values, or the transposition behind it."""
    turned = links.only_source(step.inputs[0]) if isinstance(step.layer, Transpose) else None
    last = step if turned is None else turned.step
    if not isinstance(last.layer, MatMul) or last.layer.alpha != 1:
        return None
    weights = masks.softmax_of(links, next(last.uses()))
    try:
        return None if weights is None else _attention(links, step, last, *weights)
    except Decline:
        if step is last:
            raise
        return None  # the product is looked at again, without the transposition behind it


@dataclass(frozen=True)
class _Operand:
    """An operand, and how its elements lie in it."""

    value: Value
    order: str
    heads: int
    factor: float


def _attention(links: Links, step: Step, last: Step, softmax: Step, empty: Empty | None) -> Rewrite:
    b = last.layer
    assert isinstance(b, MatMul)
    m, n, value_size, matrices = b.m, b.k, b.n, product(b.batch)
    if softmax.layer != Softmax(matrices * m, n, 1):
        size = ", ".join(map(str, softmax.layer.sizes().values()))
        raise Decline(f"softmax of [{size}] is not along the keys of {matrices} matrices of {m} by {n}")
    if not _plain(b.batch, b.a_batch, (m, n), b.a_steps):
        raise Decline("the weights are multiplied in another order than that of their softmax")
    scores = Scores(matrices, m, n)
    first, factor, found = masks.scores_of(links, softmax, scores)
    a = first.layer
    assert isinstance(a, MatMul)
    if (a.m, a.n) != (m, n) or product(a.batch) != matrices:
        raise Decline(f"the scores are {a.m} by {a.n}, not {m} by {n} of each of {matrices} matrices")
    head_size = a.k
    if not isinstance(head_size, int) or not isinstance(value_size, int) or not head_size or not value_size:
        raise Decline(f"heads of {head_size} and {value_size} elements: sizes known only at run time")
    (query, key), (_, value) = first.uses(), last.uses()
    views = [
        list(_seen(links, query, a.batch, a.a_batch, (m, a.a_steps[0]), (head_size, a.a_steps[1]))),
        list(_seen(links, key, a.batch, a.b_batch, (n, a.b_steps[1]), (head_size, a.b_steps[0]))),
        list(_seen(links, value, b.batch, b.b_batch, (n, b.b_steps[0]), (value_size, b.b_steps[1]))),
    ]
    written = _written(step, matrices, m, value_size)
    why = "no order of axes"
    lying = [view.axes for seen in views for view in seen] + [axes for mask in found for axes in mask.matrices(scores)]
    for heads in _heads(matrices, m * value_size, lying, written):
        batch = exact(matrices, heads)
        output = _output(written, heads, (batch, m, value_size))
        if batch is None or output is None:
            continue
        operands = [_operand(seen, batch, heads) for seen in views]
        names = ("query", "key", "value")
        missing = [name for name, operand in zip(names, operands, strict=True) if operand is None]
        q, k, v = operands
        if q is None or k is None or v is None or q.heads != heads or k.heads != v.heads or q.order == "HeadsSize":
            why = f"the elements of {' and '.join(missing) or 'the query'} do not lie as heads of {heads} do"
            continue
        total = q.factor * k.factor * factor * a.alpha
        if not math.isfinite(np.float32(total)) or v.factor != 1:
            why = "factors that are no f32 number, or on the value"
            continue
        layer = Attention(
            heads=heads,
            key_heads=k.heads,
            head_size=head_size,
            value_size=value_size,
            scale=total,
            causal=False,
            query=_axes(q.order),
            key=_axes(k.order),
            value=_axes(v.order),
            output=_axes(output),
            keep=None,
            fill=0.0,
            mask=None,
            empty_rows=Variant("attention::EmptyRows", "Nan"),
            batch=batch,
            queries=m,
            keys=n,
        )
        masked = masks.fitted(layer, found, empty)
        keep, before = _turned(step, masked)
        whole = fused(step, masked.layer, softmax)
        return Rewrite(replace(whole, inputs=(q.value, k.value, v.value, keep, masked.mask)), (), before)
    raise Decline(why)


def _axes(order: str) -> Variant:
    return Variant("attention::Axes", order)


def _turned(step: Step, mask: masks.Fitted) -> tuple[Value | None, tuple[Step, ...]]:
    """`keep`, turned round by a step where the model says what to drop."""
    if mask.keep is None or not mask.drop:
        return mask.keep, ()
    kept = Value(f"{mask.keep.name}.kept", mask.keep.type)
    return kept, (Step(f"{step.name}.keep", Not(), (mask.keep,), (kept,), step.origin),)


def _plain(batch: Shape, batch_steps: Shape, sizes: Shape, steps: Shape) -> bool:
    """Whether matrices lie one behind the other, row by row."""
    axes = joined([*zip(batch, batch_steps, strict=True), *zip(sizes, steps, strict=True)])
    return axes == joined([(product((*batch, *sizes)), 1)])


@dataclass(frozen=True)
class _Seen:
    """A matrix operand in a value: where its matrices, its tokens and the elements of a token lie, and how many those are."""

    value: Value
    axes: Axes
    tokens: Axes
    elements: Axes
    factor: float
    count: Dim
    size: Dim


def _seen(links: Links, value: Value, batch: Shape, batch_steps: Shape, tokens: Axis, elements: Axis) -> Iterator[_Seen]:
    """The operand in each value that it can be followed to, farthest first."""
    for layout in reversed(layouts(links, value)):
        parts = [layout.axis(*axis) for axis in zip(batch, batch_steps, strict=True)]
        rows, columns = layout.axis(*tokens), layout.axis(*elements)
        if rows is None or columns is None or any(p is None for p in parts):
            continue
        axes = joined(axis for part in parts for axis in part or ())
        yield _Seen(layout.source, axes, joined(rows), joined(columns), layout.factor, tokens[0], elements[0])


def _heads(matrices: Dim, matrix: Dim, lying: list[Axes], written: Axes | None) -> list[int]:
    """Numbers of heads that come into question, most first. `matrix` is the size of one of the product's."""
    counts = {1}.union(*map(inner_sizes, lying))
    counts |= {size for size, step in written or () if step == matrix and isinstance(size, int)}
    return sorted((c for c in counts if exact(matrices, c) is not None), reverse=True)


def _operand(seen: list[_Seen], batch: Dim, heads: int) -> _Operand | None:
    for view in seen:
        groups = split(_padded(view.axes, batch * heads), (batch, heads))
        if groups is None or len(groups[0]) > 1 or len(view.tokens) > 1 or len(view.elements) > 1:
            continue
        own, shared = heads, groups[1]
        if len(shared) == 2 and shared[1][1] == 0 and isinstance(shared[0][0], int):
            own, shared = shared[0][0], shared[:1]
        elif shared and shared[0][1] == 0 and len(shared) == 1:
            own, shared = 1, ()
        if len(shared) > 1 or view.value.tensor.size != product((batch, own, view.count, view.size)):
            continue
        steps = [axis[0][1] if axis else None for axis in (groups[0], shared, view.tokens, view.elements)]
        for order, expected in _orders(own, view.count, view.size).items():
            if all(s is None or s == e for s, e in zip(steps, expected, strict=True)):
                return _Operand(view.value, order, own, view.factor)
    return None


def _padded(axes: Axes, size: Dim) -> Axes:
    """Axes of a size that is 1 in all are none; `split` wants them to be there."""
    return axes if axes or size == 1 else ((size, 0),)


def _orders(heads: int, tokens: Dim, size: Dim) -> dict[str, tuple[Dim, Dim, Dim, Dim]]:
    """Steps of sample, head, token and element in each order of axes."""
    sample = product((heads, tokens, size))
    return {
        "TokensHeads": (sample, size, heads * size, 1),
        "HeadsTokens": (sample, tokens * size, size, 1),
        "HeadsSize": (sample, tokens * size, 1, tokens),
    }


def _written(step: Step, matrices: Dim, m: Dim, size: Dim) -> Axes | None:
    """Where the elements of a transposition's result lie in the product; None if `step` is the product."""
    if not isinstance(step.layer, Transpose):
        return None
    groups = split(((product((matrices, m, size)), 1),), step.layer.shape)
    if groups is None:
        raise Decline("the transposition behind the product cuts through its matrices")
    return joined(axis for p in step.layer.perm for axis in groups[p])


def _output(written: Axes | None, heads: int, sizes: tuple[Dim | None, Dim, Dim]) -> str | None:
    """The order of axes of y."""
    batch, m, size = sizes
    if written is None:
        return "HeadsTokens"
    if batch is None:
        return None
    expected = joined([(batch, product((heads, m, size))), (m, size), (heads, m * size), (size, 1)])
    return "TokensHeads" if written == expected else None
