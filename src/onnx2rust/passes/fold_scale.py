"""Takes scales and shifts per channel into the product before them.

    y = (kernel · x + bias) · s + t   →   y = (kernel·s) · x + (bias·s + t)

for `Mul`, `Div`, `Add` and `Sub` by a constant that has one element a channel (or one in all), where nobody else reads the product and
it has no activation or residual yet. BatchNormalization, which is lowered to such a pair, disappears in this way. Every output element
of a product belongs to one channel, the last axis of y, and views keep the order of elements, so the constant that belongs to
an element is told by its index modulo the number of channels; that is what is checked. The new weights are computed in f64 and rounded once.

Refused: constants that are infinite or NaN or whose reciprocal or product with the weights is; a constant divided by the product;
activations other than Linear; residuals.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from onnx2rust.layers import elementwise
from onnx2rust.layers.activation import LINEAR
from onnx2rust.layers.base import Layer, Weight
from onnx2rust.layers.conv import Conv, DepthwiseConv
from onnx2rust.layers.dense import Dense
from onnx2rust.passes.graph import Graph, Rewrite, rewrite
from onnx2rust.program import Program, Step, Value

PRODUCTS = (Dense, Conv, DepthwiseConv)
_Array = np.ndarray[Any, np.dtype[np.float64]]


def run(program: Program) -> Program:
    """The program with constant scales and shifts in the weights of products."""
    return rewrite(program, _rule)


def _rule(graph: Graph, step: Step) -> Rewrite | None:
    if not isinstance(step.layer, elementwise.Add | elementwise.Sub | elementwise.Mul | elementwise.Div):
        return None
    for side in (0, 1):
        operand, other = step.inputs[side], step.inputs[1 - side]
        source = graph.only_source(operand)
        if source is None or graph.array(other) is None:
            continue
        product = source.step
        if not isinstance(product.layer, PRODUCTS) or product.layer.activation != LINEAR or product.inputs[1] is not None:
            return None
        affine = _affine(step.layer, side, other, channels(product.layer))
        if affine is None or operand is None or step.outputs[0] is None or operand.type.size != step.outputs[0].type.size:
            return None
        layer = scaled(product.layer, *affine, name=other.name if other is not None else "")
        return None if layer is None else Rewrite(replace(product, layer=layer, outputs=step.outputs), source.all)
    return None


def channels(layer: Dense | Conv | DepthwiseConv) -> int:
    """Size of the last axis of y."""
    if isinstance(layer, Dense):
        return layer.units
    return layer.output_channels if isinstance(layer, Conv) else layer.channels * layer.multiplier


def _affine(layer: Layer, side: int, constant: Value | None, count: int) -> tuple[_Array, _Array] | None:
    """(s, t) of `y = x·s + t`, x being the input `side`."""
    assert isinstance(layer, elementwise.Binary)
    assert constant is not None
    assert constant.array is not None
    shape = layer.b_shape if side == 0 else layer.a_shape
    if constant.array.size != 1 and (constant.array.size != count or shape[-1] != count):
        return None
    c = np.broadcast_to(constant.array.astype(np.float64).ravel(), (count,))
    one, zero = np.ones(count), np.zeros(count)
    with np.errstate(all="ignore"):
        match layer:
            case elementwise.Add():
                found = one, c
            case elementwise.Sub():
                found = (one, -c) if side == 0 else (-one, c)
            case elementwise.Mul():
                found = c, zero
            case _:
                if side == 1:
                    return None
                found = 1 / c, zero
    return found if all(np.isfinite(a).all() for a in found) else None


def scaled(layer: Dense | Conv | DepthwiseConv, s: _Array, t: _Array, name: str) -> Layer | None:
    """The layer whose result is the old one's times s plus t, per channel; None if weights overflow."""
    kernel = layer.kernel.array
    transposed = isinstance(layer, Dense) and not dict(layer.kernel.packing.fields)["transposed"]
    new_kernel = _rounded(kernel * (s if transposed else s.reshape(-1, *([1] * (kernel.ndim - 1)))))
    bias = None if layer.bias is None else layer.bias.array.astype(np.float64)
    new_bias = _rounded(t if bias is None else bias * s + t)
    if new_kernel is None or new_bias is None:
        return None
    if (s == 1).all():
        new_kernel = kernel
    weight = None if bias is None and not t.any() else Weight(name if layer.bias is None else layer.bias.name, new_bias)
    return replace(layer, kernel=replace(layer.kernel, array=new_kernel), bias=weight)


def _rounded(array: _Array) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    with np.errstate(over="ignore"):
        rounded = np.asarray(array, dtype=np.float32)
    return rounded if np.isfinite(rounded).all() else None
