"""Layers that make shapes while the model runs (`tf_layers::shape`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Layer, Size

KIND = kinds.MOVEMENT


@dataclass(frozen=True)
class ReshapeSizes(Layer, rust="shape::ReshapeSizes", fallible=True):
    """The shape that `target`, an i64 tensor with 0 and −1, gives a tensor of `shape`."""

    allow_zero: bool
    shape: Dims


@dataclass(frozen=True)
class ExpandSizes(Layer, rust="shape::ExpandSizes", fallible=True):
    """The shape that `shape` and `target`, an i64 tensor, broadcast to."""

    shape: Dims


@dataclass(frozen=True)
class SameSize(Layer, rust="shape::SameSize", fallible=True):
    """One size from two that have to be the same."""

    sides: Dims


@dataclass(frozen=True)
class SplitSizes(Layer, rust="shape::SplitSizes", fallible=True):
    """Reads the sizes of parts, which must fill an axis."""

    axis: Size
