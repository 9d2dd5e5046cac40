"""Recognises layer normalisation that exporters spell out.

For x [outer, n, inner] with m = Mean(x) and v the variance along n, and γ, β constants of one
element a position along n (both may be missing, or β):

    x·γ/√(v + ε) − m·γ/√(v + ε) + β   →   LayerNormalization{ε, γ, β}(x) = (x − m)/√(v + ε)·γ + β

Both sides are compared multiplied out (algebra.py), so it does not matter whether x − m is computed first or the product with the
reciprocal root. A mean may be a sum times 1/n; v is Mean((x − m)²) or Mean(x²) − m², also with what rounding left below 0 lifted
to it. The layer subtracts first, which rounds less where |m| is large: of Mean(x²) − m² few digits are left there, and the
model's float64 evaluation agrees with the layer. Every broadcast inside must be along n (along.py). If n is not the last axis,
transpositions around the layer make it the last.

Refused: other types than f32, means along several runs of axes, different axes, ε that is no single
number, γ or β of other shapes, variances computed otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Weight
from onnx2rust.ir.program import Step, Value
from onnx2rust.layers import binary
from onnx2rust.layers.movement import Transpose
from onnx2rust.layers.norm import LayerNormalization
from onnx2rust.passes.algebra import Expansion, ancestors, at_least
from onnx2rust.passes.along import Along, reduced
from onnx2rust.passes.polynomials import Poly
from onnx2rust.passes.rewriting import Decline, Links, Rewrite, fused

_REACH = 24
"""Steps that one spelled-out normalisation has at most."""


@dataclass(frozen=True)
class _Mean:
    """The mean of x along n is `factor` times the value m."""

    x: Value
    m: Value
    factor: float
    along: Along

    @property
    def value(self) -> Poly:
        """The mean."""
        return self.factor * Poly.of(self.m)


def _mean(links: Links, step: Step | None) -> _Mean | None:
    for name in ("Mean", "Sum"):
        found = reduced(step, name)
        if found is not None and isinstance(found.along.n, int) and found.along.n:
            return _Mean(links.root(found.x), found.y, 1.0 if name == "Mean" else 1 / found.along.n, found.along)
    return None


def rule(links: Links, step: Step) -> Rewrite | None:
    """The layer normalisation that the step is the end of."""
    if not isinstance(step.layer, binary.Add | binary.Mul | binary.Div | binary.Sub):
        return None
    (output,) = step.results()
    if output.dtype is not DType.F32:
        return None
    for near in ancestors(links, step, _REACH):
        mean = _mean(links, near)
        if mean is None or output.tensor.size != mean.along.size:
            continue
        expansion = Expansion(links, frozenset({mean.x, mean.m}), mean.along.allows, _REACH)
        found = expansion.of(output)
        for spread, scale in _factors(found, mean):
            factor = Poly.of(1 if scale is None else scale) / Poly.of(spread) ** 0.5
            shift = found.without((Poly.of(mean.x) - mean.value) * factor)
            bias = None if shift is None else shift.value
            if shift is None or (shift.terms and bias is None):
                continue
            epsilon = _epsilon(expansion, spread, mean)
            if epsilon is None:
                raise Decline("what a row is divided by is not the root of its variance plus a number", mean.m)
            if bias is not None and scale is None:
                continue  # the layer has no shift without a scale
            if any(v is not None and (v.array is None or v.array.size != mean.along.n) for v in (scale, bias)):
                raise Decline("the scale or the shift of a normalised row is not one constant for each of its columns", mean.m)
            whole = fused(step, LayerNormalization(epsilon, _weight(scale), _weight(bias), ()), near)
            return _normalised(whole, output, mean)
    return None


def _normalised(step: Step, output: Value, mean: _Mean) -> Rewrite:
    """The step with the sizes of its layer, between transpositions unless it goes along the last axis."""
    outer, n, inner = mean.along.shape
    assert isinstance(step.layer, LayerNormalization)
    layer = replace(step.layer, size=(outer * inner, n))
    if inner == 1:
        return Rewrite(replace(step, layer=layer, inputs=(mean.x,), outputs=(output, None, None)))
    turned = output.tensor.with_shape(outer, inner, n)
    rows, normal = Value(f"{output.name}.rows", turned), Value(f"{output.name}.normal", turned)
    before = (
        Step(f"{step.name}.rows", Transpose((0, 2, 1), (outer, n, inner)), (mean.x,), (rows,), step.origin),
        Step(f"{step.name}.normal", layer, (rows,), (normal, None, None), step.origin),
    )
    back = Transpose((0, 2, 1), (outer, inner, n))
    return Rewrite(replace(step, layer=back, inputs=(normal,), outputs=(output,)), before=before)


def _factors(found: Poly, mean: _Mean) -> Iterator[tuple[Value, Value | None]]:
    """v + ε, and γ, of the terms in which x is multiplied by γ/√(v + ε)."""
    for monomial in found.terms:
        powers = dict(monomial)
        roots = [v for v, e in powers.items() if e == -0.5]
        others = [v for v, e in powers.items() if v not in (mean.x, *roots) and e == 1]
        if powers.get(mean.x) == 1 and len(roots) == 1 and len(others) < 2 and len(others) + 2 == len(powers):
            yield roots[0], others[0] if others else None


def _epsilon(expansion: Expansion, inside: Value, mean: _Mean) -> float | None:
    """ε, if `inside` is the variance plus ε."""
    variance = expansion.of(inside)
    epsilon = variance.constant
    variance -= epsilon
    lifted = None if variance.value is None else at_least(expansion.links.maker.get(variance.value), 0)
    if lifted is not None:
        variance = expansion.of(lifted)
    return epsilon if epsilon >= 0 and _is_variance(expansion, variance, mean) else None


def _is_variance(expansion: Expansion, variance: Poly, mean: _Mean) -> bool:
    x, m = Poly.of(mean.x), mean.value
    for value in {v for monomial in variance.terms for v, _ in monomial}:
        second = _mean(expansion.links, expansion.links.maker.get(value))
        rest = None if second is None else variance.without(second.value)
        if second is None or rest is None or second.along != mean.along:
            continue
        squares = expansion.of(second.x)
        if (not rest.terms and squares.is_close((x - m) ** 2)) or (rest.is_close(-(m**2)) and squares.is_close(x**2)):
            return True
    return False


def _weight(value: Value | None) -> Weight | None:
    if value is None or value.array is None:
        return None
    return Weight(value.name, value.array.reshape(-1))
