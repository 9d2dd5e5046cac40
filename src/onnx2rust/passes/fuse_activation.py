"""Lets a product apply the activation behind it while its result is still in the first-level cache.

    y = f(product(x))   →   y = product(x, activation f)

for an `Activate` whose input is computed by a product that nobody else reads and that has no activation yet. The product applies
its activation last, element by element, with the same code as the layer of its own, so not one bit changes.

Refused: products that apply an activation already; products whose linear result is also used elsewhere.
"""

from __future__ import annotations

from dataclasses import replace

from onnx2rust.ir.program import Step
from onnx2rust.layers.activation import LINEAR, Activate
from onnx2rust.passes.declines import Decline
from onnx2rust.passes.products import Product
from onnx2rust.passes.rewriting import Links, Rewrite


def rule(links: Links, step: Step) -> Rewrite | None:
    """The product that applies the activation."""
    if not isinstance(step.layer, Activate):
        return None
    product = links.source(step.inputs[0])
    if product is None or not isinstance(product.layer, Product):
        return None
    source = links.only_source(step.inputs[0])
    if source is None or not isinstance(source.step.layer, Product):
        raise Decline("something else reads the product's result as it is before the activation")
    if source.step.layer.activation != LINEAR:
        raise Decline(f"the product applies an activation already: {source.step.layer.activation.name}")
    layer = replace(source.step.layer, activation=step.layer.activation)
    return Rewrite(replace(source.step, layer=layer, outputs=step.outputs), source.all)
