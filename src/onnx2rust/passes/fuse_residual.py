"""Lets a product add a residual while its result is still in registers.

    y = (kernel · x + bias) + r   →   y = product(x, residual r)

for an `Add` of two tensors of one shape, one of them computed by a product that nobody else reads and that has neither residual
nor activation yet. Addition of f32 commutes, and the product adds its residual before its activation. Where both sides are
products the later one takes the earlier one as its residual. The new step stands in the place of the Add, so r exists.

Refused: broadcasting, products that take no residual (ConvTranspose), products with an activation
(the order would change), constants (they belong to the bias).
"""

from __future__ import annotations

from dataclasses import replace

from onnx2rust.ir.program import Step
from onnx2rust.layers import binary
from onnx2rust.layers.activation import LINEAR
from onnx2rust.layers.conv import ConvTranspose
from onnx2rust.passes.declines import Decline
from onnx2rust.passes.products import Product, plain_product
from onnx2rust.passes.rewriting import Links, Rewrite


def rule(links: Links, step: Step) -> Rewrite | None:
    """The product that does the addition."""
    output = step.outputs[0] if step.outputs else None
    if not isinstance(step.layer, binary.Add) or step.layer.a_shape != step.layer.b_shape or output is None:
        return None
    found = []
    for side in (0, 1):
        residual = step.inputs[1 - side]
        source = plain_product(links, step.inputs[side])
        if source is None or residual is None or residual.const is not None or len(source.step.inputs) != 2:
            continue
        new = replace(source.step, inputs=(source.step.inputs[0], residual), outputs=step.outputs)
        found.append((links.place[next(source.step.results())], side, Rewrite(new, source.all)))
    if not found:
        _decline(links, step)
    return max(found, key=lambda f: f[:2])[2] if found else None


def _decline(links: Links, step: Step) -> None:
    """Says why no product takes the other side, if one could."""
    if any(v is None or v.const is not None for v in step.inputs):
        return
    reasons = []
    for value in step.inputs:
        product = links.source(value)
        if product is None or not isinstance(product.layer, Product) or isinstance(product.layer, ConvTranspose):
            continue
        if links.only_source(value) is None:
            reasons.append("something else reads the product's result as it is before the addition")
        elif product.layer.activation != LINEAR:
            reasons.append(f"the product applies an activation before the addition: {product.layer.activation.name}")
        else:
            reasons.append("the product has a residual already")
    if reasons:
        raise Decline(reasons[0])
