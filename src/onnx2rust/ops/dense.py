"""Products with weights: Gemm."""

from __future__ import annotations

from typing import Any

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import packing
from onnx2rust.ir.program import Value
from onnx2rust.layers.activation import LINEAR
from onnx2rust.layers.binary import Add, broadcasting
from onnx2rust.layers.dense import Dense
from onnx2rust.ops.matmul import inner, multiply, times
from onnx2rust.registry import onnx_op


@onnx_op("Gemm", since=(7, 9, 11, 13), optional={11: "c"}, constants=("kernel", "kernel", "bias"))
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
    """y = alpha · op(a) · op(b) + beta · c (https://onnx.ai/onnx/operators/onnx__Gemm.html)."""
    if a.rank != 2 or b.rank != 2:
        raise Refuse(f"Gemm of {a.type} and {b.type}", invalid=True)
    left = g.transpose(a, (1, 0)) if transA else a
    m = left.shape[0]
    if b.array is not None and a.dtype is DType.F32 and not _has_room(b.array, alpha):
        y = times(g, gemm(g, a, b, transA=transA, transB=transB), alpha)
    elif b.array is not None and a.dtype is DType.F32:
        k, n = b.array.shape[::-1] if transB else b.array.shape
        left, _ = inner(g, left, g.transpose(b, (1, 0)) if transB else b)
        kernel = g.weight(b, packing("Panels", transposed=bool(transB)), b.array if alpha == 1 else b.array * np.float32(alpha))
        bias = None
        if c is not None and c.array is not None and (c.rank < 2 or c.array.shape[0] == 1):
            if c.array.size not in (1, n):
                raise Refuse(f"{c.type} does not broadcast to {n} columns", invalid=True)
            bias = g.weight(c, array=np.broadcast_to(c.array.reshape(-1) * np.float32(beta), (n,)))
            c = None
        layer = Dense(k, n, kernel, bias, LINEAR, m)
        y = g.step(layer, [left, None], a.tensor.with_shape(m, n))
    else:
        y = multiply(g, left, g.transpose(b, (1, 0)) if transB else b, alpha)
    if c is None or beta == 0:
        return y
    addend = c if beta == 1 else times(g, c, beta)
    return g.elementwise(broadcasting(Add), [y, addend], y.dtype)


def _has_room(weights: np.ndarray[Any, Any], factor: float) -> bool:
    """Whether weights can take in a factor: where they would become infinite, the result need not be."""
    with np.errstate(over="ignore", invalid="ignore"):
        return factor == 1 or bool(np.isfinite(weights * np.float32(factor)).all())
