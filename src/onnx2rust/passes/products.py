"""Layers that multiply by weights, and what passes may do to them."""

from __future__ import annotations

from onnx2rust.ir.program import Value
from onnx2rust.layers.activation import LINEAR
from onnx2rust.layers.conv import Conv, ConvTranspose, DepthwiseConv
from onnx2rust.layers.dense import Dense
from onnx2rust.passes.rewriting import Links, Source

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
