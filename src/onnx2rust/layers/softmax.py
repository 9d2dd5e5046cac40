"""Layers that normalise along an axis by exponentials (`tf_layers::softmax`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import AlongAxis

KIND = kinds.ACTIVATION


class Softmax(AlongAxis, in_place=(0,), independent=("outer",)):
    """y = eˣ / Σ eˣ along the middle of [outer, axis, inner]."""


class LogSoftmax(AlongAxis, feature="log-softmax", in_place=(0,), independent=("outer",)):
    """y = x − ln Σ eˣ along the middle of [outer, axis, inner]."""


class Hardmax(AlongAxis, in_place=(0,), independent=("outer",)):
    """y = 1 at the first largest value along the middle of [outer, axis, inner], else 0."""
