"""Layers that multiply by weights, and which of them may do more."""

from __future__ import annotations

from onnx2rust.ir.program import Value
from onnx2rust.layers.activation import LINEAR
from onnx2rust.layers.conv import Conv, ConvTranspose, DepthwiseConv
from onnx2rust.layers.dense import Dense
from onnx2rust.passes.rewriting import Decline, Links, Source

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
