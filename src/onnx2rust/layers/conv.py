"""Convolutions, channels last (`tf_layers::conv`)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.kinds import Kind
from onnx2rust.ir.layer import Dims, Keras, Record, Variant, Weight
from onnx2rust.layers.windows import Channels, Grouped, Images, Kernel, Windows

KIND = Kind("convolution", (23, 128, 121))

_DYNAMIC = Record.of("conv::ConvDynamicInputs", "x w bias?")


class _Weighted(Images, rust="", sizes_in="conv::ImageStack", scratch=True, independent=("batch",)):
    kernel: Weight
    bias: Weight | None
    activation: Variant

    def multiply_adds(self) -> Dim:
        return self.batch * product(self.positions()) * self.kernel.array.size


class _EachChannel(Images, rust=""):
    channels: int
    multiplier: Annotated[int, Keras("depth_multiplier")]


class _Padded(Channels, rust=""):
    pads_begin: Annotated[tuple[int, ...], Keras("")]
    pads_end: Annotated[tuple[int, ...], Keras("")]


class _Transposed(Kernel, rust=""):
    output_padding: tuple[int, ...]


class _Dynamic(Images, rust="", sizes_in=_DYNAMIC.path, inputs_in=(_DYNAMIC,), scratch=True):
    group: Annotated[int, Keras("groups")]
    channels: Dims


class Conv(_Weighted, Windows, Grouped, chooses={1: "adding"}, in_place=(1,), keras="Conv{d}D"):
    """y = activation(kernel * x + bias + residual) for x [batch, *size, input_channels]; input 1 is the residual."""


class DepthwiseConv(_Weighted, Windows, _EachChannel, feature="depthwise", chooses={1: "adding"}, keras="DepthwiseConv{d}D"):
    """y = activation(kernel * x + bias + residual), each channel by itself; output channel o reads
    input channel o // multiplier."""


class ConvTranspose(_Weighted, _Transposed, Grouped, feature="conv-transpose", keras="Conv{d}DTranspose"):
    """y = activation(x ⋆ᵀ kernel + bias) for x [batch, *size, input_channels]."""


class ConvDynamic(Windows, _Dynamic, feature="conv-dynamic"):
    """y = x ⋆ w + bias with a kernel computed while the model runs; `channels` are those of x and y."""


class ConvTransposeDynamic(_Transposed, _Dynamic, feature="conv-dynamic"):
    """y = x ⋆ᵀ w + bias with a kernel computed while the model runs; `channels` are those of x and y."""


class WinogradConv2d(_Weighted, _Padded, feature="winograd", chooses={1: "adding"}, windows=True, keras="Conv2D"):
    """Conv with a kernel of 3 × 3 and stride 1, by tiles of `tile` × `tile` outputs."""

    kernel_shape: ClassVar[tuple[int, ...]] = (3, 3)

    def generics(self) -> tuple[str, ...]:
        return (str(dict(self.kernel.packing.fields)["tile"]),)

    def positions(self) -> Dims:
        return tuple(n + b + e - 2 for n, b, e in zip(self.size, self.pads_begin, self.pads_end, strict=True))
