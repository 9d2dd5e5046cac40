"""Pooling, channels last (`tf_layers::pool`)."""

from __future__ import annotations

from typing import Annotated

from onnx2rust.ir.kinds import Kind
from onnx2rust.ir.layer import Keras, Size
from onnx2rust.layers.windows import Images, Windows

KIND = Kind("pooling", (140, 82, 170))


class _Pool(Images, rust="", sizes_in="pool::Images", independent=("batch",)):
    channels: Size


class _WindowPool(Windows, _Pool, rust=""):
    kernel_shape: Annotated[tuple[int, ...], Keras("pool_size")]
    ceil_mode: bool


class MaxPool(_WindowPool, keras="MaxPooling{d}D"):
    """y = the largest value under each window, per channel."""


class MaxPoolIndices(_WindowPool, independent=None):
    """MaxPool, and where in the channels-first tensor the values stand."""

    column_major: bool


class AveragePool(_WindowPool, keras="AveragePooling{d}D"):
    """y = the mean under each window, per channel."""

    count_include_pad: bool


class LpPool(_WindowPool):
    """y = the p-norm under each window, per channel."""

    p: int


class GlobalAveragePool(_Pool, keras="GlobalAveragePooling{d}D"):
    """y = the mean of each channel."""


class GlobalMaxPool(_Pool, keras="GlobalMaxPooling{d}D"):
    """y = the largest value of each channel."""


class GlobalLpPool(_Pool):
    """y = the p-norm of each channel."""

    p: int
