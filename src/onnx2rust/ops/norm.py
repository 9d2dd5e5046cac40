"""Normalisation."""

from __future__ import annotations

import numpy as np

from onnx2rust.builder import Builder, Refuse
from onnx2rust.layers.elementwise import Add, Mul, broadcasting
from onnx2rust.program import Value
from onnx2rust.registry import Const, onnx_op


@onnx_op("BatchNormalization", since=(7, 9))
def batch_normalization_7(
    g: Builder,
    X: Value,
    scale: Const,
    B: Const,
    mean: Const,
    var: Const,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    n_outputs: int = 1,
) -> Value:
    """y = (x − mean) / √(var + ε) · scale + bias, per channel"""
    if n_outputs > 1:
        raise Refuse("BatchNormalization with training outputs", "export the model for inference")
    return _scale_shift(g, X, scale, B, mean, var, epsilon)


@onnx_op("BatchNormalization", since=(14, 15))
def batch_normalization(
    g: Builder,
    X: Value,
    scale: Const,
    B: Const,
    input_mean: Const,
    input_var: Const,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
    n_outputs: int = 1,
) -> Value:
    """y = (x − mean) / √(var + ε) · scale + bias, per channel (https://onnx.ai/onnx/operators/onnx__BatchNormalization.html)"""
    if training_mode or n_outputs > 1:
        raise Refuse("BatchNormalization in training mode", "export the model for inference")
    return _scale_shift(g, X, scale, B, input_mean, input_var, epsilon)


def _scale_shift(g: Builder, x: Value, scale: Const, bias: Const, mean: Const, var: Const, epsilon: float) -> Value:
    """y = x·a + b with a = scale / √(var + ε), b = bias − mean·a, computed in f64."""
    s, b, m, v = (np.asarray(c.array, dtype=np.float64) for c in (scale, bias, mean, var))
    factor = s / np.sqrt(v + epsilon)
    shape = (-1, *([1] * (x.rank - 2)))
    kind = x.dtype.numpy
    a = g.constant(factor.astype(kind).reshape(shape), f"{scale.name}")
    c = g.constant((b - m * factor).astype(kind).reshape(shape), f"{bias.name}")
    y = g.elementwise(broadcasting(Mul), [x, a], x.dtype)
    return g.elementwise(broadcasting(Add), [y, c], x.dtype)
