"""Layers of two tensors, element by element (`tf_layers::binary`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Dims, Layer
from onnx2rust.ir.shapes import Shape, collapse_broadcast, surely_broadcast

if TYPE_CHECKING:
    from onnx2rust.ir.types import TensorType

KIND = kinds.ELEMENTWISE


@dataclass(frozen=True)
class Binary(Layer, fallible=True, in_place=(0, 1), independent=("a_shape", "b_shape"), input_shapes=("a_shape", "b_shape")):
    """y = f(a, b); the two shapes have one rank, an axis has one size or is 1 in one of them."""

    a_shape: Dims
    b_shape: Dims

    def fits(self, types: Sequence[TensorType]) -> bool:
        return surely_broadcast((self.a_shape, self.b_shape))


class _Divides(Binary):
    """Whole numbers are not divided by 0."""

    def fits(self, types: Sequence[TensorType]) -> bool:
        return super().fits(types) and all(t.dtype.is_float for t in types)


@dataclass(frozen=True)
class Add(Binary, rust="binary::Add"):
    """a + b"""


@dataclass(frozen=True)
class Sub(Binary, rust="binary::Sub", keras="Subtract"):
    """a − b"""


@dataclass(frozen=True)
class Mul(Binary, rust="binary::Mul", keras="Multiply"):
    """a · b"""


@dataclass(frozen=True)
class Div(_Divides, rust="binary::Div"):
    """a / b; integers truncate"""


@dataclass(frozen=True)
class Max(Binary, rust="binary::Max", keras="Maximum"):
    """max(a, b)"""


@dataclass(frozen=True)
class Min(Binary, rust="binary::Min", keras="Minimum"):
    """min(a, b)"""


@dataclass(frozen=True)
class Remainder(_Divides, rust="binary::Remainder"):
    """a − b·trunc(a / b)"""


@dataclass(frozen=True)
class Modulo(_Divides, rust="binary::Modulo"):
    """a − b·floor(a / b)"""


@dataclass(frozen=True)
class PRelu(Binary, rust="binary::PRelu"):
    """a ≥ 0 ? a : a·b"""


@dataclass(frozen=True)
class And(Binary, rust="binary::And"):
    """a ∧ b"""


@dataclass(frozen=True)
class Or(Binary, rust="binary::Or"):
    """a ∨ b"""


@dataclass(frozen=True)
class Xor(Binary, rust="binary::Xor"):
    """a ⊕ b"""


@dataclass(frozen=True)
class Pow(Binary, rust="binary::Pow", in_place=(0,)):
    """aᵇ"""


@dataclass(frozen=True)
class Equal(Binary, rust="binary::Equal", in_place=()):
    """a = b"""


@dataclass(frozen=True)
class Greater(Binary, rust="binary::Greater", in_place=()):
    """a > b"""


@dataclass(frozen=True)
class GreaterOrEqual(Binary, rust="binary::GreaterOrEqual", in_place=()):
    """a ≥ b"""


@dataclass(frozen=True)
class Less(Binary, rust="binary::Less", in_place=()):
    """a < b"""


@dataclass(frozen=True)
class LessOrEqual(Binary, rust="binary::LessOrEqual", in_place=()):
    """a ≤ b"""


@dataclass(frozen=True)
class BitShift(Binary, rust="binary::BitShift"):
    """a · 2ᵇ or a / 2ᵇ"""

    left: bool


def broadcasting(layer: Callable[..., Layer], **fields: Any) -> Callable[..., Layer]:
    """Makes the layer for shapes of one rank, collapsed."""

    def make(*shapes: Shape) -> Layer:
        return layer(*collapse_broadcast(shapes), **fields)

    return make
