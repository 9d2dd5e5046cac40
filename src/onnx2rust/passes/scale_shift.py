"""Makes one pass over memory of a scale and a shift that no product could take in.

    Add(Mul(x, s), t)   →   ScaleShift{s, t}(x) = x · s + t

for f32 and constants of one element a channel (the last axis) or one in all, where nobody else reads the product; `Div` by s and
`Sub` of t likewise. The layer multiplies and adds with one rounding instead of two.

Refused: a shift in front of a scale (x·s + t·s cancels where x is near −t, which the original does
exactly), constants that are not finite, other element types.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from onnx2rust.ir.dims import product
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Dims, Weight
from onnx2rust.ir.program import Step, Value
from onnx2rust.layers import binary
from onnx2rust.layers.norm import ScaleShift
from onnx2rust.passes.declines import Decline
from onnx2rust.passes.products import of_binary
from onnx2rust.passes.rewriting import Links, Rewrite, Source


def rule(links: Links, step: Step) -> Rewrite | None:
    """The scale and the shift in one step."""
    output = step.outputs[0] if step.outputs else None
    if output is None or output.dtype is not DType.F32:
        return None
    if isinstance(step.layer, binary.Add | binary.Sub):
        for x, source, layer in _pairs(links, step, output, binary.Mul, binary.Div):
            return Rewrite(replace(step, layer=layer, inputs=(x,)), source.all)
    if isinstance(step.layer, binary.Mul | binary.Div) and any(_pairs(links, step, output, binary.Add, binary.Sub)):
        raise Decline("a shift before a scale: x*s + t*s would cancel where x is near -t")
    return None


def _pairs(links: Links, step: Step, output: Value, *kinds: type[binary.Binary]) -> Iterator[tuple[Value, Source, ScaleShift]]:
    """The x of a step of these kinds and the step behind it, and the layer that does both."""
    for side, inner in itertools.product((0, 1), repeat=2):
        source = links.only_source(step.inputs[side])
        if source is None or not isinstance(source.step.layer, kinds):
            continue
        x = source.step.inputs[inner]
        layer = _joined((source.step, inner), (step, side))
        if layer is not None and x is not None and x.array is None and x.tensor.size == output.tensor.size:
            yield x, source, layer


def _joined(*parts: tuple[Step, int]) -> ScaleShift | None:
    """x·s + t for two steps and the inputs that are not constant."""
    constants = [step.inputs[1 - side] for step, side in parts]
    if any(c is None or c.array is None for c in constants):
        return None
    arrays = [c.array for c in constants if c is not None and c.array is not None]
    channels = max(a.size for a in arrays)
    affine = [
        of_binary(step.layer, side, array, channels)
        for (step, side), array in zip(parts, arrays, strict=True)
        if isinstance(step.layer, binary.Binary)
    ]
    if len(affine) != 2 or affine[0] is None or affine[1] is None:
        return None
    s, t = affine[0][0] * affine[1][0], affine[0][1] * affine[1][0] + affine[1][1]
    with np.errstate(over="ignore"):
        rounded = [a.astype(np.float32) for a in (s, t)]
    if not all(np.isfinite(a).all() for a in rounded):
        return None
    names = [c.name for c in constants if c is not None]
    return ScaleShift(Weight(names[0], rounded[0]), Weight(names[1], rounded[1]), _size(parts[-1], channels))


def _size(last: tuple[Step, int], channels: int) -> Dims:
    """[outer, channels, inner]: single numbers are one channel whose elements lie side by side."""
    (output,) = last[0].outputs
    assert output is not None
    if channels == 1:
        return (1, 1, output.tensor.size)
    layer = last[0].layer
    assert isinstance(layer, binary.Binary)
    shape = layer.a_shape if last[1] == 0 else layer.b_shape
    if shape[-1] == channels:
        return (product(shape[:-1]), channels, 1)
    return (output.tensor.size // channels, channels, 1)
