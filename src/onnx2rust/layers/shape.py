"""Layers that make shapes while the model runs (`tf_layers::shape`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Layer, Size

KIND = kinds.MOVEMENT


class ReshapeSizes(Layer, fallible=True):
    """The shape that `target`, an i64 tensor with 0 and −1, gives a tensor of `shape`."""

    allow_zero: bool
    shape: Dims


class ExpandSizes(Layer, fallible=True):
    """The shape that `shape` and `target`, an i64 tensor, broadcast to."""

    shape: Dims


class SameSize(Layer, fallible=True):
    """One size from two that have to be the same."""

    sides: Dims


class SplitSizes(Layer, fallible=True):
    """Reads the sizes of parts, which must fill an axis."""

    axis: Size
