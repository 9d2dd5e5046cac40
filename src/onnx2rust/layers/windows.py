"""What layers of images share, channels last.

A class with several of these bases has the fields of the last one first.
"""

from __future__ import annotations

from typing import Annotated

from onnx2rust.ir.dims import ceil_div
from onnx2rust.ir.layer import Dims, Keras, Layer, Same, Size


class Images(Layer, rust=""):
    """A layer of x [batch, *size, channels]."""

    batch: Size
    size: Dims

    def positions(self) -> Dims:
        """Along each axis, how often a kernel is applied: to every place of x."""
        return self.size


class Channels(Images, rust=""):
    """A layer that computes output channels from input channels."""

    input_channels: Annotated[int, Keras("")]
    output_channels: Annotated[int, Keras("filters")]


class Grouped(Channels, rust=""):
    """The same, from those of their group."""

    group: Annotated[int, Keras("groups")]


class Kernel(Images, rust="", generic_over=("kernel_shape",)):
    """A layer with a kernel that moves along the axes."""

    kernel_shape: Annotated[tuple[int, ...], Keras("kernel_size")]
    strides: tuple[int, ...]
    dilations: Annotated[tuple[int, ...], Keras("dilation_rate")]
    pads_begin: Annotated[tuple[int, ...], Keras("")]
    pads_end: Annotated[tuple[int, ...], Keras("")]


class Windows(Kernel, rust="", windows=True):
    """A layer that computes each place of y from a window of x."""

    same: Same

    def positions(self) -> Dims:
        """One for each window."""
        if self.same:
            return tuple(ceil_div(n, s) for n, s in zip(self.size, self.strides, strict=True))
        axes = zip(self.size, self.kernel_shape, self.strides, self.dilations, self.pads_begin, self.pads_end, strict=True)
        return tuple((n + b + e - (k - 1) * d - 1) // s + 1 for n, k, s, d, b, e in axes)
