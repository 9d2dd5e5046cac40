"""Layers that change element types (`tf_layers::cast`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Layer

KIND = kinds.ELEMENTWISE


class Cast(Layer, independent=()):
    """y = x in y's element type"""


class BitCast(Layer):
    """y = the bits of x in y's element type"""
