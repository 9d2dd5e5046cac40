"""Support vector machines (`tf_layers::svm`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.dims import Dim
from onnx2rust.ir.layer import Layer, Size, Variant, Weight

KIND = kinds.CLASSICAL


class SupportVectors(Layer, independent=("rows",)):
    """y [rows, count] = how alike each row of x [rows, columns] is to each vector."""

    columns: int
    kernel: Variant
    vectors: Weight
    rows: Size

    def multiply_adds(self) -> Dim:
        return self.rows * self.vectors.array.size


class PairwiseCoupling(Layer, scratch=True, independent=("rows",)):
    """y [rows, classes] = the probability of each class, from scores [rows, pairs]."""

    classes: int
    prob_a: Weight
    prob_b: Weight
    rows: Size
