"""Einsum, as far as it is transposes, sums and products of matrices."""

from __future__ import annotations

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.program import Value
from onnx2rust.ops.matmul import multiply
from onnx2rust.ops.reduce import reduce
from onnx2rust.registry import onnx_op

_FREE = "0123456789"
"""Letters that stand for an ellipsis: an equation cannot have them."""


@onnx_op("Einsum", since=(12, 28))
def einsum(g: Builder, *Inputs: Value, equation: str) -> Value:
    """y[out] = Σ over all other letters of the product of the inputs (https://onnx.ai/onnx/operators/onnx__Einsum.html)

    Inputs are multiplied from left to right. Letters that no later input and not the output has are summed; of two inputs the
    letters both have are the batch (if still needed) or the inner size of a matrix product, so that nothing larger than the
    result is computed.
    """
    terms, output = _parse(equation, [x.rank for x in Inputs])
    sizes: dict[str, Dim] = {}
    for term, x in zip(terms, Inputs, strict=True):
        if len(set(term)) != len(term):
            raise Refuse(f"Einsum {equation!r} takes a diagonal", "write it as a Gather or a Mul with a mask")
        for letter, size in zip(term, x.shape, strict=True):
            what = f"Einsum {equation!r}: sizes of {letter!r}:"
            sizes[letter] = g.same(sizes[letter], size, what) if letter in sizes else size
    if not set(output) <= set(sizes) or len(set(output)) != len(output):
        raise Refuse(f"Einsum {equation!r}: the output's letters", invalid=True)
    letters, y = terms[0], Inputs[0]
    for k in range(1, len(terms)):
        needed = set(output).union(*terms[k + 1 :])
        letters, y = _sum(g, letters, y, needed | set(terms[k]))
        right_letters, right = _sum(g, terms[k], Inputs[k], needed | set(letters))
        letters, y = _product(g, letters, y, right_letters, right, needed, sizes)
    letters, y = _sum(g, letters, y, set(output))
    return g.transpose(y, [letters.index(letter) for letter in output])


def _parse(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """Letters of the inputs and of the output; an ellipsis becomes letters of its own."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(ranks):
        raise Refuse(f"Einsum {equation!r} for {len(ranks)} inputs", invalid=True)
    hidden = [r - len(p.replace("...", "")) if "..." in p else 0 for p, r in zip(parts, ranks, strict=True)]
    if min(hidden, default=0) < 0 or max(hidden, default=0) > len(_FREE):
        raise Refuse(f"Einsum {equation!r} for inputs of {ranks} axes", invalid=True)
    terms = [p.replace("...", _FREE[len(_FREE) - h :] if h else "") for p, h in zip(parts, hidden, strict=True)]
    if any(len(t) != r for t, r in zip(terms, ranks, strict=True)):
        raise Refuse(f"Einsum {equation!r} for inputs of {ranks} axes", invalid=True)
    widest = max(hidden, default=0)
    free = _FREE[len(_FREE) - widest :] if widest else ""
    if not arrow:
        once = sorted(c for c in set(left) - set(",.") if left.count(c) == 1)
        return terms, free + "".join(once)
    return terms, right.replace("...", free)


def _sum(g: Builder, letters: str, x: Value, needed: set[str]) -> tuple[str, Value]:
    """x summed over the letters that are not needed."""
    axes = [k for k, letter in enumerate(letters) if letter not in needed]
    if not axes:
        return letters, x
    return "".join(c for c in letters if c in needed), reduce(g, x, "Sum", axes, 0)


def _product(g: Builder, left: str, a: Value, right: str, b: Value, needed: set[str], sizes: dict[str, Dim]) -> tuple[str, Value]:
    """a · b: letters of both that are needed are the batch, the others of both the inner size."""
    batch = [c for c in left if c in right and c in needed]
    inner = [c for c in left if c in right and c not in needed]
    rows, columns = [c for c in left if c not in right], [c for c in right if c not in left]
    of = {c: sizes[c] for c in left + right}

    def matrix(letters: str, x: Value, first: list[str], second: list[str]) -> Value:
        x = g.transpose(x, [letters.index(c) for c in (*batch, *first, *second)])
        shape = [of[c] for c in batch]
        if (len(first), len(second)) == (1, 1):
            return x
        return g.view(x, *shape, product(of[c] for c in first), product(of[c] for c in second))

    y = multiply(g, matrix(left, a, rows, inner), matrix(right, b, inner, columns))
    letters = "".join((*batch, *rows, *columns))
    return letters, g.view(y, *(of[c] for c in letters))
