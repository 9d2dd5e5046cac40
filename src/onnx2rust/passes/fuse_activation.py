"""Lets a product apply the activation behind it while its result is still in the first-level cache.

    y = f(product(x))   →   y = product(x, activation f)

for an `Activate` whose input is computed by a product that nobody else reads and that has no activation yet. The product applies its
activation last, element by element, with the same code as the layer of its own, so not one bit changes.

Refused: a second activation; products whose linear result is also used elsewhere.
"""

from __future__ import annotations

from dataclasses import replace

from onnx2rust.layers.activation import LINEAR, Activate
from onnx2rust.passes.fold_scale import Product
from onnx2rust.passes.graph import Graph, Rewrite, rewrite
from onnx2rust.program import Program, Step


def run(program: Program) -> Program:
    """The program with activations inside products."""
    return rewrite(program, _rule)


def _rule(graph: Graph, step: Step) -> Rewrite | None:
    if not isinstance(step.layer, Activate):
        return None
    source = graph.only_source(step.inputs[0])
    if source is None or not isinstance(source.step.layer, Product) or source.step.layer.activation != LINEAR:
        return None
    layer = replace(source.step.layer, activation=step.layer.activation)
    return Rewrite(replace(source.step, layer=layer, outputs=step.outputs), source.all)
