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
from onnx2rust.layers.softmax import LogSoftmax, Softmax
from onnx2rust.passes.algebra import Expansion, ancestors, at_least, is_function
from onnx2rust.passes.along import Along, reduced
from onnx2rust.passes.polynomials import Poly
from onnx2rust.passes.rewriting import Decline, Links, Rewrite, fused

_REACH = 12
"""Steps that one spelled-out softmax has at most."""


def rule(links: Links, step: Step) -> Rewrite | None:
    """The softmax that the step is the end of."""
    if not isinstance(step.layer, binary.Div | binary.Mul | binary.Sub):
        return None
    (y,), near = step.results(), ancestors(links, step, _REACH)
    for total in (reduced(s, "Sum") for s in near):
        if total is None or total.along.size != y.tensor.size or not y.dtype.is_float:
            continue
        powers, s, along = links.root(total.x), total.y, total.along
        exp = links.maker.get(powers)
        if exp is None or not is_function(exp, "Exp"):
            continue
        if Expansion(links, frozenset({powers, s}), along.allows).of(y).is_close(Poly.of(powers) / Poly.of(s)):
            x, _ = _of_largest(links, exp, along)
            return Rewrite(replace(fused(step, Softmax(*along.shape), exp), inputs=(x,)))
        for ln in (v for log in near if is_function(log, "Log") and links.root(*log.uses()) is s for v in log.results()):
            if Expansion(links, frozenset({ln}), along.allows).of(y)[ln] != -1:
                continue
            x, m = _of_largest(links, exp, along)
            if Expansion(links, frozenset({x, m, ln}), along.allows).of(y).is_close(Poly.of(x) - Poly.of(m) - Poly.of(ln)):
                return Rewrite(replace(fused(step, LogSoftmax(*along.shape), exp), inputs=(x,)))
    return None


def _of_largest(links: Links, exp: Step, along: Along) -> tuple[Value, Value]:
    """x and M, if e is taken to the power of x − M."""
    (u,), near = exp.uses(), ancestors(links, exp, _REACH)
    for largest in (reduced(step, "Max") for step in near):
        if largest is None:
            continue
        if largest.along != along:
            raise Decline("a softmax whose largest exponents are taken along other axes than the sum")
        x = links.root(largest.x)
        # maxima of M and −∞ are M
        floored = [(step, at_least(step, -math.inf)) for step in near]
        same = [v for step, of in floored if of is not None and links.root(of) is largest.y for v in step.results()]
        for m in (largest.y, *same):
            if Expansion(links, frozenset({x, m}), along.allows).of(u).is_close(Poly.of(x) - Poly.of(m)):
                return x, m
    raise Decline("a softmax whose largest exponent is not taken away first: large ones overflow")
