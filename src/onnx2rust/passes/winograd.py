"""Chooses Winograd's algorithm for the 3 × 3 convolutions that gain from it.

    Conv{kernel 3 × 3, stride 1, dilation 1, one group}(x)  ->  WinogradConv2d(x)

The same sums, arranged to need 2.25 times fewer multiplications (tiles of 2 × 2 outputs; Lavin and Gray, 2015). Its error is that
of the direct kernel: at most 4e-7 of max |y|. Tiles of 4 × 4 would need 4 times fewer, with errors to 7e-6: not what "the same
numbers" means, so not by default. Refuses where channels are not whole panels of 16 or too few to pay for the transforms, where
the image is known to be small, where the transformed weights (16/9 of the size) are large, and where a weight is NaN or infinite:
the transform would spread it to outputs that the kernel does not reach.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from onnx2rust.ir.layer import packing
from onnx2rust.ir.program import Step
from onnx2rust.layers.conv import Conv, WinogradConv2d
from onnx2rust.passes.rewriting import Links, Rewrite

TILE = 2
MIN_CHANNELS = 48
"""Of x and y together. Fewer: the transforms take as long as the multiplications that are saved."""
MIN_PIXELS = 36
"""Fewer outputs: the larger weights are read for too few of them."""
MAX_WEIGHTS = 4 << 20
"""More weights (elements): the executable's size matters more."""


def rule(_graph: Links, step: Step) -> Rewrite | None:
    """The convolution by Winograd's algorithm where that pays."""
    layer = step.layer
    return Rewrite(replace(step, layer=_winograd(layer))) if isinstance(layer, Conv) and _pays(layer) else None


def _pays(layer: Conv) -> bool:
    if (layer.kernel_shape, layer.strides, layer.dilations, layer.group) != ((3, 3), (1, 1), (1, 1), 1):
        return False
    channels = (layer.input_channels, layer.output_channels)
    if any(c % 16 for c in channels) or sum(channels) < MIN_CHANNELS or layer.kernel.array.size > MAX_WEIGHTS:
        return False
    if not np.isfinite(layer.kernel.array).all():
        return False
    height, width = layer.positions()
    return not (isinstance(height, int) and isinstance(width, int) and height * width < MIN_PIXELS)


def _winograd(layer: Conv) -> WinogradConv2d:
    return WinogradConv2d(
        layer.batch,
        layer.size,
        layer.input_channels,
        layer.output_channels,
        layer.pads_begin,
        layer.pads_end,
        replace(layer.kernel, packing=packing("Winograd", tile=TILE)),
        layer.bias,
        layer.activation,
    )
