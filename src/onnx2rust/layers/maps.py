"""Layers of maps (`tf_layers::maps`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Layer

KIND = kinds.CLASSICAL


class Pairs(Layer):
    """(keys [pairs], values [pairs]) of a map, keys in ascending order; `defines` their number."""


class AtPlaces(Layer, fallible=True):
    """y = zero, but the values x at these places; those behind its end are left out."""
