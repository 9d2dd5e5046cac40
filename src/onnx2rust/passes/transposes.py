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

from onnx2rust.ir.dims import broadcast, product
from onnx2rust.ir.program import Step, Value
from onnx2rust.ir.shapes import Shape, collapse_broadcast
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import binary
from onnx2rust.layers.movement import Transpose
from onnx2rust.passes.layout import Axes, joined, split, stretched
from onnx2rust.passes.rewriting import Links, Rewrite


def rule(links: Links, step: Step) -> Rewrite | None:
    """The broadcast that writes in the order of the transposition behind it."""
    turn = step.layer
    source = links.only_source(step.inputs[0]) if isinstance(turn, Transpose) else None
    if source is None or not isinstance(turn, Transpose) or not isinstance(source.step.layer, binary.Binary):
        return None
    layer = source.step.layer
    whole = broadcast((layer.a_shape, layer.b_shape))
    found = []
    for value, shape in zip(source.step.inputs, (layer.a_shape, layer.b_shape), strict=True):
        turned = None if value is None else _turned(value, shape, whole, turn)
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
    array = _moved(value.array, kept) if value.array is not None else None
    return None if array is None else (Value(value.name, TensorType(value.dtype, array.shape), array), tuple(sizes))


def _moved(array: np.ndarray[Any, Any], axes: Axes) -> np.ndarray[Any, Any] | None:
    """The elements of the array at the axes, in their order."""
    known = [(size, step) for size, step in axes if isinstance(size, int) and isinstance(step, int)]
    sizes = [size for size, _ in known]
    if len(known) != len(axes) or product(sizes) != array.size:
        return None
    index = np.zeros(1, np.int64)
    for size, step in known:
        index = (index[:, None] + np.arange(size) * step).reshape(-1)
    return np.ascontiguousarray(array.reshape(-1)[index].reshape(sizes))
