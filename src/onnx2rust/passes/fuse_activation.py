"""Lets a product apply the activation behind it while its result is still in the first-level cache.

    y = f(product(x))   →   y = product(x, activation f)

for an `Activate` whose input is computed by a product that nobody else reads and that has no activation yet. The product applies
its activation last, element by element, with the same code as the layer of its own, so not one bit changes.

Refused: products that apply an activation already; products whose linear result is also used elsewhere.
"""

from __future__ import annotations

from dataclasses import replace

from onnx2rust.ir.program import Step
from onnx2rust.layers.activation import Activate
from onnx2rust.passes.products import free, product_of
from onnx2rust.passes.rewriting import Links, Rewrite


def rule(links: Links, step: Step) -> Rewrite | None:
    """The product that applies the activation."""
    product = product_of(links, step.inputs[0]) if isinstance(step.layer, Activate) else None
    if product is None or not isinstance(step.layer, Activate):
        return None
    source = free(links, step.inputs[0], residual=True)
    layer = replace(product, activation=step.layer.activation)
    return Rewrite(replace(source.step, layer=layer, outputs=step.outputs), source.all)
