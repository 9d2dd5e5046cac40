"""Products of 8-bit integers (`tf_layers::integer`)."""

from __future__ import annotations

from typing import Annotated

from onnx2rust.ir import kinds
from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.layer import Keras, Layer, Record, Size, Weight
from onnx2rust.layers.matmul import Matrices
from onnx2rust.layers.windows import Grouped, Windows

KIND = kinds.QUANTIZATION

_MATRICES = Record.of("integer::MatMulIntegerInputs", "a b a_zero? b_zero?")
_IMAGES = Record.of("integer::ConvIntegerInputs", "x w x_zero? w_zero?")
_ROWS = Record.of("integer::IntegerDenseInputs", "x x_zero?")
_CONSTANT = Record.of("integer::IntegerConvInputs", "x x_zero?")
_SUMS = Record.of("integer::RequantizeInputs", "x a_scale b_scale y_scale y_zero? bias?")


class MatMulInteger(Matrices, inputs_in=(_MATRICES,), scratch=True):
    """y = (a − a_zero) · (b − b_zero), i32; inputs a, b, a_zero, b_zero."""


class ConvInteger(Windows, Grouped, sizes_in=_IMAGES.path, inputs_in=(_IMAGES,)):
    """y = (x − x_zero) ⋆ (w − w_zero), i32, channels last; inputs x, w [*kernel_shape, inputs /
    group, outputs], x_zero, w_zero."""


class IntegerDense(Layer, sizes_in=_ROWS.path, inputs_in=(_ROWS,), scratch=True):
    """y = (x − x_zero) · (kernel − kernel_zero), i32, for x [rows, inputs]; inputs x, x_zero."""

    inputs: Annotated[int, Keras("input_dim")]
    units: int
    kernel: Weight
    kernel_zero: Weight | None
    rows: Size

    def multiply_adds(self) -> Dim:
        return self.rows * self.kernel.array.size


class IntegerConv(Windows, Grouped, sizes_in=_CONSTANT.path, inputs_in=(_CONSTANT,), scratch=True):
    """y = (x − x_zero) ⋆ (kernel − kernel_zero), i32, channels last; inputs x, x_zero."""

    kernel: Weight
    kernel_zero: Weight | None

    def multiply_adds(self) -> Dim:
        return self.batch * product(self.positions()) * self.kernel.array.size


class Requantize(Layer, sizes_in=_SUMS.path, inputs_in=(_SUMS,)):
    """y = saturate(round((x + bias) · (a_scale · b_scale / y_scale)) + y_zero); inputs x, a_scale,
    b_scale, y_scale, y_zero, bias."""

    rows: Size
    channels: Size
