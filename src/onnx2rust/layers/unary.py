"""Layers of one tensor, element by element (`tf_layers::unary`)."""

from __future__ import annotations

from onnx2rust.ir import kinds
from onnx2rust.ir.layer import Layer

KIND = kinds.ELEMENTWISE


class Unary(Layer, rust="", in_place=(0,), independent=()):
    """y = f(x)"""


class Abs(Unary):
    """|x|"""


class Neg(Unary):
    """−x"""


class Sign(Unary):
    """−1, 0 or 1"""


class ReluAny(Unary, rust="unary::Relu"):
    """max(x, 0) for any type but f32, which has `Activate`"""


class Not(Unary):
    """¬x, of booleans or bit by bit"""


class IsNaN(Layer, independent=()):
    """Whether x is not a number"""


class IsInf(Layer, independent=()):
    """Whether x is infinite"""

    detect_negative: bool
    detect_positive: bool


class Clip(Layer, in_place=(0,), independent=()):
    """min(max(x, low), high); the limits are tensors of one element"""
