"""Layers that say which elements along an axis are the greatest (`tf_layers::rank`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Layer, Size

KIND = kinds.REDUCTION


class ArgMax(Layer, sizes_in="axis::AlongAxis", fallible=True):
    """y = the position of the greatest x along the middle of [outer, axis, inner]."""

    select_last_index: bool
    outer: Size
    axis: Size
    inner: Size


class ArgMin(Layer, sizes_in="axis::AlongAxis", fallible=True):
    """y = the position of the least x along the middle of [outer, axis, inner]."""

    select_last_index: bool
    outer: Size
    axis: Size
    inner: Size


class TopK(Layer, sizes_in="rank::Ranked", fallible=True, scratch=True):
    """The k greatest (or least) x along the middle of [outer, axis, inner] and their positions, best first."""

    largest: bool
    outer: Size
    axis: Size
    inner: Size
    k: Size
