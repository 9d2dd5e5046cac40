"""Recognises layer normalisation that exporters spell out.

For x [rows, n] with m = Mean(x) and v = Mean((x − m)²) of each row, and γ, β constants of one element a column (either may be missing):

    x·γ/√(v + ε) − m·γ/√(v + ε) + β   →   LayerNormalization{ε, γ, β}(x) = (x − m)/√(v + ε)·γ + β

Both sides are compared multiplied out (algebra.py), so it does not matter whether x − m is computed first or the product with the reciprocal
root; (x − m)² may be a product or a power. The layer subtracts first, which rounds less where |m| is large. Every broadcast inside
must be of a computed [rows, 1] or a constant [1, n], so nothing is repeated along another axis that has the same size by chance.

Refused: means over other axes than the last ones, different rows or ε that is no single number, γ or β of other shapes, variances
computed otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from onnx2rust.dims import product
from onnx2rust.layers import elementwise
from onnx2rust.layers.base import Weight
from onnx2rust.layers.norm import LayerNormalization
from onnx2rust.layers.reduce import Reduce
from onnx2rust.layers.shapes import Shape
from onnx2rust.passes import dead
from onnx2rust.passes.algebra import ONE, Expansion, Monomial, Poly, ancestors, equal, number, power, root, times
from onnx2rust.passes.graph import Graph, Rewrite, rewrite
from onnx2rust.program import Program, Step, Value

_REACH = 24
"""Steps that one spelled-out normalisation has at most."""
_Found = tuple[float, Value | None, Value | None]


def run(program: Program) -> Program:
    """The program with layer normalisations where they are spelled out."""
    return dead.run(rewrite(program, _rule, backwards=True))


def _rule(graph: Graph, step: Step) -> Rewrite | None:
    if not isinstance(step.layer, elementwise.Add | elementwise.Mul | elementwise.Div | elementwise.Sub):
        return None
    output = step.outputs[0]
    for mean in ancestors(graph, step, _REACH):
        x, size = _mean_of_rows(mean)
        if x is None or output is None or output.type.size != product(size):
            continue
        x = root(graph, x)
        found = _normalisation(graph, output, x, mean, size)
        if found is not None:
            epsilon, scale, bias = found
            weights = (_weight(scale, size), _weight(bias, size))
            if weights[0] is None and weights[1] is not None:
                continue  # the layer has no shift without a scale
            return Rewrite(
                replace(step, layer=LayerNormalization(epsilon, *weights, size), inputs=(x,), outputs=(output, None, None)), ()
            )
    return None


def _mean_of_rows(step: Step) -> tuple[Value | None, Shape]:
    """x and [rows, n], if the step is the mean of x's rows."""
    layer = step.layer
    if not isinstance(layer, Reduce) or layer.reduction.name != "Mean" or layer.axes != (False, True):
        return None, ()
    return step.inputs[0], layer.shape


def _normalisation(graph: Graph, y: Value, x: Value, mean: Step, size: Shape) -> _Found | None:
    (m,) = mean.outputs
    assert m is not None
    expansion = Expansion(graph, frozenset({x, m}), lambda *operands: _rows_and_columns(size, *operands))
    found = expansion.of(y)
    for monomial in found:
        powers = dict(monomial)
        roots = [v for v, e in powers.items() if e == Fraction(-1, 2)]
        others = [v for v, e in powers.items() if v not in (x, *roots) and e == 1]
        if powers.get(x) != 1 or len(roots) != 1 or len(others) + 2 != len(powers) or len(others) > 1:
            continue
        scale = others[0] if others else None
        factor = times(power(roots[0], Fraction(-1, 2)), power(scale) if scale is not None else ONE)
        bias, left = _shift(found, factor, x, m)
        epsilon = _epsilon(expansion, roots[0], x, m, size)
        vectors = all(v is None or (v.array is not None and v.array.size == size[1]) for v in (scale, bias))
        if left and epsilon is not None and vectors:
            return epsilon, scale, bias
    return None


def _shift(found: Poly, factor: Monomial, x: Value, m: Value) -> tuple[Value | None, bool]:
    """β, and whether the polynomial is (x − m)·factor + β."""
    rest = dict(found)
    a, b = rest.pop(times(power(x), factor), None), rest.pop(times(power(m), factor), None)
    if a != 1 or b != -1 or len(rest) > 1:
        return None, False
    for monomial, c in rest.items():
        powers = list(monomial)
        if c != 1 or len(powers) != 1 or powers[0][1] != 1:
            return None, False
        return powers[0][0], True
    return None, True


def _epsilon(expansion: Expansion, inside: Value, x: Value, m: Value, size: Shape) -> float | None:
    """ε, if `inside` is the variance of x's rows plus ε."""
    stopped = {m: c for m, c in expansion.of(inside).items() if m != ONE}
    epsilon = expansion.of(inside).get(ONE, 0.0)
    if len(stopped) != 1 or epsilon < 0:
        return None
    ((monomial, c),) = stopped.items()
    if c != 1 or len(monomial) != 1:
        return None
    ((variance, exponent),) = monomial
    if exponent != 1 or variance not in expansion.graph.maker:
        return None
    squares, rows = _mean_of_rows(expansion.graph.maker[variance])
    if squares is None or rows != size:
        return None
    expected = {power(x, 2): 1.0, times(power(x), power(m)): -2.0, power(m, 2): 1.0}
    return epsilon if equal(expansion.of(squares), expected) else None


def _rows_and_columns(size: Shape, a_shape: Shape, a: Value, b_shape: Shape, b: Value) -> bool:
    """Allows single constants, other constants only as [1, n], and computed values of one shape or as [rows, 1] and [rows, n]."""
    rows, n = size
    if number(a) is not None or number(b) is not None:
        return True
    operands = ((a_shape, a), (b_shape, b))
    if a_shape == b_shape and a.array is None and b.array is None:
        return True
    return all(s == (1, n) if v.array is not None else s in ((rows, 1), (rows, n)) for s, v in operands)


def _weight(value: Value | None, size: Shape) -> Weight | None:
    if value is None or value.array is None:
        return None
    return Weight(value.name, value.array.reshape(-1))
