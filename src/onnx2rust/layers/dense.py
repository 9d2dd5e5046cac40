"""Products with weights (`tf_layers::dense`)."""

from __future__ import annotations

from typing import Annotated

from onnx2rust.ir import kinds
from onnx2rust.ir.dims import Dim
from onnx2rust.ir.layer import Keras, Layer, Size, Variant, Weight

KIND = kinds.PRODUCT


class Dense(Layer, chooses={1: "adding"}, in_place=(1,), independent=("rows",), keras="Dense"):
    """y = activation(x · kernel + bias + residual) for x [rows, inputs], residual and y [rows, units]."""

    inputs: Annotated[int, Keras("input_dim")]
    units: int
    kernel: Weight
    bias: Weight | None
    activation: Variant
    rows: Size

    def multiply_adds(self) -> Dim:
        return self.rows * self.kernel.array.size
