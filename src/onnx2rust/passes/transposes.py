"""Lets a step that broadcasts its operands write in the order that its reader wants.

    Transpose(f(a, b))   →   f(a', b')

for a `Binary` step that nobody else reads, and of which neither operand has all axes: an operand that lacks the axes along which
the result is turned lies in memory as it did (a row and a column stay a row and a column), so it is the same value under another
shape; a constant is turned at conversion. Each element of the result is computed from the same two elements as before.

Refused: computed operands that would have to be moved themselves, axes of which an operand has a part.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from onnx2rust.ir.dims import broadcast
from onnx2rust.ir.program import Step, Value
from onnx2rust.ir.shapes import Shape, collapse_broadcast
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import binary
from onnx2rust.layers.movement import Transpose
from onnx2rust.passes.layout import joined, places, split, stretched
from onnx2rust.passes.rewriting import Links, Rewrite


def rule(links: Links, step: Step) -> Rewrite | None:
    """The broadcast that writes in the order of the transposition behind it."""
    turn = step.layer
    source = links.only_source(step.inputs[0]) if isinstance(turn, Transpose) else None
    layer = None if source is None else source.step.layer
    if source is None or not isinstance(turn, Transpose) or not isinstance(layer, binary.Binary):
        return None
    whole = broadcast((layer.a_shape, layer.b_shape))
    found = []
    for value, shape in zip(source.step.uses(), (layer.a_shape, layer.b_shape), strict=True):
        turned = _turned(value, shape, whole, turn)
        if turned is None:
            return None
        found.append(turned)
    (a, a_shape), (b, b_shape) = found
    a_shape, b_shape = collapse_broadcast((a_shape, b_shape))
    changed = replace(layer, a_shape=a_shape, b_shape=b_shape)
    return Rewrite(replace(step, layer=changed, inputs=(a, b)), source.all)


def _turned(value: Value, shape: Shape, whole: Shape, turn: Transpose) -> tuple[Value, Shape] | None:
    """An operand of `shape` that is broadcast to `whole`, after the transposition of the result."""
    axes = stretched(shape, whole)
    groups = None if axes is None else split(axes, turn.shape)
    if groups is None:
        return None
    groups = [groups[p] for p in turn.perm]
    sizes: list[Any] = []
    for group, size in zip(groups, (turn.shape[p] for p in turn.perm), strict=True):
        steps = {s == 0 for _, s in group}
        if len(steps) > 1:
            return None
        sizes.append(1 if steps == {True} else size)
    kept = joined(axis for group in groups for axis in group if axis[1] != 0)
    if kept == joined([(value.tensor.size, 1)]):
        return value, tuple(sizes)
    index = places(kept)
    if value.array is None or index is None or len(index) != value.array.size:
        return None
    array = np.ascontiguousarray(value.array.reshape(-1)[index].reshape([size for size, _ in kept]))
    return Value(value.name, TensorType(value.dtype, array.shape), array), tuple(sizes)
