"""Layers of running sums and products (`tf_layers::cumulative`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import AlongAxis, Dims, Layer

KIND = kinds.REDUCTION


class CumSum(AlongAxis):
    """y = running sums of x along the middle of [outer, axis, inner]."""

    exclusive: bool
    reverse: bool


class CumProd(AlongAxis):
    """y = running products of x along the middle of [outer, axis, inner]."""

    exclusive: bool
    reverse: bool


class DynamicCumSum(Layer, fallible=True):
    """y = running sums of x along an axis that a tensor of one element names."""

    exclusive: bool
    reverse: bool
    shape: Dims


class DynamicCumProd(Layer, fallible=True):
    """y = running products of x along an axis that a tensor of one element names."""

    exclusive: bool
    reverse: bool
    shape: Dims
