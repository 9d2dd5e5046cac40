"""Attention (`tf_layers::attention`)."""

from __future__ import annotations

from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.kinds import Kind
from onnx2rust.ir.layer import Layer, Record, Size, Variant

KIND = Kind("attention", (62, 70, 150))

_INPUTS = Record.of("attention::AttentionInputs", "query key value keep? mask?")


class Attention(Layer, scratch=True, sizes_in=_INPUTS.path, inputs_in=(_INPUTS,), independent=("batch",)):
    """y = softmax(where(keep, scale · query · keyᵀ, fill) + mask) · value, head by head; heads are read where they lie."""

    heads: int
    key_heads: int
    head_size: int
    value_size: int
    scale: float
    causal: bool
    query: Variant
    key: Variant
    value: Variant
    output: Variant
    keep: Variant | None
    fill: float
    mask: Variant | None
    empty_rows: Variant
    batch: Size
    queries: Size
    keys: Size

    def multiply_adds(self) -> Dim:
        return product((self.batch, self.queries, self.keys)) * (self.heads * (self.head_size + self.value_size))
