"""Activation functions."""

from __future__ import annotations

from onnx2rust.builder import Builder
from onnx2rust.layers.activation import Activate, activation
from onnx2rust.program import Value
from onnx2rust.registry import onnx_op


@onnx_op("Relu", since=(6, 13, 14))
def relu(g: Builder, x: Value) -> Value:
    """y = max(x, 0)"""
    return g.elementwise(lambda _: Activate(activation("Relu")), [x], x.dtype)
