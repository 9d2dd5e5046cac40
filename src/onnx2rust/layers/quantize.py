"""Between floats and the integers that stand for them (`tf_layers::quantize`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Layer, Record

KIND = kinds.QUANTIZATION

_INPUTS = Record.of("quantize::LinearInputs", "x scale zero")


class Linear(Layer, rust="", fallible=True, inputs_in=(_INPUTS,), input_shapes=("x_shape", "scale_shape", "zero_shape")):
    """An axis of scale and zero is as long as x's or 1."""

    x_shape: Dims
    scale_shape: Dims
    zero_shape: Dims


class QuantizeLinear(Linear):
    """y = saturate(round(x / scale) + zero)."""


class DequantizeLinear(Linear):
    """y = (x − zero) · scale."""


class DynamicQuantizeLinear(Layer, feature="quantize-dynamic"):
    """y = x as u8 with the scale and zero point that just hold its range and 0."""
