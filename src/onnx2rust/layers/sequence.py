"""Layers of sequences of tensors (`tf_layers::sequence`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Layer

KIND = kinds.MOVEMENT


class SequenceEmpty(Layer):
    """y = a sequence without items"""


class SequenceConstruct(Layer, fallible=True, variadic=True, generic_over=("ranks",)):
    """y = a sequence of the inputs; `shapes` are theirs, one behind the other"""

    ranks: tuple[int, ...]
    shapes: Dims


class SequenceInsert(Layer, fallible=True, in_place=(0,), chooses={2: "at"}):
    """y = the items of x and a tensor of this shape among them, in front of a position or at the end"""

    shape: Dims


class SequenceInsertUnranked(Layer, fallible=True, in_place=(0,), chooses={2: "at"}):
    """y = the items of x and a tensor of any rank among them"""


class SequenceErase(Layer, fallible=True, in_place=(0,), chooses={1: "at"}):
    """y = the items of x without the one at a position, or the last"""


class SequenceLength(Layer):
    """y [] = the number of items"""


class OptionalHasElement(Layer):
    """y [] = whether there is an item"""


class SequenceAt(Layer, fallible=True, generic_over=("open_axes",)):
    """y = the item at a position. `defines` the sizes of its open axes"""

    open_axes: tuple[int, ...]


class SequenceAtUnranked(Layer, fallible=True):
    """y unranked = the item at a position"""


class ConcatFromSequence(Layer, fallible=True, generic_over=("open_axes",)):
    """y = the items one behind the other along an axis, which may be a new one. `defines` the sizes of y's open axes"""

    axis: int
    new_axis: bool
    open_axes: tuple[int, ...]


class SplitToSequence(Layer, fallible=True, chooses={1: "each", 2: "parts"}):
    """y = pieces of x `shape` along an axis: of size 1, of one size each, or of these sizes"""

    axis: int
    keepdims: bool
    shape: Dims
