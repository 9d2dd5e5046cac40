"""Lets a convolution do the zero padding in front of it.

    Conv{begin, end}(Pad{before, after}(x))   →   Conv{begin + before, end + after}(x)

for a Pad with zeros along spatial axes only that nobody else reads (seen through views that insert or drop axes of size 1). A
convolution takes what lies outside its input for zero, so zeros written around it are the same; sizes of the result do not
change, since size + begin + end does not.

Refused: other modes and constants, negative amounts (they crop), padding of the batch or of channels, amounts known only at run
time, convolutions whose own pads depend on the size.
"""

from __future__ import annotations

from dataclasses import replace

from onnx2rust.ir.dims import Dim
from onnx2rust.ir.program import Step
from onnx2rust.layers.conv import Conv, DepthwiseConv
from onnx2rust.layers.movement import Pad
from onnx2rust.passes.rewriting import Decline, Links, Rewrite


def rule(links: Links, step: Step) -> Rewrite | None:
    """The convolution that does the padding in front of it."""
    layer = step.layer
    padding = links.source(step.inputs[0]) if isinstance(layer, Conv | DepthwiseConv) else None
    if not isinstance(layer, Conv | DepthwiseConv) or padding is None or not isinstance(padding.layer, Pad):
        return None
    if padding.layer.mode.name != "Constant":
        raise Decline(f"padding that continues the image ({padding.layer.mode.name}): convolutions pad with zeros")
    source = links.only_source(step.inputs[0])
    if source is None:
        raise Decline("something else reads the padded image")
    if layer.same:
        raise Decline("the convolution's own padding depends on the size of the image")
    image, *fill = padding.uses()
    if any(v.array is None or v.array.any() for v in fill):
        raise Decline("padding with other numbers than zero: convolutions pad with zeros")
    channels = layer.input_channels if isinstance(layer, Conv) else layer.channels
    amounts = _amounts(padding.layer, (layer.batch, *layer.size, channels))
    if amounts is None or amounts[0] != (0, 0) or amounts[-1] != (0, 0):
        raise Decline("padding of the batch or of channels, by negative amounts, or by amounts known only at run time")
    spatial = amounts[1:-1]
    changed = replace(
        layer,
        pads_begin=tuple(p + before for p, (before, _) in zip(layer.pads_begin, spatial, strict=True)),
        pads_end=tuple(p + after for p, (_, after) in zip(layer.pads_end, spatial, strict=True)),
        size=tuple(n - before - after for n, (before, after) in zip(layer.size, spatial, strict=True)),
    )
    return Rewrite(replace(step, layer=changed, inputs=(image, *step.inputs[1:])), source.all)


def _amounts(pad: Pad, shape: tuple[Dim, ...]) -> list[tuple[int, int]] | None:
    """(before, after) for each axis of the convolution's input, if its axes are those of the padded tensor,
    untouched ones merged, ones of size 1 left out."""
    padded: list[tuple[Dim, tuple[int, int]]] = []
    for n, before, after in zip(pad.shape, pad.before, pad.after, strict=True):
        if not isinstance(before, int) or not isinstance(after, int) or before < 0 or after < 0:
            return None
        if n + before + after != 1:
            padded.append((n + before + after, (before, after)))
    found = []
    merged: Dim = 1  # untouched axes stand in the Pad as one
    for n in shape:
        if n == 1:
            found.append((0, 0))
            continue
        size, amounts = padded[0] if padded else (None, (0, 0))
        merged = merged * n
        if merged == size:
            padded, merged = padded[1:], 1
        elif amounts != (0, 0):
            return None
        found.append(amounts)
    return None if padded else found
