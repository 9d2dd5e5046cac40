"""Operators of com.microsoft, which onnxruntime's optimiser writes into models.

Their schemas are those of `onnxruntime/docs/ContribOperators.md`.
"""

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

define(
    OpSchema(
        "BiasGelu",
        MICROSOFT,
        1,
        inputs=[OpSchema.FormalParameter("A", "T"), OpSchema.FormalParameter("B", "T")],
        outputs=[OpSchema.FormalParameter("C", "T")],
        type_constraints=[("T", _FLOATS, "floating-point tensors")],
    ),
    """
        x = Add (A, B)
        double_half = Constant <value = double {0.5}> ()
        double_one = Constant <value = double {1.0}> ()
        double_root = Constant <value = double {1.4142135623730951}> ()
        half = CastLike (double_half, x)
        one = CastLike (double_one, x)
        root = CastLike (double_root, x)
        scaled = Div (x, root)
        erf = Erf (scaled)
        above = Add (one, erf)
        share = Mul (half, above)
        C = Mul (x, share)
    """,
)


@onnx_op("BiasGelu", since=1, domain=MICROSOFT)
def bias_gelu(g: Builder, A: Value, B: Value) -> Value:
    """y = (a + b)·Φ(a + b), with one b for each column of a"""
    if A.rank == 0:
        raise Refuse(f"{A.type} has no columns", invalid=True)
    if B.rank != 1:
        raise Refuse(f"one bias for each column of {A.type} has one axis, not {B.type}", invalid=True)
    g.same(A.shape[-1], B.shape[0], f"columns of {A.type} and biases:")
    return activate(g, binary(g, Add, A, B), "Gelu")
