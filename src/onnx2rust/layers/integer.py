"""Products of 8-bit integers (`tf_layers::integer`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.layer import Dims, Layer, Record, Same, Size, Weight
from onnx2rust.ir.shapes import windows

KIND = kinds.QUANTIZATION

_MATRICES = Record.of("integer::MatMulIntegerInputs", "a", "b", "a_zero", "b_zero")
_IMAGES = Record.of("integer::ConvIntegerInputs", "x", "w", "x_zero", "w_zero")
_ROWS = Record.of("integer::IntegerDenseInputs", "x", "x_zero")
_CONSTANT = Record.of("integer::IntegerConvInputs", "x", "x_zero")
_SUMS = Record.of("integer::RequantizeInputs", "x", "a_scale", "b_scale", "y_scale", "y_zero", "bias")


class MatMulInteger(Layer, sizes_in="matrices::Matrices", inputs_in=(_MATRICES,), optional=(2, 3), scratch=True):
    """y = (a − a_zero) · (b − b_zero), i32; inputs a, b, a_zero, b_zero; arguments as those of MatMul."""

    batch: Dims
    m: Size
    k: Size
    n: Size
    a_batch: Dims
    a_steps: Dims
    b_batch: Dims
    b_steps: Dims

    def multiply_adds(self) -> Dim:
        return product((*self.batch, self.m, self.k, self.n))


class ConvInteger(
    Layer, sizes_in=_IMAGES.path, inputs_in=(_IMAGES,), optional=(2, 3), windows=True, generic_over=("kernel_shape",)
):
    """y = (x − x_zero) ⋆ (w − w_zero), i32, channels last; inputs x, w [*kernel_shape, inputs /
    group, outputs], x_zero, w_zero."""

    input_channels: int
    output_channels: int
    group: int
    kernel_shape: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads_begin: tuple[int, ...]
    pads_end: tuple[int, ...]
    same: Same
    batch: Size
    size: Dims


class IntegerDense(Layer, sizes_in=_ROWS.path, inputs_in=(_ROWS,), optional=(1,), scratch=True):
    """y = (x − x_zero) · (kernel − kernel_zero), i32, for x [rows, inputs]; inputs x, x_zero."""

    inputs: int
    units: int
    kernel: Weight
    kernel_zero: Weight | None
    rows: Size

    def multiply_adds(self) -> Dim:
        return self.rows * (self.inputs * self.units)


class IntegerConv(
    Layer,
    sizes_in=_CONSTANT.path,
    inputs_in=(_CONSTANT,),
    optional=(1,),
    scratch=True,
    windows=True,
    generic_over=("kernel_shape",),
):
    """y = (x − x_zero) ⋆ (kernel − kernel_zero), i32, channels last; inputs x, x_zero."""

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
    kernel_zero: Weight | None
    batch: Size
    size: Dims

    def multiply_adds(self) -> Dim:
        output = windows(self.size, self.kernel_shape, self.strides, self.dilations, self.pads_begin, self.pads_end, self.same)
        inputs = self.input_channels // self.group
        return self.batch * product(output) * (self.output_channels * inputs * product(self.kernel_shape))


class Requantize(Layer, sizes_in=_SUMS.path, inputs_in=(_SUMS,), optional=(4, 5)):
    """y = saturate(round((x + bias) · (a_scale · b_scale / y_scale)) + y_zero); inputs x, a_scale,
    b_scale, y_scale, y_zero, bias."""

    rows: Size
    channels: Size
