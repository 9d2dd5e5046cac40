"""Takes scales and shifts per channel into the product before them.

    y = (kernel · x + bias) · s + t   →   y = (kernel·s) · x + (bias·s + t)

for `ScaleShift` (what BatchNormalization becomes), and for `Mul`, `Div`, `Add` and `Sub` by a constant that has one element a
channel (or one in all), where nobody else reads the product and it has no activation or residual yet. Every output element of a
product belongs to one channel, the last axis of y, and views keep the order of elements, so the constant that belongs to an
element is told by its index modulo the number of channels; that is what is checked. The new weights are computed in f64 and
rounded once.

Refused: constants that are infinite or NaN or whose reciprocal or product with the weights is; a constant divided by the product;
activations other than Linear; residuals.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from onnx2rust.ir.layer import Layer, Weight
from onnx2rust.ir.program import Step
from onnx2rust.layers import binary
from onnx2rust.layers.conv import ConvTranspose
from onnx2rust.layers.dense import Dense
from onnx2rust.layers.norm import ScaleShift
from onnx2rust.passes.products import Array, Product, channels, free, of_binary, product_of, rounded
from onnx2rust.passes.rewriting import Decline, Links, Rewrite


def rule(links: Links, step: Step) -> Rewrite | None:
    """The product with a constant scale or shift in its weights."""
    if not isinstance(step.layer, binary.Add | binary.Sub | binary.Mul | binary.Div | ScaleShift):
        return None
    (result,) = step.results()
    for side, operand in enumerate(step.uses()):
        product = product_of(links, operand)
        if product is None or operand.tensor.size != result.tensor.size:
            continue
        affine, name = _affine(step, side, channels(product))
        if affine is None:
            continue
        source = free(links, operand)
        layer = scaled(product, *affine, name)
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
    return of_binary(step, side, count), "" if other is None else other.name


def scaled(layer: Product, s: Array, t: Array, name: str) -> Layer | None:
    """The layer whose result is the old one's times s plus t, per channel; None if weights overflow."""
    bias = None if layer.bias is None else layer.bias.array.astype(np.float64)
    new_bias = rounded(t if bias is None else bias * s + t)
    new_kernel = layer.kernel.array if (s == 1).all() else rounded(layer.kernel.array * _along_outputs(layer, s))
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
