"""Moves what follows a product into the product: constants per channel, another tensor, an activation.

With P(x) = x · W + b (a dense layer or any convolution; its channels are the last axis of its output):

    P(x) · s                    ->  x · (W · s) + b · s          s one number, or one a channel
    P(x) + c,  P(x) − c,  P(x) · s + c (ScaleShift)  ->  likewise with b + c
    P(x) + r                    ->  P with residual r            r of P's output shape, computed before P
    f(P(x))                     ->  P with activation f

In this order, as the kernels compute activation(x · W + b + r). Scaling the weights (in f64, rounded once to f32) moves the rounding
from the output to the weights: relative error 2⁻²⁴ a weight either way. Refuses where P's result has another reader (it would be computed twice), where P
already has a residual or an activation that the new part would have to come before, and where a scale is not known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from onnx2rust.layers.activation import LINEAR, Activate
from onnx2rust.layers.base import Layer, Weight
from onnx2rust.layers.conv import Conv, ConvTranspose, DepthwiseConv
from onnx2rust.layers.dense import Dense
from onnx2rust.layers.elementwise import Add, Mul, Sub
from onnx2rust.layers.norm import ScaleShift
from onnx2rust.passes.rewrite import Uses, rewrite
from onnx2rust.program import Program, Step, Value

Product = Dense | Conv | DepthwiseConv | ConvTranspose
Array = np.ndarray[Any, Any]


def run(program: Program) -> Program:
    """The program with products that do more."""
    return rewrite(program, _steps)


def _steps(steps: tuple[Step, ...], uses: Uses) -> tuple[Step, ...]:
    kept: list[Step] = []
    position: dict[Value, int] = {}
    for step in steps:
        fused = _fused(step, kept, position, uses)
        if fused is None:
            position.update((v, len(kept)) for v in step.results())
            kept.append(step)
        else:
            index, product = fused
            position.update((v, index) for v in product.results())
            kept[index] = product
    return tuple(kept)


def _fused(step: Step, kept: list[Step], position: dict[Value, int], uses: Uses) -> tuple[int, Step] | None:
    """The product that `step` became a part of, and its place."""
    candidates = [v for v in step.inputs if v is not None and v in position and uses.once(v)]
    # of two products that are added, the later one takes the other as its residual
    for value in sorted(candidates, key=lambda v: -position[v]):
        index = position[value]
        product = kept[index]
        if not isinstance(product.layer, Product) or product.layer.activation != LINEAR or len(step.outputs) != 1:
            continue
        (result,) = step.outputs
        if result is None or result.type != value.type:
            continue
        inputs = product.inputs
        layer: Layer | None = None
        if isinstance(step.layer, Activate):
            layer = replace(product.layer, activation=step.layer.activation)
        elif len(inputs) < 2 or inputs[1] is None:
            layer = _affine(product.layer, step, value)
            residual = _residual(product, step, value)
            if layer is None and residual is not None and position.get(residual, -1) < index:
                layer, inputs = product.layer, (inputs[0], residual)
        if layer is not None:
            return index, replace(product, layer=layer, inputs=inputs, outputs=(result,))
    return None


def _residual(product: Step, step: Step, value: Value) -> Value | None:
    """The other operand of an addition, if the product can take it."""
    if not isinstance(step.layer, Add) or isinstance(product.layer, ConvTranspose):
        return None
    other = step.inputs[1] if step.inputs[0] is value else step.inputs[0]
    return other if other is not None and other is not value and other.type == value.type else None


def _affine(layer: Product, step: Step, value: Value) -> Layer | None:
    """The product with the step's constants in its weights."""
    channels = layer.units if isinstance(layer, Dense) else _outputs(layer)
    if isinstance(step.layer, ScaleShift):
        if step.layer.size[2] != 1 or step.layer.size[1] != channels:
            return None
        return _scaled(layer, step.layer.scale.array, step.layer.shift.array, channels)
    if not isinstance(step.layer, Add | Sub | Mul):
        return None
    left = step.inputs[0] is value
    other = step.inputs[1] if left else step.inputs[0]
    if other is None or other.array is None or (isinstance(step.layer, Sub) and not left):
        return None
    if other.shape and (any(d != 1 for d in other.shape[:-1]) or other.shape[-1] not in (1, channels)):
        return None
    constant = np.broadcast_to(other.array.reshape(-1), (channels,))
    if isinstance(step.layer, Mul):
        return _scaled(layer, constant, None, channels)
    return _scaled(layer, None, -constant if isinstance(step.layer, Sub) else constant, channels, other.name)


def _outputs(layer: Conv | DepthwiseConv | ConvTranspose) -> int:
    return layer.channels * layer.multiplier if isinstance(layer, DepthwiseConv) else layer.output_channels


def _scaled(layer: Product, scale: Array | None, shift: Array | None, channels: int, name: str = "") -> Layer:
    """x · (W · scale) + (b · scale + shift)"""
    kernel, bias = layer.kernel, layer.bias
    by = None if scale is None else np.broadcast_to(scale.reshape(-1).astype(np.float64), (channels,))
    total = np.zeros(channels) if bias is None else bias.array.astype(np.float64)
    if by is not None:
        kernel = replace(kernel, array=_scaled_kernel(layer, by))
        total = total * by
    if shift is not None:
        total = total + shift.reshape(-1).astype(np.float64)
    if bias is not None or shift is not None:
        label = bias.name if bias is not None else name or f"{kernel.name}/bias"
        bias = Weight(label, total.astype(np.float32))
    return replace(layer, kernel=kernel, bias=bias)


def _scaled_kernel(layer: Product, scale: Array) -> Array:
    """The kernel with each output channel's weights multiplied."""
    w = layer.kernel.array.astype(np.float64)
    if isinstance(layer, Dense):
        transposed = dict(layer.kernel.packing.fields)["transposed"]
        by = scale[:, None] if transposed else scale
    elif isinstance(layer, ConvTranspose):
        # [i, o / group, *k]: the inputs of a group see the outputs of that group
        group = layer.group
        rows = np.repeat(scale.reshape(group, -1), layer.input_channels // group, axis=0)
        by = rows.reshape(*rows.shape, *[1] * (w.ndim - 2))
    else:
        by = scale.reshape(-1, *[1] * (w.ndim - 1))
    scaled: Array = (w * by).astype(np.float32)
    return scaled
