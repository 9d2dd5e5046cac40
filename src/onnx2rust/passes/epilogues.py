"""Lets a product do what comes behind it, while its result is still in registers or in the first-level cache.

    y = (kernel · x + bias) + r   →   y = product(x, residual r)

for an `Add` of two tensors of one shape, one of them computed by a product that nobody else reads and that has neither residual
nor activation yet. Addition of f32 commutes, and the product adds its residual before its activation. Where both sides are
products the later one takes the earlier one as its residual. The new step stands in the place of the Add, so r exists.

    y = f(product(x))   →   y = product(x, activation f)

for an `Activate` whose input is computed by a product that nobody else reads and that has no activation yet. The product applies
its activation last, element by element, with the same code as the layer of its own, so not one bit changes.

Refused: products whose result is also read as it is, or that apply an activation already (the order would change); for a
residual also broadcasting, products that take none (ConvTranspose), constants (they belong to the bias).
"""

from __future__ import annotations

from dataclasses import replace

from onnx2rust.ir.program import Step
from onnx2rust.layers import binary
from onnx2rust.layers.activation import Activate
from onnx2rust.layers.conv import ConvTranspose
from onnx2rust.passes.products import free, product_of
from onnx2rust.passes.rewriting import Decline, Links, Rewrite


def residual(links: Links, step: Step) -> Rewrite | None:
    """The product that does the addition."""
    if not isinstance(step.layer, binary.Add) or step.layer.a_shape != step.layer.b_shape:
        return None
    a, b = step.uses()
    if a.const is not None or b.const is not None:
        return None
    found, declined = [], []
    for value, other in ((a, b), (b, a)):
        product = product_of(links, value)
        if product is None or isinstance(product, ConvTranspose):
            continue
        try:
            source = free(links, value)
        except Decline as why:
            declined.append(why)
            continue
        new = replace(source.step, inputs=(source.step.inputs[0], other), outputs=step.outputs)
        found.append((links.place[next(source.step.results())], Rewrite(new, source.all)))
    if declined and not found:
        raise declined[0]
    return max(found, key=lambda f: f[0])[1] if found else None


def activation(links: Links, step: Step) -> Rewrite | None:
    """The product that applies the activation."""
    product = product_of(links, step.inputs[0]) if isinstance(step.layer, Activate) else None
    if product is None or not isinstance(step.layer, Activate):
        return None
    source = free(links, step.inputs[0], residual=True)
    layer = replace(product, activation=step.layer.activation)
    return Rewrite(replace(source.step, layer=layer, outputs=step.outputs), source.all)
