"""Recognises softmax and its logarithm that exporters spell out.

For x [outer, n, inner], M the largest of each line along n (or of it and −∞) and S = Σ eˣ⁻ᴹ along n:

    eˣ⁻ᴹ / S          →   Softmax(x)
    x − M − ln S      →   LogSoftmax(x)

by the definition of the right sides, which compute in this order too. Both sides are compared multiplied out (algebra.py), so S
may be divided by or its reciprocal multiplied with, and M and ln S may be taken away together. What has other readers stays in
the program beside the new step.

Refused: an eˣ of which the largest x is not taken away first (large ones overflow as the model has
it; the layer's do not), sums along other axes than the maximum.
"""

from __future__ import annotations

import math
from dataclasses import replace

from onnx2rust.ir.program import Step, Value
from onnx2rust.layers import binary
from onnx2rust.layers.activation import Activate
from onnx2rust.layers.softmax import LogSoftmax, Softmax
from onnx2rust.passes.algebra import Expansion, ancestors, number
from onnx2rust.passes.along import Along, reduced
from onnx2rust.passes.declines import Decline
from onnx2rust.passes.polynomials import Poly
from onnx2rust.passes.rewriting import Links, Rewrite, fused

_REACH = 12
"""Steps that one spelled-out softmax has at most."""


def rule(links: Links, step: Step) -> Rewrite | None:
    """The softmax that the step is the end of."""
    if not isinstance(step.layer, binary.Div | binary.Mul | binary.Sub) or not step.outputs or not step.outputs[0]:
        return None
    y, near = step.outputs[0], ancestors(links, step, _REACH)
    for total in near:
        found = reduced(total, "Sum")
        if found is None or found[1].size != y.tensor.size or not y.dtype.is_float:
            continue
        powers, along = links.root(found[0]), found[1]
        exp = links.maker.get(powers)
        (s,) = total.outputs
        if exp is None or s is None or not _is(exp, "Exp"):
            continue
        if Expansion(links, frozenset({powers, s}), along.allows).of(y).is_close(Poly.of(powers) / Poly.of(s)):
            x, _ = _of_largest(links, exp, along)
            return Rewrite(replace(fused(step, Softmax(*along.shape), exp), inputs=(x,)))
        for log in near:
            if not _is(log, "Log") or log.inputs[0] is None or links.root(log.inputs[0]) is not s or log.outputs[0] is None:
                continue
            ln = log.outputs[0]
            if Expansion(links, frozenset({ln}), along.allows).of(y)[ln] != -1:
                continue
            x, m = _of_largest(links, exp, along)
            if Expansion(links, frozenset({x, m, ln}), along.allows).of(y).is_close(Poly.of(x) - Poly.of(m) - Poly.of(ln)):
                return Rewrite(replace(fused(step, LogSoftmax(*along.shape), exp), inputs=(x,)))
    return None


def _is(step: Step, name: str) -> bool:
    return isinstance(step.layer, Activate) and step.layer.activation.name == name


def _of_largest(links: Links, exp: Step, along: Along) -> tuple[Value, Value]:
    """x and M, if e is taken to the power of x − M."""
    u = exp.inputs[0]
    assert u is not None
    for largest in ancestors(links, exp, _REACH):
        found = reduced(largest, "Max")
        if found is None or largest.outputs[0] is None:
            continue
        if found[1] != along:
            raise Decline("a softmax whose largest exponents are taken along other axes than the sum")
        x = links.root(found[0])
        for m in (largest.outputs[0], *_floored(links, exp, largest.outputs[0])):
            if Expansion(links, frozenset({x, m}), along.allows).of(u).is_close(Poly.of(x) - Poly.of(m)):
                return x, m
    raise Decline("a softmax whose largest exponent is not taken away first: large ones overflow")


def _floored(links: Links, exp: Step, largest: Value) -> list[Value]:
    """Maxima of M and −∞, which are M."""
    found = []
    for step in ancestors(links, exp, _REACH):
        if isinstance(step.layer, binary.Max) and step.outputs[0] is not None:
            a, b = step.inputs
            if a is not None and b is not None and -math.inf in (number(a), number(b)):
                other = b if number(a) is not None else a
                if links.root(other) is largest:
                    found.append(step.outputs[0])
    return found
