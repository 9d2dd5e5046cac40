"""Operators of com.microsoft, which onnxruntime's optimiser writes into models (its docs/ContribOperators.md defines them)."""

from __future__ import annotations

from onnx.defs import OpSchema

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.program import Value
from onnx2rust.layers.binary import Add
from onnx2rust.model.schemas import MICROSOFT, define
from onnx2rust.ops.activation import activate
from onnx2rust.ops.binary import binary
from onnx2rust.registry import onnx_op

_FLOATS = ["tensor(float16)", "tensor(float)", "tensor(double)", "tensor(bfloat16)"]
_Formal = OpSchema.FormalParameter

define(
    OpSchema(
        "BiasGelu",
        MICROSOFT,
        1,
        inputs=[_Formal("A", "T"), _Formal("B", "T")],
        outputs=[_Formal("C", "T")],
        type_constraints=[("T", _FLOATS, "")],
    ),
    """
    x = Add(A, B)
    c = Constant <value_float = 2.0> ()  two = CastLike(c, x)  root = Sqrt(two)  one = Div(two, two)
    scaled = Div(x, root)  erf = Erf(scaled)  factor = Add(one, erf)  half = Div(x, two)  C = Mul(half, factor)
    """,
)


@onnx_op("BiasGelu", since=1, domain=MICROSOFT)
def bias_gelu(g: Builder, A: Value, B: Value) -> Value:
    """y = gelu(a + b) with erf; b [n] is added along the last axis of a [.., n]"""
    if A.rank == 0 or B.rank != 1:
        raise Refuse(f"a bias has one axis, that of the last one of A, not {B.type} for {A.type}", invalid=True)
    g.same(A.shape[-1], B.shape[0], "the sizes of A's last axis and of the bias")
    return activate(g, binary(g, Add, A, B), "Gelu")
