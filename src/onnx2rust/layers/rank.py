"""Layers about the order of elements along an axis (`tf_layers::{cumulative, rank}`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.ir.layer import Dims, Layer, Size


@dataclass(frozen=True)
class ArgMax(Layer, rust="rank::ArgMax", sizes_in="axis::AlongAxis", fallible=True):
    """y = the position of the greatest x along the middle of [outer, axis, inner]."""

    select_last_index: bool
    outer: Size
    axis: Size
    inner: Size


@dataclass(frozen=True)
class ArgMin(Layer, rust="rank::ArgMin", sizes_in="axis::AlongAxis", fallible=True):
    """y = the position of the least x along the middle of [outer, axis, inner]."""

    select_last_index: bool
    outer: Size
    axis: Size
    inner: Size


@dataclass(frozen=True)
class TopK(Layer, rust="rank::TopK", sizes_in="rank::Ranked", fallible=True, scratch=True):
    """The k greatest (or least) x along the middle of [outer, axis, inner] and their positions, best first."""

    largest: bool
    outer: Size
    axis: Size
    inner: Size
    k: Size


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
