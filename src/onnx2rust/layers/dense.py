"""Fully connected layers (`tf_layers::dense`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.dims import Dim
from onnx2rust.layers.base import Layer, Variant, Weight


@dataclass(frozen=True)
class Dense(Layer, rust="dense::Dense", optional=(1,), in_place=(1,)):
    """y = activation(x · kernel + bias + residual) for x [rows, inputs], residual and y [rows, units]."""

    inputs: int
    units: int
    kernel: Weight
    bias: Weight | None
    activation: Variant
    rows: Dim

    def multiply_adds(self) -> Dim:
        return self.rows * (self.inputs * self.units)
