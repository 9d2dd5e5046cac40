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
from collections.abc import Callable
from dataclasses import dataclass, replace

from onnx2rust.ir.layer import Variant
from onnx2rust.ir.program import Step
from onnx2rust.ir.types import TensorType
from onnx2rust.layers import binary
from onnx2rust.layers.activation import Activate, activation
from onnx2rust.passes.algebra import Expansion, ancestors, is_function
from onnx2rust.passes.polynomials import CLOSE, Poly
from onnx2rust.passes.rewriting import Decline, Links, Rewrite, fused

_REACH = 16
"""Steps that one spelled-out function has at most."""


@dataclass(frozen=True)
class _Formula:
    """`y(x, f)` is the activation, where f is the inner function of `u(x, a)`, a being what x is multiplied by there."""

    inner: Variant
    u: Callable[[Poly, float], Poly]
    y: Callable[[Poly, Poly], Poly]
    activation: Callable[[float], Variant]


_CLIP, _ERF, _TANH = activation("Clip", min=0.0, max=6.0), activation("Erf"), activation("Tanh")
_HARD_SIGMOID, _HARD_SWISH, _GELU = activation("HardSigmoid", alpha=1 / 6, beta=0.5), activation("HardSwish"), activation("Gelu")
_FORMULAS = (
    _Formula(activation("Sigmoid"), lambda x, a: a * x, lambda x, f: x * f, lambda a: activation("Swish", alpha=a)),
    _Formula(_CLIP, lambda x, _: x + 3, lambda _, f: f / 6, lambda _: _HARD_SIGMOID),
    _Formula(_CLIP, lambda x, _: x + 3, lambda x, f: x * f / 6, lambda _: _HARD_SWISH),
    _Formula(_HARD_SIGMOID, lambda x, _: x, lambda x, f: x * f, lambda _: _HARD_SWISH),
    _Formula(_ERF, lambda x, _: x / math.sqrt(2), lambda x, f: x / 2 * (1 + f), lambda _: _GELU),
    _Formula(_ERF, lambda x, _: -x / math.sqrt(2), lambda x, f: x / 2 * (1 - f), lambda _: _GELU),
    _Formula(
        _TANH,
        lambda x, _: math.sqrt(2 / math.pi) * (x + 0.044715 * x**3),
        lambda x, f: x / 2 * (1 + f),
        lambda _: activation("GeluTanh"),
    ),
)


def rule(links: Links, step: Step) -> Rewrite | None:
    """The activation that the step is the end of."""
    if is_function(step, "Erf"):
        raise Decline("Erf is in models to say GELU, but this one is not in x/2 * (1 + Erf(x/sqrt(2))) of one x")
    if not isinstance(step.layer, binary.Binary):
        return None
    (output,) = step.results()
    for inner in ancestors(links, step, _REACH):
        if not isinstance(inner.layer, Activate):
            continue
        formulas = [formula for formula in _FORMULAS if _is(inner.layer.activation, formula.inner)]
        (start,), (f,) = inner.uses(), inner.results()
        # x is what the inner function sees, or what that is computed from
        candidates = [start, *(v for s in ancestors(links, inner, _REACH) for v in s.uses() if v.const is None)]
        for x in dict.fromkeys(links.root(v) for v in candidates) if formulas else ():
            if not isinstance(x.type, TensorType) or x.tensor.size != output.tensor.size:
                continue
            expansion = Expansion(links, frozenset({x, f}))
            u = expansion.of(start)
            for formula in formulas:
                if not u.is_close(formula.u(Poly.of(x), u[x])):
                    continue
                if expansion.of(output).is_close(formula.y(Poly.of(x), Poly.of(f))):
                    found = formula.activation(u[x])
                    return Rewrite(replace(fused(step, Activate(found), inner, kind=found.name), inputs=(x,)))
    return None


def _is(one: Variant, other: Variant) -> bool:
    """Whether two activations are the same, up to the rounding of constants."""
    a, b = dict(one.fields), dict(other.fields)
    return one.name == other.name and a.keys() == b.keys() and all(math.isclose(a[k], b[k], rel_tol=CLOSE) for k in a)
