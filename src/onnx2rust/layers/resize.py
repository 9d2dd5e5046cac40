"""Layers that resize an axis (`tf_layers::resize`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import AlongAxis, Dims, Element, Layer, Size, Variant

KIND = kinds.MOVEMENT


class ResizeSizes(Layer, fallible=True):
    """⌊size · scale⌋ for scales from a tensor."""

    shape: Dims


class ResizeNearest(
    AlongAxis, sizes_in="resize::ResizedAxis", chooses={1: "with_scales"}, independent=("outer",), generic_over=("element",)
):
    """y[o] = x at the nearest position, along one axis."""

    coordinates: Variant
    nearest: Variant
    scale: float | None
    scale_index: int
    extrapolation: float | int | bool
    element: Element
    out: Size


class ResizeAxis(AlongAxis, sizes_in="resize::ResizedAxis", chooses={1: "with_scales"}, independent=("outer",)):
    """y[o] = a weighted sum of neighbours, along one axis."""

    coordinates: Variant
    interpolation: Variant
    scale: float | None
    scale_index: int
    exclude_outside: bool
    antialias: bool
    extrapolation: float
    out: Size
