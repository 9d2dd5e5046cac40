"""Preparing features and labels as classical models do (`tf_layers::classical`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Layer, Variant, Weight

KIND = kinds.CLASSICAL


@dataclass(frozen=True)
class Normalizer(Layer, rust="classical::Normalizer", in_place=(0,), independent=("size",)):
    """y = each row of x [rows, columns] divided by its norm, if that is not 0."""

    norm: Variant
    size: Dims


@dataclass(frozen=True)
class Lookup(Layer, rust="classical::Lookup", independent=(), generic_over=("keys",)):
    """y = the place of each x among the keys, which ascend, or their number where it is none of them."""

    keys: Weight
