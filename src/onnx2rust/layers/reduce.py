"""Reductions (`tf_layers::reduce`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Layer, Variant

KIND = kinds.REDUCTION


class Reduce(Layer, independent=("shape",), generic_over=("axes",)):
    """y = x reduced over the marked axes."""

    reduction: Variant
    axes: tuple[bool, ...]
    shape: Dims

    def by_sample(self, batch: str) -> bool:
        return not self.axes[0] and super().by_sample(batch)


class DynamicReduce(Layer, fallible=True, sized_by=(1,)):
    """Reduce over axes (input 1) that are only known while the model runs."""

    reduction: Variant
    keep: bool
    none_is_none: bool
    shape: Dims
