"""Normalisations (`tf_layers::norm`); all of f32."""

from __future__ import annotations

from onnx2rust.ir.kinds import Kind
from onnx2rust.ir.layer import AlongAxis, Dims, Layer, Record, Weight

KIND = Kind("normalization", (88, 122, 40))

_STATISTICS = Record.of("norm::RowStatistics", "mean? inv_std_dev?", 1, 2, chooses="with_statistics")


class LayerNormalization(Layer, in_place=(0,), outputs_in=(_STATISTICS,), independent=("size",)):
    """y = (x − mean) / √(variance + ε) · scale + bias over each row of [rows, n]; also means and inverse deviations."""

    epsilon: float
    scale: Weight | None
    bias: Weight | None
    size: Dims


class RmsNormalization(Layer, in_place=(0,), independent=("size",)):
    """y = x / √(mean of x² + ε) · scale over each row of [rows, n]."""

    epsilon: float
    scale: Weight | None
    size: Dims


class GroupNormalization(Layer, in_place=(0,), independent=("size",)):
    """y = (x − mean) / √(variance + ε) · scale + bias over groups of channels of [batch, channels, inner]."""

    groups: int
    epsilon: float
    scale: Weight
    bias: Weight
    size: Dims


class ScaleShift(Layer, in_place=(0,), independent=("size",)):
    """y = x · scale + shift per channel of [outer, channels, inner]."""

    scale: Weight
    shift: Weight
    size: Dims


class LocalResponseNormalization(AlongAxis, feature="lrn", independent=("outer",)):
    """y = x / (bias + alpha / size · Σx²)ᵝ, summed over `size` neighbours along the middle of [outer, axis, inner]; any float."""

    size: int
    alpha: float
    beta: float
    bias: float


class LpNormalization(AlongAxis, in_place=(0,), independent=("outer",)):
    """y = x / (Σ|x|ᵖ)^(1/p) along the middle of [outer, axis, inner]; any float type."""

    p: int
