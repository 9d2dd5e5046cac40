"""Preparing features and labels as classical models do (`tf_layers::classical`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Layer, Variant, Weight

KIND = kinds.CLASSICAL


class Normalizer(Layer, in_place=(0,), independent=("size",)):
    """y = each row of x [rows, columns] divided by its norm, if that is not 0."""

    norm: Variant
    size: Dims


class Lookup(Layer, independent=(), generic_over=("keys",)):
    """y = the place of each x among the keys, which ascend, or their number where it is none of them."""

    keys: Weight
