"""Layers that say which elements along an axis are the greatest (`tf_layers::rank`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import AlongAxis, Size

KIND = kinds.REDUCTION


class ArgMax(AlongAxis, fallible=True):
    """y = the position of the greatest x along the middle of [outer, axis, inner]."""

    select_last_index: bool


class ArgMin(AlongAxis, fallible=True):
    """y = the position of the least x along the middle of [outer, axis, inner]."""

    select_last_index: bool


class TopK(AlongAxis, sizes_in="rank::Ranked", fallible=True, scratch=True):
    """The k greatest (or least) x along the middle of [outer, axis, inner] and their positions, best first."""

    largest: bool
    k: Size
