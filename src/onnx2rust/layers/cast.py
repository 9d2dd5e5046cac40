"""Layers that change element types or choose between tensors (`tf_layers::{cast, select}`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.layers.base import Dims, Layer


@dataclass(frozen=True)
class Cast(Layer, rust="cast::Cast", independent=()):
    """y = x in y's element type"""


@dataclass(frozen=True)
class BitCast(Layer, rust="cast::BitCast"):
    """y = the bits of x in y's element type"""


@dataclass(frozen=True)
class Where(Layer, rust="select::Where", fallible=True):
    """y = condition ? a : b, broadcast"""

    condition_shape: Dims
    a_shape: Dims
    b_shape: Dims
