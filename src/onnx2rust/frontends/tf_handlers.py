"""TensorFlow operators that tf2onnx does not know, or gets wrong, expressed in ONNX.

Importing this module registers nothing; `register()` does, once. Each handler states the identity it uses.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from tf2onnx import handler, utils
from tf2onnx.tflite_handlers import tfl_math

Context = Any  # tf2onnx.graph.Graph
Node = Any  # tf2onnx.graph.Node


def _const(ctx: Context, node: Node, value: float) -> str:
    dtype = utils.map_onnx_to_numpy_type(ctx.get_dtype(node.input[0]))
    name = utils.make_name(node.name)
    return str(ctx.make_const(name, np.array(value, dtype=dtype)).output[0])


def _replace(ctx: Context, node: Node, op: str, inputs: list[str]) -> None:
    """Let the last operator of the expansion take the place, name and output of `node`."""
    shapes, dtypes = node.output_shapes, node.output_dtypes
    outputs, name = node.output, node.name
    ctx.remove_node(name)
    ctx.make_node(op, inputs, outputs=outputs, name=name, shapes=shapes, dtypes=dtypes)


class _Erfc:
    """erfc(x) = 1 − erf(x). Absolute error as erf's; large relative error for x > 2, as all ONNX has is Erf."""

    @classmethod
    def version_9(cls, ctx: Context, node: Node, **kwargs: Any) -> None:
        one = _const(ctx, node, 1.0)
        erf = ctx.make_node("Erf", [node.input[0]], op_name_scope=node.name).output[0]
        _replace(ctx, node, "Sub", [one, erf])


class _Expm1:
    """expm1(x) = tanh(x/2) · (exp(x) + 1): no cancellation near 0, right at ±∞."""

    @classmethod
    def version_9(cls, ctx: Context, node: Node, **kwargs: Any) -> None:
        x, scope = node.input[0], node.name
        half = ctx.make_node("Mul", [x, _const(ctx, node, 0.5)], op_name_scope=scope).output[0]
        tanh = ctx.make_node("Tanh", [half], op_name_scope=scope).output[0]
        exp = ctx.make_node("Exp", [x], op_name_scope=scope).output[0]
        plus = ctx.make_node("Add", [exp, _const(ctx, node, 1.0)], op_name_scope=scope).output[0]
        _replace(ctx, node, "Mul", [tanh, plus])


class _Log1p:
    """log1p(x), Kahan's form: with u = 1 + x, x·log(u)/(u − 1) where |x| < ½ (x itself where u = 1), log(u) elsewhere.

    W. Kahan's trick makes the rounding errors of u in log(u) and in u − 1 cancel (HP-15C Advanced Functions, 1982).
    """

    @classmethod
    def version_9(cls, ctx: Context, node: Node, **kwargs: Any) -> None:
        x, scope = node.input[0], node.name

        def make(op: str, *inputs: str) -> str:
            return str(ctx.make_node(op, list(inputs), op_name_scope=scope).output[0])

        one = _const(ctx, node, 1.0)
        u = make("Add", x, one)
        log = make("Log", u)
        rest = make("Sub", u, one)
        exact = make("Equal", rest, _const(ctx, node, 0.0))
        safe = make("Where", exact, one, rest)
        kahan = make("Where", exact, x, make("Mul", log, make("Div", x, safe)))
        small = make("Less", make("Abs", x), _const(ctx, node, 0.5))
        _replace(ctx, node, "Where", [small, kahan, log])


class _Bucketize:
    """bucketize(x)[i] = number of boundaries ≤ x[i]: compare with all boundaries, sum (Keras `Discretization`)."""

    @classmethod
    def version_13(cls, ctx: Context, node: Node, **kwargs: Any) -> None:
        from onnx import TensorProto

        boundaries = np.array(node.get_attr_value("boundaries"), dtype=np.float32)
        scope = node.name
        x = node.input[0]
        if ctx.get_dtype(x) != TensorProto.FLOAT:
            x = ctx.make_node("Cast", [x], attr={"to": TensorProto.FLOAT}, op_name_scope=scope).output[0]
        axis = ctx.make_const(utils.make_name(scope), np.array([-1], dtype=np.int64)).output[0]
        column = ctx.make_node("Unsqueeze", [x, axis], op_name_scope=scope).output[0]
        edges = ctx.make_const(utils.make_name(scope), boundaries).output[0]
        above = ctx.make_node("GreaterOrEqual", [column, edges], op_name_scope=scope).output[0]
        ones = ctx.make_node("Cast", [above], attr={"to": TensorProto.INT32}, op_name_scope=scope).output[0]
        shapes, dtypes, outputs = node.output_shapes, node.output_dtypes, node.output
        ctx.remove_node(scope)
        ctx.make_node("ReduceSum", [ones, axis], attr={"keepdims": 0}, outputs=outputs, name=scope, shapes=shapes, dtypes=dtypes)  # fmt: skip


class _FullyConnected(tfl_math.TflFullyConnectedOp):  # type: ignore[misc]
    """TFLite FULLY_CONNECTED: tf2onnx drops the bias when keep_num_dims = 0 and the input is not of rank 2.

    Flattening the input first, as the operator is specified to do, leaves the stock handler a case it gets right.
    """

    @classmethod
    def to_tf(cls, ctx: Context, node: Node, **kwargs: Any) -> None:
        if node.attr["keep_num_dims"].i == 0 and ctx.get_rank(node.input[0]) != 2:
            columns = ctx.get_shape(node.input[1])[1]
            utils.make_sure(columns > 0, "weights of %s must have a known shape", node.name)
            shape = ctx.make_const(utils.make_name(node.name), np.array([-1, columns], np.int64)).output[0]
            flat = ctx.make_node("Reshape", [node.input[0], shape], op_name_scope=node.name)
            flat.skip_conversion = True
            ctx.set_shape(flat.output[0], [-1, columns])
            ctx.set_dtype(flat.output[0], ctx.get_dtype(node.input[0]))
            ctx.replace_input(node, node.input[0], flat.output[0], input_index=0)
        super().to_tf(ctx, node, **kwargs)


@cache
def register() -> None:
    """Make tf2onnx use the handlers of this module (for the whole process)."""
    handler.tf_op("Erfc")(_Erfc)
    handler.tf_op("Expm1")(_Expm1)
    handler.tf_op("Log1p")(_Log1p)
    handler.tf_op("Bucketize")(_Bucketize)
    handler.tfl_op(["TFL_FULLY_CONNECTED"])(_FullyConnected)
