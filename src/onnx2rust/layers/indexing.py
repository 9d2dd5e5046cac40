"""Layers that choose elements by where they are, or say where they are (`tf_layers::indexing`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import AlongAxis, Dims, Layer, Record, Size, Variant

KIND = kinds.MOVEMENT


class Gather(AlongAxis, fallible=True, input_names=("table", "indices")):
    """y[o, i, k] = x[o, indices[i], k]."""


class GatherOrZero(Layer, independent=(), input_shapes=("shape",), input_names=("table", "indices")):
    """y[i] = x[indices[i]], zeros where there is no such row; negative indices may count from the end."""

    negative: bool
    shape: Dims


class AtElements(Layer, rust="", fallible=True, input_shapes=("shape", "indices_shape"), generic_over=("shape",)):
    """Of each i in indices it takes x[i with its coordinate on `axis` replaced by indices[i]]."""

    axis: int
    shape: Dims
    indices_shape: Dims


class GatherElements(AtElements):
    """y[i] = that element."""


class GatherNd(Layer, sizes_in="indexing::GatherSlices", fallible=True):
    """y[b, i] = x[b, indices[b, i, 0], indices[b, i, 1], …]."""

    batch: Size
    axes: Dims
    inner: Size
    n: Size


_UPDATES = Record.of("indexing::ScatterUpdates", "indices updates", 1, 2)


class ScatterElements(AtElements, in_place=(0,), inputs_in=(_UPDATES,)):
    """x with that element = updates[i], or what is there combined with it."""

    reduction: Variant


class ScatterNd(Layer, sizes_in="indexing::ScatterSlices", fallible=True, in_place=(0,), generic_over=("axes",)):
    """x with x[indices[i, 0], indices[i, 1], …] = updates[i], or what is there combined with it."""

    reduction: Variant
    axes: Dims
    inner: Size
    n: Size


class OneHot(AlongAxis, fallible=True):
    """y[o, d, i] = values[1] where d = indices[o, i], values[0] elsewhere; d counts along `axis`."""


class NonZero(Layer):
    """The indices of the elements that are not zero."""

    shape: Dims


class Compress(AlongAxis, sized_by=(1,)):
    """The positions of an axis that a condition keeps."""


_UNIQUE = Record.of("indexing::UniquePlaces", "first? inverse? counts?", 1, 2, 3)


class Unique(AlongAxis, fallible=True, outputs_in=(_UNIQUE,)):
    """The distinct slices of an axis."""

    sorted: bool
