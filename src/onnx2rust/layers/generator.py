"""Layers that make tensors from parameters (`tf_layers::generator`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Element, Layer

KIND = kinds.MOVEMENT


class Range(Layer, fallible=True):
    """y[i] = start + i · delta."""


class EyeLike(Layer, generic_over=("element",)):
    """Ones on a diagonal."""

    k: int
    one: float | int | bool
    element: Element
    shape: Dims
