"""Layers that choose elements by where they are, or say where they are (`tf_layers::movement`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.ir.layer import Dims, Layer, Record, Size, Variant


@dataclass(frozen=True)
class Gather(Layer, rust="movement::Gather", sizes_in="axis::AlongAxis", fallible=True, input_names=("table", "indices")):
    """y[o, i, k] = x[o, indices[i], k]."""

    outer: Size
    axis: Size
    inner: Size


@dataclass(frozen=True)
class GatherOrZero(
    Layer, rust="movement::GatherOrZero", independent=(), input_shapes=("shape",), input_names=("table", "indices")
):
    """y[i] = x[indices[i]], zeros where there is no such row; negative indices may count from the end."""

    negative: bool
    shape: Dims


@dataclass(frozen=True)
class GatherElements(
    Layer, rust="movement::GatherElements", fallible=True, input_shapes=("shape", "indices_shape"), generic_over=("shape",)
):
    """y[i] = x[i with its coordinate on `axis` replaced by indices[i]]."""

    axis: int
    shape: Dims
    indices_shape: Dims


@dataclass(frozen=True)
class GatherNd(Layer, rust="movement::GatherNd", sizes_in="movement::GatherSlices", fallible=True):
    """y[b, i] = x[b, indices[b, i, 0], indices[b, i, 1], …]."""

    batch: Size
    axes: Dims
    inner: Size
    n: Size


_UPDATES = Record.of("movement::ScatterUpdates", indices=1, updates=2)


@dataclass(frozen=True)
class ScatterElements(
    Layer,
    rust="movement::ScatterElements",
    fallible=True,
    in_place=(0,),
    input_shapes=("shape", "indices_shape"),
    inputs_in=(_UPDATES,),
    generic_over=("shape",),
):
    """x with x[i with its coordinate on `axis` replaced by indices[i]] = updates[i]."""

    axis: int
    shape: Dims
    indices_shape: Dims


@dataclass(frozen=True)
class ScatterElementsReduce(
    Layer,
    rust="movement::ScatterElementsReduce",
    fallible=True,
    in_place=(0,),
    input_shapes=("shape", "indices_shape"),
    inputs_in=(_UPDATES,),
    generic_over=("shape",),
):
    """The same, updates combined with what is there."""

    axis: int
    reduction: Variant
    shape: Dims
    indices_shape: Dims


@dataclass(frozen=True)
class ScatterNd(Layer, rust="movement::ScatterNd", sizes_in="movement::ScatterSlices", fallible=True, in_place=(0,)):
    """x with x[indices[i, 0], indices[i, 1], …] = updates[i]."""

    axes: Dims
    inner: Size
    n: Size


@dataclass(frozen=True)
class ScatterNdReduce(
    Layer,
    rust="movement::ScatterNdReduce",
    sizes_in="movement::ScatterSlices",
    fallible=True,
    in_place=(0,),
    generic_over=("axes",),
):
    """The same, updates combined with what is there."""

    reduction: Variant
    axes: Dims
    inner: Size
    n: Size


@dataclass(frozen=True)
class OneHot(Layer, rust="movement::OneHot", sizes_in="axis::AlongAxis", fallible=True):
    """y[o, d, i] = values[1] where d = indices[o, i], values[0] elsewhere; d counts along `axis`."""

    outer: Size
    axis: Size
    inner: Size


@dataclass(frozen=True)
class NonZero(Layer, rust="movement::NonZero"):
    """The indices of the elements that are not zero."""

    shape: Dims


@dataclass(frozen=True)
class CompressSizes(Layer, rust="movement::Compress", fallible=True):
    """How many positions a condition keeps."""

    axis: Size


@dataclass(frozen=True)
class Compress(Layer, rust="movement::Compress", sizes_in="axis::AlongAxis"):
    """The positions of an axis that a condition keeps."""

    outer: Size
    axis: Size
    inner: Size


_UNIQUE = Record.of("movement::UniquePlaces", first=1, inverse=2, counts=3)


@dataclass(frozen=True)
class Unique(
    Layer,
    rust="movement::Unique",
    sizes_in="axis::AlongAxis",
    fallible=True,
    outputs_in=(_UNIQUE,),
    optional_outputs=(1, 2, 3),
):
    """The distinct slices of an axis."""

    sorted: bool
    outer: Size
    axis: Size
    inner: Size
