"""Layers that change element types (`tf_layers::cast`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Layer

KIND = kinds.ELEMENTWISE


@dataclass(frozen=True)
class Cast(Layer, rust="cast::Cast", independent=()):
    """y = x in y's element type"""


@dataclass(frozen=True)
class BitCast(Layer, rust="cast::BitCast"):
    """y = the bits of x in y's element type"""
