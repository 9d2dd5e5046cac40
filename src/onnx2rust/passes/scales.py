"""Takes scales and shifts per channel into the product before them, and makes one pass over memory of the others.

    y = (kernel · x + bias) · s + t   →   y = (kernel·s) · x + (bias·s + t)

for `ScaleShift` (what BatchNormalization becomes), and for `Mul`, `Div`, `Add` and `Sub` by a constant that has one element a
channel (or one in all), where nobody else reads the product and it has no activation or residual yet. Every output element of a
product belongs to one channel, the last axis of y, and views keep the order of elements, so the constant that belongs to an
element is told by its index modulo the number of channels; that is what is checked. The new weights are computed in f64 and
rounded once.

    Add(Mul(x, s), t)   →   ScaleShift{s, t}(x) = x · s + t

for f32 and such constants along the last axis, where nobody else reads the product; `Div` by s and `Sub` of t likewise. The layer
multiplies and adds with one rounding instead of two.

Refused: constants that are infinite or NaN or whose reciprocal or product with the weights is; a constant divided by the product;
products with an activation or a residual; for `ScaleShift` also a shift in front of a scale (x·s + t·s cancels where x is near
−t, which the original does exactly), and other element types.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from onnx2rust.ir.dims import Dim
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Layer, Weight
from onnx2rust.ir.program import Step, Value
from onnx2rust.layers import binary
from onnx2rust.layers.conv import ConvTranspose, DepthwiseConv
from onnx2rust.layers.dense import Dense
from onnx2rust.layers.norm import ScaleShift
from onnx2rust.passes.products import Product, free, product_of
from onnx2rust.passes.rewriting import Decline, Links, Rewrite, Source

Array = np.ndarray[Any, np.dtype[np.float64]]


def folded(links: Links, step: Step) -> Rewrite | None:
    """The product with a constant scale or shift in its weights."""
    if not isinstance(step.layer, binary.Add | binary.Sub | binary.Mul | binary.Div | ScaleShift):
        return None
    (result,) = step.results()
    for side, operand in enumerate(step.uses()):
        weighed = product_of(links, operand)
        if weighed is None or operand.tensor.size != result.tensor.size:
            continue
        affine, name = _affine(step, side, _channels(weighed))
        if affine is None:
            continue
        source = free(links, operand)
        layer = _scaled(weighed, *affine, name)
        if layer is None:
            raise Decline("weights times the scale, or plus the shift, would be no finite numbers")
        return Rewrite(replace(source.step, layer=layer, outputs=step.outputs), source.all)
    return None


def _affine(step: Step, side: int, count: int) -> tuple[tuple[Array, Array] | None, str]:
    """(s, t) of `y = x·s + t`, x being the input `side`; and what to call a new bias."""
    layer = step.layer
    if isinstance(layer, ScaleShift):
        fits = layer.size[1] == count and layer.size[2] == 1
        pair = layer.scale.array.astype(np.float64), layer.shift.array.astype(np.float64)
        return (pair if fits and all(np.isfinite(a).all() for a in pair) else None), layer.shift.name
    other = step.inputs[1 - side]
    return _of_binary(step, side, count), "" if other is None else other.name


def _scaled(layer: Product, s: Array, t: Array, name: str) -> Layer | None:
    """The layer whose result is the old one's times s plus t, per channel; None if weights overflow."""
    bias = None if layer.bias is None else layer.bias.array.astype(np.float64)
    new_bias = _rounded(t if bias is None else bias * s + t)
    new_kernel = layer.kernel.array if (s == 1).all() else _rounded(layer.kernel.array * _along_outputs(layer, s))
    if new_kernel is None or new_bias is None:
        return None
    weight = None if bias is None and not t.any() else Weight(name if layer.bias is None else layer.bias.name, new_bias)
    return replace(layer, kernel=replace(layer.kernel, array=new_kernel), bias=weight)


def _along_outputs(layer: Product, s: Array) -> Array:
    """One factor a channel, shaped to multiply the kernel."""
    rank = layer.kernel.array.ndim
    if isinstance(layer, Dense):
        return s.reshape(-1, 1) if dict(layer.kernel.packing.fields)["transposed"] else s
    if isinstance(layer, ConvTranspose):
        # [inputs, outputs / group, *k]: the inputs of a group see the outputs of that group
        rows = np.repeat(s.reshape(layer.group, -1), layer.input_channels // layer.group, axis=0)
        return rows.reshape(*rows.shape, *([1] * (rank - 2)))
    return s.reshape(-1, *([1] * (rank - 1)))


def joined(links: Links, step: Step) -> Rewrite | None:
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
            layer = _joined(output.tensor.size, (source.step, inner), (step, side))
            if layer is not None and x.array is None and x.tensor.size == output.tensor.size:
                yield x, source, layer


def _joined(size: Dim, *parts: tuple[Step, int]) -> ScaleShift | None:
    """x·s + t, of so many elements, for two steps and the inputs that are not constant."""
    constants = [step.inputs[1 - side] for step, side in parts]
    channels = max(c.array.size if c is not None and c.array is not None else 0 for c in constants)
    first, second = (_of_binary(step, side, channels) for step, side in parts)
    if first is None or second is None:
        return None
    scale, shift = _rounded(first[0] * second[0]), _rounded(first[1] * second[0] + second[1])
    if scale is None or shift is None:
        return None
    # single numbers are one channel whose elements lie side by side
    sizes = (1, 1, size) if channels == 1 else (size // channels, channels, 1)
    names = [c.name for c in constants if c is not None]
    return ScaleShift(Weight(names[0], scale), Weight(names[1], shift), sizes)


def _channels(layer: Product) -> int:
    """Size of the last axis of y."""
    if isinstance(layer, Dense):
        return layer.units
    return layer.channels * layer.multiplier if isinstance(layer, DepthwiseConv) else layer.output_channels


def _of_binary(step: Step, side: int, count: int) -> tuple[Array, Array] | None:
    """(s, t) of one element a channel, if the step is x·s + t of its input `side`, and the other input is a constant: a number,
    or one for each of the last `count` channels."""
    layer, other = step.layer, step.inputs[1 - side]
    if not isinstance(layer, binary.Binary) or other is None or other.array is None:
        return None
    shape = layer.b_shape if side == 0 else layer.a_shape
    if other.array.size != 1 and (other.array.size != count or shape[-1] != count):
        return None
    c = np.broadcast_to(other.array.astype(np.float64).ravel(), (count,))
    one, zero = np.ones(count), np.zeros(count)
    with np.errstate(all="ignore"):
        match layer:
            case binary.Add():
                found = one, c
            case binary.Sub():
                found = (one, -c) if side == 0 else (-one, c)
            case binary.Mul():
                found = c, zero
            case binary.Div() if side == 0:
                found = 1 / c, zero
            case _:
                return None
    return found if all(np.isfinite(a).all() for a in found) else None


def _rounded(array: Array) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    """The array as f32, if that holds its numbers."""
    with np.errstate(over="ignore"):
        found = np.asarray(array, dtype=np.float32)
    return found if np.isfinite(found).all() else None
