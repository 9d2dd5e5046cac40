"""Layers of two tensors, element by element (`tf_layers::binary`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Layer, Operand
from onnx2rust.ir.shapes import Shape, collapse_broadcast, surely_broadcast

KIND = kinds.ELEMENTWISE


class Binary(
    Layer, rust="", fallible=True, in_place=(0, 1), independent=("a_shape", "b_shape"), input_shapes=("a_shape", "b_shape")
):
    """y = f(a, b); the two shapes have one rank, an axis has one size or is 1 in one of them."""

    a_shape: Dims
    b_shape: Dims

    def fits(self, types: Sequence[Operand]) -> bool:
        return surely_broadcast((self.a_shape, self.b_shape))


class _Divides(Binary, rust=""):
    """Whole numbers are not divided by 0."""

    def fits(self, types: Sequence[Operand]) -> bool:
        return super().fits(types) and all(t.dtype.is_float for t in types)


class Add(Binary):
    """a + b"""


class Sub(Binary, keras="Subtract"):
    """a − b"""


class Mul(Binary, keras="Multiply"):
    """a · b"""


class Div(_Divides):
    """a / b; integers truncate"""


class Max(Binary, keras="Maximum"):
    """max(a, b)"""


class Min(Binary, keras="Minimum"):
    """min(a, b)"""


class Remainder(_Divides):
    """a − b·trunc(a / b)"""


class Modulo(_Divides):
    """a − b·floor(a / b)"""


class PRelu(Binary, keras="PReLU"):
    """a ≥ 0 ? a : a·b"""


class And(Binary):
    """a ∧ b"""


class Or(Binary):
    """a ∨ b"""


class Xor(Binary):
    """a ⊕ b"""


class Pow(Binary, in_place=(0,)):
    """aᵇ"""


class Equal(Binary, in_place=()):
    """a = b"""


class Greater(Binary, in_place=()):
    """a > b"""


class GreaterOrEqual(Binary, in_place=()):
    """a ≥ b"""


class Less(Binary, in_place=()):
    """a < b"""


class LessOrEqual(Binary, in_place=()):
    """a ≤ b"""


class BitShift(Binary):
    """a · 2ᵇ or a / 2ᵇ"""

    left: bool


def broadcasting(layer: Callable[..., Layer], **fields: Any) -> Callable[..., Layer]:
    """Makes the layer for shapes of one rank, collapsed."""

    def make(*shapes: Shape) -> Layer:
        return layer(*collapse_broadcast(shapes), **fields)

    return make
