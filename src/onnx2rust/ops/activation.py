"""Activation functions."""

from __future__ import annotations

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Value
from onnx2rust.layers.activation import Activate, activation
from onnx2rust.registry import onnx_op, reads
from onnx2rust.registry.facts import Ranks, onnx_facts


def activate(g: Builder, x: Value, name: str, **parameters: float) -> Value:
    """y = name(x) for f32 and f64; other types are refused."""
    g.only(x, DType.F32, DType.F64)
    return g.elementwise(lambda _: Activate(activation(name, **parameters)), [x], x.dtype)


def _simple(op: str, *since: int) -> None:
    """An operator without attributes that is a variant of Activation, of the same name."""

    @onnx_op(op, since=since, ranks=Ranks.EACH)
    def lower(g: Builder, x: Value) -> Value:
        return activate(g, x, op)

    lower.__doc__ = f"y = {op}(x)"


onnx_facts("Log", "Sqrt", reads={0: reads.POSITIVE})
for _ops, *_since in (
    ("Sigmoid Tanh Exp Log Sqrt Reciprocal Floor Ceil", 6, 13),
    ("Sin Cos Tan Asin Acos Atan", 7, 22),
    ("Sinh Cosh Asinh Acosh Atanh", 9, 22),
    ("Softplus Softsign", 1, 22),
    ("Erf", 9, 13),
    ("Round", 11, 22),
    ("HardSwish", 14, 22),
    ("Mish", 18, 22),
):
    for _op in _ops.split():
        _simple(_op, *_since)


@onnx_op("LeakyRelu", since=(6, 16), ranks=Ranks.EACH)
def leaky_relu(g: Builder, x: Value, *, alpha: float = 0.01) -> Value:
    """y = x ≥ 0 ? x : alpha·x"""
    return activate(g, x, "LeakyRelu", alpha=alpha)


@onnx_op("ThresholdedRelu", since=(10, 22), ranks=Ranks.EACH)
def thresholded_relu(g: Builder, x: Value, *, alpha: float = 1.0) -> Value:
    """y = x > alpha ? x : 0"""
    return activate(g, x, "ThresholdedRelu", theta=alpha)


@onnx_op("Shrink", since=9, ranks=Ranks.EACH)
def shrink(g: Builder, input: Value, *, bias: float = 0.0, lambd: float = 0.5) -> Value:
    """y = x < −lambd ? x + bias : x > lambd ? x − bias : 0"""
    return activate(g, input, "Shrink", **{"lambda": lambd, "bias": bias})


@onnx_op("Elu", since=(6, 22), ranks=Ranks.EACH)
def elu(g: Builder, x: Value, *, alpha: float = 1.0) -> Value:
    """y = x ≥ 0 ? x : alpha·(eˣ − 1)"""
    return activate(g, x, "Elu", alpha=alpha)


@onnx_op("Celu", since=(12, 28), ranks=Ranks.EACH)
def celu(g: Builder, x: Value, *, alpha: float = 1.0) -> Value:
    """y = max(x, 0) + min(0, alpha·(e^(x/alpha) − 1))"""
    return activate(g, x, "Celu", alpha=alpha)


@onnx_op("Selu", since=(6, 22), ranks=Ranks.EACH)
def selu(g: Builder, x: Value, *, alpha: float = 1.6732631921768188, gamma: float = 1.0507010221481323) -> Value:
    """y = gamma·(x > 0 ? x : alpha·(eˣ − 1))"""
    return activate(g, x, "Selu", alpha=alpha, gamma=gamma)


@onnx_op("HardSigmoid", since=(6, 22), ranks=Ranks.EACH)
def hard_sigmoid(g: Builder, x: Value, *, alpha: float = 0.2, beta: float = 0.5) -> Value:
    """y = clip(alpha·x + beta, 0, 1)"""
    return activate(g, x, "HardSigmoid", alpha=alpha, beta=beta)


@onnx_op("Gelu", since=20, ranks=Ranks.EACH)
def gelu(g: Builder, x: Value, *, approximate: str = "none") -> Value:
    """y = x·Φ(x), exactly or with tanh"""
    if approximate not in ("none", "tanh"):
        raise Refuse(f"approximate={approximate!r}", invalid=True)
    return activate(g, x, "Gelu" if approximate == "none" else "GeluTanh")


@onnx_op("Swish", since=24, ranks=Ranks.EACH)
def swish(g: Builder, x: Value, *, alpha: float = 1.0) -> Value:
    """y = x·sigmoid(alpha·x)"""
    return activate(g, x, "Swish", alpha=alpha)
