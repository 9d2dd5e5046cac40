"""Between floats and the integers that stand for them (`tf_layers::quantize`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.layers.base import Dims, Layer


@dataclass(frozen=True)
class QuantizeLinear(Layer, rust="quantize::QuantizeLinear", fallible=True):
    """y = saturate(round(x / scale) + zero); an axis of scale and zero is as long as x's or 1."""

    x_shape: Dims
    scale_shape: Dims
    zero_shape: Dims


@dataclass(frozen=True)
class DequantizeLinear(Layer, rust="quantize::DequantizeLinear", fallible=True):
    """y = (x − zero) · scale; an axis of scale and zero is as long as x's or 1."""

    x_shape: Dims
    scale_shape: Dims
    zero_shape: Dims


@dataclass(frozen=True)
class DynamicQuantizeLinear(Layer, rust="quantize::DynamicQuantizeLinear", feature="quantize-dynamic"):
    """y = x as u8 with the scale and zero point that just hold its range and 0."""
