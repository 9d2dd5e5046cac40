"""Layers that choose between tensors (`tf_layers::select`)."""

from __future__ import annotations

from collections.abc import Sequence

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Layer, Operand, Record
from onnx2rust.ir.shapes import surely_broadcast

KIND = kinds.ELEMENTWISE


_CHOICE = Record.of("select::WhereInputs", "condition a b")


class Where(Layer, fallible=True, inputs_in=(_CHOICE,), input_shapes=("condition_shape", "a_shape", "b_shape")):
    """y = condition ? a : b, broadcast"""

    condition_shape: Dims
    a_shape: Dims
    b_shape: Dims

    def fits(self, types: Sequence[Operand]) -> bool:
        return surely_broadcast((self.condition_shape, self.a_shape, self.b_shape))
