"""Layers of one tensor, element by element (`tf_layers::unary`)."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Layer

KIND = kinds.ELEMENTWISE


@dataclass(frozen=True)
class Unary(Layer, in_place=(0,), independent=()):
    """y = f(x)"""


@dataclass(frozen=True)
class Abs(Unary, rust="unary::Abs"):
    """|x|"""


@dataclass(frozen=True)
class Neg(Unary, rust="unary::Neg"):
    """−x"""


@dataclass(frozen=True)
class Sign(Unary, rust="unary::Sign"):
    """−1, 0 or 1"""


@dataclass(frozen=True)
class ReluAny(Unary, rust="unary::Relu"):
    """max(x, 0) for any type but f32, which has `Activate`"""


@dataclass(frozen=True)
class Not(Unary, rust="unary::Not"):
    """¬x, of booleans or bit by bit"""


@dataclass(frozen=True)
class IsNaN(Layer, rust="unary::IsNaN", independent=()):
    """Whether x is not a number"""


@dataclass(frozen=True)
class IsInf(Layer, rust="unary::IsInf", independent=()):
    """Whether x is infinite"""

    detect_negative: bool
    detect_positive: bool


@dataclass(frozen=True)
class Clip(Layer, rust="unary::Clip", in_place=(0,), independent=()):
    """min(max(x, low), high); the limits are tensors of one element"""
