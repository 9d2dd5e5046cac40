"""Activation functions."""

from __future__ import annotations

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Value
from onnx2rust.layers.activation import Activate, activation
from onnx2rust.registry import onnx_op, reads
from onnx2rust.registry.facts import onnx_facts


def activate(g: Builder, x: Value, name: str, **parameters: float) -> Value:
    """y = name(x) for f32 and f64; other types are refused."""
    g.only(x, DType.F32, DType.F64)
    return g.elementwise(lambda _: Activate(activation(name, **parameters)), [x], x.dtype)


def _simple(op: str, variant: str, *since: int) -> None:
    """An operator without attributes that is a variant of Activation."""

    @onnx_op(op, since=since)
    def lower(g: Builder, x: Value) -> Value:
        return activate(g, x, variant)

    lower.__doc__ = f"y = {variant}(x)"


onnx_facts("Log", "Sqrt", reads={0: reads.POSITIVE})
for _op, _variant, *_since in (
    ("Sigmoid", "Sigmoid", 6, 13),
    ("Tanh", "Tanh", 6, 13),
    ("Softplus", "Softplus", 1, 22),
    ("Softsign", "Softsign", 1, 22),
    ("HardSwish", "HardSwish", 14, 22),
    ("Mish", "Mish", 18, 22),
    ("Exp", "Exp", 6, 13),
    ("Log", "Log", 6, 13),
    ("Erf", "Erf", 9, 13),
    ("Sqrt", "Sqrt", 6, 13),
    ("Reciprocal", "Reciprocal", 6, 13),
    ("Sin", "Sin", 7, 22),
    ("Cos", "Cos", 7, 22),
    ("Tan", "Tan", 7, 22),
    ("Asin", "Asin", 7, 22),
    ("Acos", "Acos", 7, 22),
    ("Atan", "Atan", 7, 22),
    ("Sinh", "Sinh", 9, 22),
    ("Cosh", "Cosh", 9, 22),
    ("Asinh", "Asinh", 9, 22),
    ("Acosh", "Acosh", 9, 22),
    ("Atanh", "Atanh", 9, 22),
    ("Floor", "Floor", 6, 13),
    ("Ceil", "Ceil", 6, 13),
    ("Round", "Round", 11, 22),
):
    _simple(_op, _variant, *_since)


@onnx_op("LeakyRelu", since=(6, 16))
def leaky_relu(g: Builder, x: Value, *, alpha: float = 0.01) -> Value:
    """y = x ≥ 0 ? x : alpha·x"""
    return activate(g, x, "LeakyRelu", alpha=alpha)


@onnx_op("ThresholdedRelu", since=(10, 22))
def thresholded_relu(g: Builder, x: Value, *, alpha: float = 1.0) -> Value:
    """y = x > alpha ? x : 0"""
    return activate(g, x, "ThresholdedRelu", theta=alpha)


@onnx_op("Shrink", since=9)
def shrink(g: Builder, input: Value, *, bias: float = 0.0, lambd: float = 0.5) -> Value:
    """y = x < −lambd ? x + bias : x > lambd ? x − bias : 0"""
    return activate(g, input, "Shrink", **{"lambda": lambd, "bias": bias})


@onnx_op("Elu", since=(6, 22))
def elu(g: Builder, x: Value, *, alpha: float = 1.0) -> Value:
    """y = x ≥ 0 ? x : alpha·(eˣ − 1)"""
    return activate(g, x, "Elu", alpha=alpha)


@onnx_op("Celu", since=(12, 28))
def celu(g: Builder, x: Value, *, alpha: float = 1.0) -> Value:
    """y = max(x, 0) + min(0, alpha·(e^(x/alpha) − 1))"""
    return activate(g, x, "Celu", alpha=alpha)


@onnx_op("Selu", since=(6, 22))
def selu(g: Builder, x: Value, *, alpha: float = 1.6732631921768188, gamma: float = 1.0507010221481323) -> Value:
    """y = gamma·(x > 0 ? x : alpha·(eˣ − 1))"""
    return activate(g, x, "Selu", alpha=alpha, gamma=gamma)


@onnx_op("HardSigmoid", since=(6, 22))
def hard_sigmoid(g: Builder, x: Value, *, alpha: float = 0.2, beta: float = 0.5) -> Value:
    """y = clip(alpha·x + beta, 0, 1)"""
    return activate(g, x, "HardSigmoid", alpha=alpha, beta=beta)


@onnx_op("Gelu", since=20)
def gelu(g: Builder, x: Value, *, approximate: str = "none") -> Value:
    """y = x·Φ(x), exactly or with tanh"""
    if approximate not in ("none", "tanh"):
        raise Refuse(f"approximate={approximate!r}", invalid=True)
    return activate(g, x, "Gelu" if approximate == "none" else "GeluTanh")


@onnx_op("Swish", since=24)
def swish(g: Builder, x: Value, *, alpha: float = 1.0) -> Value:
    """y = x·sigmoid(alpha·x)"""
    return activate(g, x, "Swish", alpha=alpha)
