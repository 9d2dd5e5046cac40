"""Makes one pass over memory of a scale and a shift that no product could take in.

    Add(Mul(x, s), t)   →   ScaleShift{s, t}(x) = x · s + t

for f32 and constants of one element a channel (the last axis) or one in all, where nobody else reads the product; `Div` by s and
`Sub` of t likewise. The layer multiplies and adds with one rounding instead of two.

Refused: a shift in front of a scale (x·s + t·s cancels where x is near −t, which the original does
exactly), constants that are not finite, other element types.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from onnx2rust.ir.dims import product
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Dims, Weight
from onnx2rust.ir.program import Step, Value
from onnx2rust.layers import binary
from onnx2rust.layers.norm import ScaleShift
from onnx2rust.passes.products import of_binary, rounded
from onnx2rust.passes.rewriting import Decline, Links, Rewrite, Source


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
    for side, operand in enumerate(step.uses()):
        source = links.only_source(operand)
        if source is None or not isinstance(source.step.layer, kinds):
            continue
        for inner, x in enumerate(source.step.uses()):
            layer = _joined((source.step, inner), (step, side))
            if layer is not None and x.array is None and x.tensor.size == output.tensor.size:
                yield x, source, layer


def _joined(*parts: tuple[Step, int]) -> ScaleShift | None:
    """x·s + t for two steps and the inputs that are not constant."""
    constants = [step.inputs[1 - side] for step, side in parts]
    channels = max(c.array.size if c is not None and c.array is not None else 0 for c in constants)
    first, second = (of_binary(step, side, channels) for step, side in parts)
    if first is None or second is None:
        return None
    scale, shift = rounded(first[0] * second[0]), rounded(first[1] * second[0] + second[1])
    if scale is None or shift is None:
        return None
    names = [c.name for c in constants if c is not None]
    return ScaleShift(Weight(names[0], scale), Weight(names[1], shift), _size(parts[-1], channels))


def _size(last: tuple[Step, int], channels: int) -> Dims:
    """[outer, channels, inner]: single numbers are one channel whose elements lie side by side."""
    (step, side), (output,) = last, last[0].results()
    if channels == 1:
        return (1, 1, output.tensor.size)
    assert isinstance(step.layer, binary.Binary)
    shape = step.layer.b_shape if side else step.layer.a_shape
    if shape[-1] == channels:
        return (product(shape[:-1]), channels, 1)
    return (output.tensor.size // channels, channels, 1)
