"""Layers of running sums and products (`tf_layers::cumulative`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Layer, Size

KIND = kinds.REDUCTION


@dataclass(frozen=True)
class CumSum(Layer, rust="cumulative::CumSum", sizes_in="axis::AlongAxis"):
    """y = running sums of x along the middle of [outer, axis, inner]."""

    exclusive: bool
    reverse: bool
    outer: Size
    axis: Size
    inner: Size


@dataclass(frozen=True)
class CumProd(Layer, rust="cumulative::CumProd", sizes_in="axis::AlongAxis"):
    """y = running products of x along the middle of [outer, axis, inner]."""

    exclusive: bool
    reverse: bool
    outer: Size
    axis: Size
    inner: Size


@dataclass(frozen=True)
class DynamicCumSum(Layer, rust="cumulative::DynamicCumSum", fallible=True):
    """y = running sums of x along an axis that a tensor of one element names."""

    exclusive: bool
    reverse: bool
    shape: Dims


@dataclass(frozen=True)
class DynamicCumProd(Layer, rust="cumulative::DynamicCumProd", fallible=True):
    """y = running products of x along an axis that a tensor of one element names."""

    exclusive: bool
    reverse: bool
    shape: Dims
