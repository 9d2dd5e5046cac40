"""Layers of tensors whose rank only the run decides (`tf_layers::unranked`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Layer

KIND = kinds.MOVEMENT


class Wrap(Layer, fallible=True):
    """y unranked = x, which has this shape"""

    shape: Dims


class Elements(Layer):
    """y [n] = the elements of x unranked. `defines` n"""


class Ranked(Layer, fallible=True, generic_over=("shape", "open_axes")):
    """y = x unranked, which must have this rank, and these sizes but those of the open axes, which it `defines`"""

    shape: tuple[int, ...]
    open_axes: tuple[int, ...]


class Like(Layer, fallible=True):
    """y unranked = the elements x [n] in the shape of another tensor"""


class ShapeOf(Layer):
    """y [r] = the sizes of x's axes from `start` to `end`, which may count from the last. `defines` r"""

    start: int
    end: int


class BroadcastShapes(Layer, fallible=True):
    """y [r] = the shape that two shapes broadcast to. `defines` r"""


class Reshape(Layer, fallible=True):
    """y unranked = the elements x [n] of a tensor of one shape under another"""

    allow_zero: bool


class Expand(Layer, fallible=True):
    """y unranked = the elements x [n] of a tensor of one shape, broadcast to another"""


class Squeeze(Layer, fallible=True, chooses={2: "axes"}):
    """y unranked = the elements x [n] of a tensor of a shape, without axes of size 1, all or these"""


class Unsqueeze(Layer, fallible=True):
    """y unranked = the elements x [n] of a tensor of a shape, with new axes of size 1"""
