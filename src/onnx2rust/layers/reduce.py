"""Reductions (`tf_layers::reduce`)."""

from __future__ import annotations

from typing import Annotated

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Keras, Layer, Variant

KIND = kinds.REDUCTION


class Reduce(Layer, independent=("shape",), generic_over=("axes",)):
    """y = x reduced over the marked axes."""

    reduction: Annotated[Variant, Keras("")]
    axes: Annotated[tuple[bool, ...], Keras("axis")]
    shape: Dims

    def keras_name(self) -> str:
        return f"Reduce{self.reduction.name}"

    def by_sample(self, batch: str) -> bool:
        return not self.axes[0] and super().by_sample(batch)


class DynamicReduce(Layer, fallible=True, sized_by=(1,)):
    """Reduce over axes (input 1) that are only known while the model runs."""

    reduction: Annotated[Variant, Keras("")]
    keep: bool
    none_is_none: bool
    shape: Dims
