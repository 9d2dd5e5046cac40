"""Matrix products: Gemm and MatMul."""

from __future__ import annotations

import numpy as np

from onnx2rust.builder import Builder, Refuse
from onnx2rust.dims import product
from onnx2rust.dtypes import DType
from onnx2rust.layers.activation import LINEAR
from onnx2rust.layers.base import packing
from onnx2rust.layers.dense import Dense
from onnx2rust.program import Value
from onnx2rust.registry import onnx_op


@onnx_op("MatMul", since=(1, 9, 13))
def matmul(g: Builder, a: Value, b: Value) -> Value:
    """y = a · b as numpy.matmul does it."""
    if b.array is None or b.rank != 2 or a.dtype is not DType.F32:
        raise Refuse("only a constant rank-2 right side of float32 is supported")
    k, n = b.array.shape
    if a.rank == 0 or a.shape[-1] != k:
        raise Refuse(f"inner sizes differ: {a.type} · {b.type}", invalid=True)
    rows = product(a.shape[:-1])
    layer = Dense(k, n, g.weight(b, packing("Panels", transposed=False)), None, LINEAR, rows)
    return g.step(layer, [a, None], a.type.with_shape(*a.shape[:-1], n))  # type: ignore[no-any-return]


@onnx_op("Gemm", since=(7, 9, 11, 13))
def gemm(
    g: Builder,
    a: Value,
    b: Value,
    c: Value | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Value:
    """y = alpha · op(a) · op(b) + beta · c."""
    if b.array is None or (c is not None and c.array is None) or a.dtype is not DType.F32 or transA:
        raise Refuse("only constant weights and an untransposed float32 left side are supported")
    k, n = b.array.shape[::-1] if transB else b.array.shape
    kernel = g.weight(b, packing("Panels", transposed=bool(transB)), b.array * np.float32(alpha))
    bias = None
    if c is not None and c.array is not None:
        bias = g.weight(c, array=np.broadcast_to(c.array.reshape(-1) * np.float32(beta), (n,)))
    layer = Dense(k, n, kernel, bias, LINEAR, a.shape[0])
    return g.step(layer, [a, None], a.type.with_shape(a.shape[0], n))  # type: ignore[no-any-return]
