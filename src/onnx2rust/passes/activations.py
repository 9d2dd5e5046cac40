"""Recognises activations that exporters spell out.

With x any f32 tensor, and the arithmetic around the inner function multiplied out (algebra.py):

    x · Sigmoid(a·x)                                        =  Swish{alpha: a}(x)
    Clip{0, 6}(x + 3) / 6                                   =  HardSigmoid{alpha: 1/6, beta: 1/2}(x)
    x · HardSigmoid{1/6, 1/2}(x), x · Clip{0, 6}(x + 3) / 6  =  HardSwish(x)
    x/2 + x/2 · Erf(x/√2)  (also 1 − Erf(−x/√2))             =  Gelu(x)
    x/2 + x/2 · Tanh(√(2/π)·(x + 0.044715·x³))               =  GeluTanh(x)

Each is the definition of the right side (`tf_layers::activation`), Clip{0, 6}(x + 3)/6 being max(0, min(1, x/6 + 1/2)) since
division by 6 is monotonic. All operands have one shape, constants are single numbers. What has other readers stays in the program
beside the new step; else `dead` removes it.

Refused: broadcasting, constants that differ from the formula's by more than 1e-5 of themselves,
functions of something else than x.
"""

from __future__ import annotations

import math
from dataclasses import replace

from onnx2rust.ir.layer import Variant
from onnx2rust.ir.program import Step, Value
from onnx2rust.layers import binary
from onnx2rust.layers.activation import Activate, activation
from onnx2rust.passes.algebra import CLOSE, ONE, Expansion, Poly, ancestors, equal, power, times
from onnx2rust.passes.declines import Decline
from onnx2rust.passes.graph import Graph, Rewrite, fused

_INNER = ("Sigmoid", "HardSigmoid", "Clip", "Erf", "Tanh")
_REACH = 16
"""Steps that one spelled-out function has at most."""


def rule(graph: Graph, step: Step) -> Rewrite | None:
    """The activation that the step is the end of."""
    if isinstance(step.layer, Activate) and step.layer.activation.name == "Erf":
        raise Decline("Erf is in models to say GELU, but this one is not in x/2 * (1 + Erf(x/sqrt(2))) of one x")
    if not isinstance(step.layer, binary.Binary) or len(step.outputs) != 1 or step.outputs[0] is None:
        return None
    output = step.outputs[0]
    around = ancestors(graph, step, _REACH)
    for inner in around:
        if not isinstance(inner.layer, Activate) or inner.layer.activation.name not in _INNER or inner.outputs[0] is None:
            continue
        f = graph.root(inner.outputs[0])
        # x is what the inner function sees, or what that is computed from
        start = [v for v in inner.inputs if v is not None]
        candidates = start + [v for s in ancestors(graph, inner, _REACH) for v in s.inputs if v is not None and v.const is None]
        for x in dict.fromkeys(graph.root(v) for v in candidates):
            if x.tensor.size != output.tensor.size:
                continue
            expansion = Expansion(graph, frozenset({x, f}))
            found = _activation(expansion.of(output), x, f, inner.layer.activation, expansion.of(start[0]))
            if found is not None:
                return Rewrite(replace(fused(step, Activate(found), inner, kind=found.name), inputs=(x,)), ())
    return None


def _activation(y: Poly, x: Value, f: Value, inner: Variant, u: Poly) -> Variant | None:
    """The activation that y is, f being inner(u)."""
    both = times(power(x), power(f))
    parameters = dict(inner.fields)
    if inner.name == "Sigmoid" and equal(y, {both: 1.0}) and u.keys() == {power(x)}:
        return activation("Swish", alpha=u[power(x)])
    if inner.name == "HardSigmoid" and equal(y, {both: 1.0}) and equal(u, {power(x): 1.0}):
        sixth = math.isclose(parameters["alpha"], 1 / 6, rel_tol=CLOSE) and parameters["beta"] == 0.5
        return activation("HardSwish") if sixth else None
    if inner.name == "Clip" and parameters == {"min": 0.0, "max": 6.0} and equal(u, {power(x): 1.0, ONE: 3.0}):
        if equal(y, {power(f): 1 / 6}):
            return activation("HardSigmoid", alpha=1 / 6, beta=0.5)
        return activation("HardSwish") if equal(y, {both: 1 / 6}) else None
    if inner.name == "Erf" and u.keys() == {power(x)} and math.isclose(abs(u[power(x)]), math.sqrt(0.5), rel_tol=CLOSE):
        return activation("Gelu") if equal(y, {power(x): 0.5, both: math.copysign(0.5, u[power(x)])}) else None
    scale = math.sqrt(2 / math.pi)
    if inner.name == "Tanh" and equal(u, {power(x): scale, power(x, 3): scale * 0.044715}):
        return activation("GeluTanh") if equal(y, {power(x): 0.5, both: 0.5}) else None
    return None
