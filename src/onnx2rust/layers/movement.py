"""Layers that move elements without computing (`tf_layers::movement`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.dims import Dim
from onnx2rust.layers.base import Dims, Layer, SignedDims, Variant


@dataclass(frozen=True)
class Transpose(Layer, rust="movement::Transpose"):
    """y axis k is x axis perm[k]."""

    perm: tuple[int, ...]
    shape: Dims

    def generics(self) -> tuple[str, ...]:
        return (str(len(self.perm)),)


@dataclass(frozen=True)
class Concat(Layer, rust="movement::Concat", variadic=True):
    """y = inputs side by side; `parts` are their sizes along the axis times what lies inside it."""

    outer: Dim
    parts: Dims


@dataclass(frozen=True)
class Expand(Layer, rust="movement::Expand"):
    """y = x repeated along its axes of size 1."""

    source: Dims
    target: Dims


@dataclass(frozen=True)
class Tile(Layer, rust="movement::Tile"):
    """y = x repeated along each axis."""

    shape: Dims
    repeats: Dims


@dataclass(frozen=True)
class Range(Layer, rust="movement::Range", fallible=True):
    """y = start, start + delta, … before limit"""


@dataclass(frozen=True)
class Gather(Layer, rust="movement::Gather", fallible=True):
    """y [outer, indices, inner] = x [outer, axis, inner] at indices"""

    outer: Dim
    axis: Dim
    inner: Dim


@dataclass(frozen=True)
class Slice(Layer, rust="movement::Slice"):
    """y = size elements of each axis, from start, every steps-th"""

    steps: tuple[int, ...]
    shape: Dims
    start: Dims
    size: Dims

    def generics(self) -> tuple[str, ...]:
        return (str(len(self.steps)),)


@dataclass(frozen=True)
class DynamicSlice(Layer, rust="movement::DynamicSlice", fallible=True, optional=(3,)):
    """Slice whose bounds (inputs 1 to 3) are only known while the model runs."""

    axes: tuple[int, ...]
    shape: Dims

    def generics(self) -> tuple[str, ...]:
        return (str(len(self.axes)),)


@dataclass(frozen=True)
class Pad(Layer, rust="movement::Pad", optional=(1,)):
    """y = x with a border; negative amounts crop. Input 1 is the constant."""

    mode: Variant
    shape: Dims
    before: SignedDims
    after: SignedDims

    def generics(self) -> tuple[str, ...]:
        return (str(len(self.shape)),)


@dataclass(frozen=True)
class DynamicPad(Layer, rust="movement::DynamicPad", fallible=True, optional=(2,)):
    """Pad whose amounts (input 1) are only known while the model runs."""

    mode: Variant
    axes: tuple[int, ...]
    shape: Dims

    def generics(self) -> tuple[str, ...]:
        return (str(len(self.axes)),)


@dataclass(frozen=True)
class Reshape(Layer, rust="movement::ReshapeSizes", fallible=True):
    """Finds out the sizes of a Reshape to a shape that is only known while the model runs; the elements stay where they are."""

    allow_zero: bool
    shape: Dims


@dataclass(frozen=True)
class DynamicExpand(Layer, rust="movement::ExpandSizes", fallible=True):
    """Finds out the sizes of an Expand to a shape that is only known while the model runs."""

    shape: Dims
