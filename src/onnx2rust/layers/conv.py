"""Convolutions, channels last (`tf_layers::conv`)."""

from __future__ import annotations

from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.kinds import Kind
from onnx2rust.ir.layer import Dims, Layer, Record, Same, Size, Variant, Weight
from onnx2rust.ir.shapes import windows

KIND = Kind("convolution", (23, 128, 121))

_IMAGES = "conv::ImageStack"
_DYNAMIC = Record.of("conv::ConvDynamicInputs", "x", "w", "bias")


class Conv(
    Layer,
    sizes_in=_IMAGES,
    chooses={1: "adding"},
    in_place=(1,),
    scratch=True,
    windows=True,
    independent=("batch",),
    generic_over=("kernel_shape",),
    keras="Conv{d}D",
):
    """y = activation(kernel * x + bias + residual) for x [batch, *size, input_channels]; input 1 is the residual."""

    input_channels: int
    output_channels: int
    group: int
    kernel_shape: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads_begin: tuple[int, ...]
    pads_end: tuple[int, ...]
    same: Same
    kernel: Weight
    bias: Weight | None
    activation: Variant
    batch: Size
    size: Dims

    def multiply_adds(self) -> Dim:
        taps = product(self.kernel_shape)
        return self.batch * product(self.output_size()) * (self.output_channels * (self.input_channels // self.group)) * taps

    def output_size(self) -> Dims:
        """Size of y."""
        return windows(self.size, self.kernel_shape, self.strides, self.dilations, self.pads_begin, self.pads_end, self.same)


class DepthwiseConv(
    Layer,
    sizes_in=_IMAGES,
    feature="depthwise",
    chooses={1: "adding"},
    scratch=True,
    windows=True,
    independent=("batch",),
    generic_over=("kernel_shape",),
    keras="DepthwiseConv{d}D",
):
    """y = activation(kernel * x + bias + residual), each channel by itself; output channel o reads
    input channel o // multiplier."""

    channels: int
    multiplier: int
    kernel_shape: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads_begin: tuple[int, ...]
    pads_end: tuple[int, ...]
    same: Same
    kernel: Weight
    bias: Weight | None
    activation: Variant
    batch: Size
    size: Dims

    def multiply_adds(self) -> Dim:
        output = windows(self.size, self.kernel_shape, self.strides, self.dilations, self.pads_begin, self.pads_end, self.same)
        return self.batch * product(output) * (self.channels * self.multiplier) * product(self.kernel_shape)


class ConvTranspose(
    Layer,
    sizes_in=_IMAGES,
    feature="conv-transpose",
    scratch=True,
    independent=("batch",),
    generic_over=("kernel_shape",),
    keras="Conv{d}DTranspose",
):
    """y = activation(x ⋆ᵀ kernel + bias) for x [batch, *size, input_channels]."""

    input_channels: int
    output_channels: int
    group: int
    kernel_shape: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads_begin: tuple[int, ...]
    pads_end: tuple[int, ...]
    output_padding: tuple[int, ...]
    kernel: Weight
    bias: Weight | None
    activation: Variant
    batch: Size
    size: Dims

    def multiply_adds(self) -> Dim:
        taps = product(self.kernel_shape)
        return self.batch * product(self.size) * (self.input_channels * (self.output_channels // self.group)) * taps


class ConvDynamic(
    Layer,
    feature="conv-dynamic",
    sizes_in=_DYNAMIC.path,
    inputs_in=(_DYNAMIC,),
    optional=(2,),
    scratch=True,
    windows=True,
    generic_over=("kernel_shape",),
):
    """y = x ⋆ w + bias with a kernel computed while the model runs; `channels` are those of x and y."""

    group: int
    kernel_shape: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads_begin: tuple[int, ...]
    pads_end: tuple[int, ...]
    same: Same
    batch: Size
    size: Dims
    channels: Dims


class ConvTransposeDynamic(
    Layer,
    feature="conv-dynamic",
    sizes_in=_DYNAMIC.path,
    inputs_in=(_DYNAMIC,),
    optional=(2,),
    scratch=True,
    generic_over=("kernel_shape",),
):
    """y = x ⋆ᵀ w + bias with a kernel computed while the model runs; `channels` are those of x and y."""

    group: int
    kernel_shape: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads_begin: tuple[int, ...]
    pads_end: tuple[int, ...]
    output_padding: tuple[int, ...]
    batch: Size
    size: Dims
    channels: Dims


class WinogradConv2d(
    Layer,
    sizes_in=_IMAGES,
    feature="winograd",
    chooses={1: "adding"},
    scratch=True,
    windows=True,
    independent=("batch",),
    keras="Conv2D",
):
    """Conv with a kernel of 3 × 3 and stride 1, by tiles of `tile` × `tile` outputs."""

    input_channels: int
    output_channels: int
    pads_begin: tuple[int, ...]
    pads_end: tuple[int, ...]
    kernel: Weight
    bias: Weight | None
    activation: Variant
    batch: Size
    size: Dims

    def generics(self) -> tuple[str, ...]:
        return (str(dict(self.kernel.packing.fields)["tile"]),)

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """The size of the kernel that Winograd's form was made from."""
        return (3, 3)

    def multiply_adds(self) -> Dim:
        pads = zip(self.size, self.pads_begin, self.pads_end, strict=True)
        output = product(n + b + e - 2 for n, b, e in pads)
        return self.batch * output * (self.input_channels * self.output_channels * 9)
