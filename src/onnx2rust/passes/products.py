"""Layers that multiply by weights, and what passes may do to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from onnx2rust.ir.program import Value
from onnx2rust.layers import binary
from onnx2rust.layers.activation import LINEAR
from onnx2rust.layers.conv import Conv, ConvTranspose, DepthwiseConv
from onnx2rust.layers.dense import Dense
from onnx2rust.passes.rewriting import Links, Source

Array = np.ndarray[Any, np.dtype[np.float64]]
Product = Dense | Conv | DepthwiseConv | ConvTranspose


def plain_product(links: Links, value: Value | None) -> Source | None:
    """The product that computes the value for its one reader, if it has neither residual nor activation."""
    source = links.only_source(value)
    if source is None or not isinstance(source.step.layer, Product):
        return None
    return source if source.step.layer.activation == LINEAR and source.step.inputs[1:] in ((), (None,)) else None


def channels(layer: Product) -> int:
    """Size of the last axis of y."""
    if isinstance(layer, Dense):
        return layer.units
    return layer.channels * layer.multiplier if isinstance(layer, DepthwiseConv) else layer.output_channels


def of_binary(layer: binary.Binary, side: int, constant: np.ndarray[Any, Any], count: int) -> tuple[Array, Array] | None:
    """(s, t) of one element a channel, if the constant is one number or lies along the last of `count` channels."""
    shape = layer.b_shape if side == 0 else layer.a_shape
    if constant.size != 1 and (constant.size != count or shape[-1] != count):
        return None
    c = np.broadcast_to(constant.astype(np.float64).ravel(), (count,))
    one, zero = np.ones(count), np.zeros(count)
    with np.errstate(all="ignore"):
        match layer:
            case binary.Add():
                found = one, c
            case binary.Sub():
                found = (one, -c) if side == 0 else (-one, c)
            case binary.Mul():
                found = c, zero
            case _:
                if side == 1:
                    return None
                found = 1 / c, zero
    return found if all(np.isfinite(a).all() for a in found) else None
