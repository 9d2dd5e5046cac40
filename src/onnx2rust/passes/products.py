"""Layers that multiply by weights, and what passes may do to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from onnx2rust.ir.program import Step, Value
from onnx2rust.layers import binary
from onnx2rust.layers.activation import LINEAR
from onnx2rust.layers.conv import Conv, ConvTranspose, DepthwiseConv
from onnx2rust.layers.dense import Dense
from onnx2rust.passes.rewriting import Decline, Links, Source

Array = np.ndarray[Any, np.dtype[np.float64]]
Product = Dense | Conv | DepthwiseConv | ConvTranspose


def product_of(links: Links, value: Value | None) -> Product | None:
    """The product that computes the value, seen through views."""
    source = links.source(value)
    return source.layer if source is not None and isinstance(source.layer, Product) else None


def free(links: Links, value: Value | None, *, residual: bool = False) -> Source:
    """The step of the product that computes the value, if it can take in what comes behind it: it has no other reader, no
    activation, and no residual unless it may have one. Declines if not."""
    source = links.only_source(value)
    if source is None:
        raise Decline("something else reads the product's result as it is")
    product = product_of(links, value)
    if product is not None and product.activation != LINEAR:
        raise Decline(f"the product applies an activation already: {product.activation.name}")
    if not residual and source.step.inputs[1:] not in ((), (None,)):
        raise Decline("the product adds a residual already")
    return source


def channels(layer: Product) -> int:
    """Size of the last axis of y."""
    if isinstance(layer, Dense):
        return layer.units
    return layer.channels * layer.multiplier if isinstance(layer, DepthwiseConv) else layer.output_channels


def of_binary(step: Step, side: int, count: int) -> tuple[Array, Array] | None:
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
            case _:
                if side == 1:
                    return None
                found = 1 / c, zero
    return found if all(np.isfinite(a).all() for a in found) else None


def rounded(array: Array) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    """The array as f32, if that holds its numbers."""
    with np.errstate(over="ignore"):
        found = np.asarray(array, dtype=np.float32)
    return found if np.isfinite(found).all() else None
