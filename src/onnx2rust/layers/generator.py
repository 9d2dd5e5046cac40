"""Layers that make tensors from parameters (`tf_layers::generator`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Element, Layer

KIND = kinds.MOVEMENT


@dataclass(frozen=True)
class Range(Layer, rust="generator::Range", fallible=True):
    """y[i] = start + i · delta."""


@dataclass(frozen=True)
class EyeLike(Layer, rust="generator::EyeLike", generic_over=("element",)):
    """Ones on a diagonal."""

    k: int
    one: float | int | bool
    element: Element
    shape: Dims
