"""Products of two tensors (`tf_layers::matmul`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.dims import Dim, product
from onnx2rust.ir.layer import Dims, Layer, Size

KIND = kinds.PRODUCT


class Matrices(Layer, rust="", sizes_in="matrices::Matrices"):
    """A product of a [*batch, m, k] and b [*batch, k, n]; the steps say where their elements lie."""

    batch: Dims
    m: Size
    k: Size
    n: Size
    a_batch: Dims
    a_steps: Dims
    b_batch: Dims
    b_steps: Dims

    def multiply_adds(self) -> Dim:
        return product((*self.batch, self.m, self.k, self.n))


class MatMul(Matrices, scratch=True):
    """y = alpha · a · b, f32."""

    alpha: float


class MatMulAny(Matrices):
    """y = a · b of any element type."""
