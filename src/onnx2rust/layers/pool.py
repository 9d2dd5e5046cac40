"""Pooling, channels last (`tf_layers::pool`)."""

from __future__ import annotations

from onnx2rust.ir.kinds import Kind
from onnx2rust.ir.layer import Dims, Layer, Same, Size

KIND = Kind("pooling", (140, 82, 170))


class _Window(Layer, rust="", sizes_in="pool::Images", windows=True, generic_over=("kernel_shape",)):
    kernel_shape: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads_begin: tuple[int, ...]
    pads_end: tuple[int, ...]
    same: Same
    ceil_mode: bool


class MaxPool(_Window, independent=("batch",), keras="MaxPooling{d}D"):
    """y = the largest value under each window, per channel."""

    batch: Size
    size: Dims
    channels: Size


class MaxPoolIndices(_Window):
    """MaxPool, and where in the channels-first tensor the values stand."""

    column_major: bool
    batch: Size
    size: Dims
    channels: Size


class AveragePool(_Window, independent=("batch",), keras="AveragePooling{d}D"):
    """y = the mean under each window, per channel."""

    count_include_pad: bool
    batch: Size
    size: Dims
    channels: Size


class LpPool(_Window, independent=("batch",)):
    """y = the p-norm under each window, per channel."""

    p: int
    batch: Size
    size: Dims
    channels: Size


class GlobalAveragePool(Layer, sizes_in="pool::Images", independent=("batch",), keras="GlobalAveragePooling{d}D"):
    """y = the mean of each channel."""

    batch: Size
    size: Dims
    channels: Size


class GlobalMaxPool(Layer, sizes_in="pool::Images", independent=("batch",), keras="GlobalMaxPooling{d}D"):
    """y = the largest value of each channel."""

    batch: Size
    size: Dims
    channels: Size


class GlobalLpPool(Layer, sizes_in="pool::Images", independent=("batch",)):
    """y = the p-norm of each channel."""

    p: int
    batch: Size
    size: Dims
    channels: Size
