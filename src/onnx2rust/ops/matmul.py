"""Products of two tensors: MatMul, and what other products are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dims import Dim, broadcast, product
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Dims, Layer, packing
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers.activation import LINEAR
from onnx2rust.layers.binary import Mul, broadcasting
from onnx2rust.layers.dense import Dense
from onnx2rust.layers.matmul import MatMul, MatMulAny
from onnx2rust.ops.shape import fixed
from onnx2rust.registry import onnx_op

_OTHERS = (DType.F64, DType.I32, DType.I64, DType.U32, DType.U64)


class Strided(NamedTuple):
    """A batched product whose operands lie anywhere in memory: the sizes that every product layer takes, in their order."""

    batch: Dims
    m: Dim
    k: Dim
    n: Dim
    a_batch: Dims
    a_steps: Dims
    b_batch: Dims
    b_steps: Dims


@onnx_op("MatMul", since=(1, 9, 13), constants=("kernel", "kernel"))
def matmul(g: Builder, a: Value, b: Value) -> Value:
    """y = a · b as numpy.matmul does it (https://onnx.ai/onnx/operators/onnx__MatMul.html)."""
    if a.dtype is not b.dtype:
        raise Refuse(f"{a.type} · {b.type}: the element types differ", invalid=True)
    return multiply(g, a, b)


def multiply(g: Builder, a: Value, b: Value, alpha: float = 1.0) -> Value:
    """alpha · a · b with numpy's rules for ranks and batches."""
    b = right_side(g, a, b)
    if b.array is not None and b.rank == 2 and a.dtype is DType.F32:
        k, n = b.array.shape
        a, _ = inner(g, a, b)
        kernel = g.weight(b, packing("Panels", transposed=False), b.array if alpha == 1 else b.array * np.float32(alpha))
        layer = Dense(k, n, kernel, None, LINEAR, product(a.shape[:-1]))
        return g.step(layer, [a, None], a.tensor.with_shape(*a.shape[:-1], n))
    y = batched(g, a, b, a.dtype, lambda strided: (_layer(a.dtype, alpha, strided), []))
    return y if alpha == 1 or a.dtype is DType.F32 else times(g, y, alpha)


def right_side(g: Builder, a: Value, b: Value) -> Value:
    """The b of a · b: a matrix, if it is known and one for all of a batch."""
    if a.rank == 0 or b.rank == 0:
        raise Refuse("a product of matrices needs at least one axis", invalid=True)
    alone = b.array is not None and b.rank > 2 and all(d == 1 for d in b.shape[:-2]) and a.rank >= b.rank
    return g.view(b, *b.shape[-2:]) if alone else b


def batched(g: Builder, a: Value, b: Value, dtype: DType, by: Callable[[Strided], tuple[Layer, list[Value | None]]]) -> Value:
    """a · b with numpy's rules, by a layer that reads both where they lie, and the inputs that it takes besides."""
    left = g.view(a, 1, *a.shape) if a.rank == 1 else a
    right = g.view(b, *b.shape, 1) if b.rank == 1 else b
    stored, strided, full = _strides(g, left, right)
    layer, more = by(strided)
    y = g.step(layer, [*stored, *more], TensorType(dtype, full))
    return g.view(y, *full[:-2], *(full[-2:-1] if a.rank > 1 else ()), *(full[-1:] if b.rank > 1 else ()))


def _layer(dtype: DType, alpha: float, strided: Strided) -> Layer:
    if dtype is DType.F32:
        return MatMul(*strided, alpha)
    if dtype in _OTHERS:
        return MatMulAny(*strided)
    raise Refuse(f"a product of {dtype} matrices is not supported", "float32, float64 and 32 or 64 bit integers are")


def times(g: Builder, y: Value, factor: float) -> Value:
    """factor · y, for products that take no factor."""
    if y.dtype not in (DType.F32, DType.F64) and factor != int(factor):
        raise Refuse(f"a factor of {factor} for {y.dtype}")
    return g.elementwise(broadcasting(Mul), [y, g.constant(np.array(factor, y.dtype.numpy))], y.dtype)


def inner(g: Builder, a: Value, b: Value) -> tuple[Value, Value]:
    """Both operands of a · b: an inner size that one side knows, the other has too; checked at run time where needed."""
    left, right = a.shape[-1], b.shape[-2]
    if isinstance(left, int) and isinstance(right, int) and left != right:
        raise Refuse(f"inner sizes {left} and {right} of {a.type} · {b.type} differ", invalid=True)
    if isinstance(left, int):
        return a, fixed(g, b, b.rank - 2, left)
    return (fixed(g, a, a.rank - 1, right), b) if isinstance(right, int) else (a, b)


def _strides(g: Builder, a: Value, b: Value) -> tuple[tuple[Value, Value], Strided, Dims]:
    """The product of two operands of at least two axes, none of them moved: where they lie, and the shape of the result."""
    a, b = inner(g, a, b)
    (a_store, a_all), (b_store, b_all) = g.strides_of(a), g.strides_of(b)
    m, n = a.shape[-2], b.shape[-1]
    k = g.same(a.shape[-1], b.shape[-2], f"inner sizes of {a.type} · {b.type}:")
    try:
        batch = broadcast([a.shape[:-2], b.shape[:-2]])
    except ValueError as error:
        raise Refuse(str(error), invalid=True) from None
    a_batch = _along(a.shape[:-2], a_all[:-2], batch)
    b_batch = _along(b.shape[:-2], b_all[:-2], batch)
    axes = _merged(list(zip(batch, a_batch, b_batch, strict=True)))
    a_steps, b_steps = a_all[-2:], b_all[-2:]
    rows = m
    if len(axes) == 1 and axes[0][2] == 0 and axes[0][1] == m * a_steps[0]:
        # one right side for all: the batch is nothing but more rows
        rows, axes = axes[0][0] * m, []
    strided = Strided(
        tuple(d for d, _, _ in axes), rows, k, n, tuple(s for _, s, _ in axes), a_steps, tuple(s for _, _, s in axes), b_steps
    )
    return (a_store, b_store), strided, (*batch, m, n)


def _along(shape: Sequence[Dim], steps: Sequence[Dim], batch: Sequence[Dim]) -> Dims:
    """Steps of an operand along the batch's axes: 0 where it has one matrix for all."""
    missing = len(batch) - len(shape)
    result: list[Dim] = [0] * missing
    for size, step, whole in zip(shape, steps, batch[missing:], strict=True):
        if size != whole and size != 1:
            raise Refuse(f"batch sizes {size} and {whole} may differ", "give both one name, or fix them with --dim")
        result.append(0 if size == 1 else step)
    return tuple(result)


def _merged(axes: list[tuple[Dim, Dim, Dim]]) -> list[tuple[Dim, Dim, Dim]]:
    """Batch axes (size, step of a, step of b) with neighbours joined where both operands run through them."""
    merged: list[tuple[Dim, Dim, Dim]] = []
    for size, a, b in axes:
        if size == 1:
            continue
        if merged and merged[-1][1] == a * size and merged[-1][2] == b * size:
            size = merged.pop()[0] * size
        merged.append((size, a, b))
    return merged
