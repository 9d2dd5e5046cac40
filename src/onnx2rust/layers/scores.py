"""What the scores of classical models are turned into (`tf_layers::scores`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Layer

KIND = kinds.CLASSICAL


class Probit(Layer, in_place=(0,), independent=()):
    """y = √2 · erf⁻¹(2x − 1), by Winitzki's approximation."""


class SoftmaxZero(Layer, in_place=(0,), independent=("size",)):
    """y = e^(x − max) / Σ e^(x − max) over each row of [rows, columns], where what is 0 stays 0."""

    size: Dims
