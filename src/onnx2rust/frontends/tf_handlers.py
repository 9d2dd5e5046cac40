"""TensorFlow operators that tf2onnx does not know, or gets wrong, expressed in ONNX.

Importing this module registers nothing; `register()` does, once. Each handler states the identity it uses.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
from onnx import TensorProto
from tf2onnx import handler, utils
from tf2onnx.optimizer import transpose_optimizer
from tf2onnx.tflite_handlers import tfl_math

Context = Any  # tf2onnx.graph.Graph
Node = Any  # tf2onnx.graph.Node


def _constant(ctx: Context, node: Node, array: np.ndarray[Any, Any]) -> str:
    return str(ctx.make_const(utils.make_name(node.name), array).output[0])


def _number(ctx: Context, node: Node, value: float) -> str:
    """A number of the type of the node's first input."""
    return _constant(ctx, node, np.array(value, dtype=utils.map_onnx_to_numpy_type(ctx.get_dtype(node.input[0]))))


def _make(ctx: Context, node: Node, op: str, *inputs: str, **attributes: Any) -> str:
    """What a new operator in the scope of `node` computes."""
    return str(ctx.make_node(op, list(inputs), attr=attributes, op_name_scope=node.name).output[0])


def _replace(ctx: Context, node: Node, op: str, *inputs: str, domain: str = "", **attributes: Any) -> None:
    """Let the last operator of the expansion take the place, name and output of `node`."""
    shapes, dtypes = node.output_shapes, node.output_dtypes
    outputs, name = node.output, node.name
    ctx.remove_node(name)
    ctx.make_node(op, list(inputs), attributes, outputs=outputs, name=name, shapes=shapes, dtypes=dtypes, domain=domain)


class _Erfc:
    """erfc(x) = 1 − erf(x). Absolute error as erf's; large relative error for x > 2, as all ONNX has is Erf."""

    @classmethod
    def version_9(cls, ctx: Context, node: Node, **kwargs: Any) -> None:
        one = _number(ctx, node, 1.0)
        _replace(ctx, node, "Sub", one, _make(ctx, node, "Erf", node.input[0]))


class _Expm1:
    """expm1(x) = tanh(x/2) · (exp(x) + 1): no cancellation near 0, right at ±∞."""

    @classmethod
    def version_9(cls, ctx: Context, node: Node, **kwargs: Any) -> None:
        x, make = node.input[0], partial(_make, ctx, node)
        tanh = make("Tanh", make("Mul", x, _number(ctx, node, 0.5)))
        plus = make("Add", make("Exp", x), _number(ctx, node, 1.0))
        _replace(ctx, node, "Mul", tanh, plus)


class _Log1p:
    """log1p(x), Kahan's form: with u = 1 + x, x·log(u)/(u − 1) where |x| < ½ (x itself where u = 1), log(u) elsewhere.

    W. Kahan's trick makes the rounding errors of u in log(u) and in u − 1 cancel (HP-15C Advanced Functions, 1982).
    """

    @classmethod
    def version_9(cls, ctx: Context, node: Node, **kwargs: Any) -> None:
        x, make, number = node.input[0], partial(_make, ctx, node), partial(_number, ctx, node)
        one = number(1.0)
        u = make("Add", x, one)
        log = make("Log", u)
        rest = make("Sub", u, one)
        exact = make("Equal", rest, number(0.0))
        safe = make("Where", exact, one, rest)
        kahan = make("Where", exact, x, make("Mul", log, make("Div", x, safe)))
        small = make("Less", make("Abs", x), number(0.5))
        _replace(ctx, node, "Where", small, kahan, log)


class _Bucketize:
    """bucketize(x)[i] = number of boundaries ≤ x[i]: compare with all boundaries, sum (Keras `Discretization`)."""

    @classmethod
    def version_13(cls, ctx: Context, node: Node, **kwargs: Any) -> None:
        x, make = node.input[0], partial(_make, ctx, node)
        if ctx.get_dtype(x) != TensorProto.FLOAT:
            x = make("Cast", x, to=TensorProto.FLOAT)
        axis = _constant(ctx, node, np.array([-1], dtype=np.int64))
        edges = _constant(ctx, node, np.array(node.get_attr_value("boundaries"), dtype=np.float32))
        above = make("GreaterOrEqual", make("Unsqueeze", x, axis), edges)
        _replace(ctx, node, "ReduceSum", make("Cast", above, to=TensorProto.INT32), axis, keepdims=0)


class _Bitcast:
    """Keras finds negative zeros with `bitcast(x, int32) & INT_MIN < 0`: only that sign test can be expressed.

    The bits become INT_MIN where x < 0 or 1/x < 0 (x = −0), else 0; the sign of a NaN is lost.
    """

    @classmethod
    def version_13(cls, ctx: Context, node: Node, **kwargs: Any) -> None:
        lowest = np.iinfo(np.int32).min
        for user in ctx.find_output_consumers(node.output[0]):
            masks = [i.get_tensor_value(as_list=False) for i in user.inputs if i.is_const()]
            sign_test = user.type == "BitwiseAnd" and len(masks) == 1 and (masks[0] == lowest).all()
            utils.make_sure(sign_test, "only the test of a sign bit can be expressed")
        dtypes = (ctx.get_dtype(node.input[0]), ctx.get_dtype(node.output[0]))
        utils.make_sure(dtypes == (TensorProto.FLOAT, TensorProto.INT32), "only float32 to int32")
        x, make = node.input[0], partial(_make, ctx, node)
        zero = _number(ctx, node, 0.0)
        negative = make("Or", make("Less", x, zero), make("Less", make("Reciprocal", x), zero))
        mask = _constant(ctx, node, np.array(lowest, np.int32))
        _replace(ctx, node, "Mul", make("Cast", negative, to=TensorProto.INT32), mask)


class _Resize:
    """Channels-last resize: transpose, `Resize` of the two image axes to given *sizes*, transpose back.

    tf2onnx gives scales instead, and floor(5 · 1.4f) is 6 to some readers and 7 to others. The attribute `axes` would
    spare the shape arithmetic, but onnxruntime 1.32 loses the sizes when it moves a transpose through such a Resize.
    """

    @classmethod
    def version_18(cls, ctx: Context, node: Node, **kwargs: Any) -> None:
        kind = node.type.removeprefix("Resize")
        corners = "align_corners" in node.attr and node.attr["align_corners"].i
        centers = "half_pixel_centers" in node.attr and node.attr["half_pixel_centers"].i
        coordinates = "align_corners" if corners else "half_pixel" if centers else "asymmetric"
        attributes: dict[str, Any] = {"coordinate_transformation_mode": coordinates}
        if kind == "Bicubic":
            attributes |= {"mode": "cubic", "cubic_coeff_a": -0.5, "exclude_outside": 1}
        elif kind == "Bilinear":
            attributes["mode"] = "linear"
        else:
            # with centers, TensorFlow takes floor((i + ½) · scale): the half-pixel coordinate (½ less), rounded half up
            attributes |= {"mode": "nearest", "nearest_mode": "round_prefer_ceil" if corners or centers else "floor"}
        make = partial(_make, ctx, node)
        if node.inputs[1].is_const():
            sizes = _constant(ctx, node, np.array(node.inputs[1].get_tensor_value(as_list=False), dtype=np.int64))
        else:
            sizes = make("Cast", node.input[1], to=TensorProto.INT64)
        first = make("Transpose", node.input[0], perm=[0, 3, 1, 2])
        sizes = make("Concat", make("Shape", first, start=0, end=2), sizes, axis=0)
        resized = make("Resize", first, "", "", sizes, **attributes)
        if kind != "NearestNeighbor" and ctx.get_dtype(node.input[0]) != ctx.get_dtype(node.output[0]):
            resized = make("Cast", resized, to=ctx.get_dtype(node.output[0]))
        _replace(ctx, node, "Transpose", resized, perm=[0, 2, 3, 1])


class _ResizeArea:
    """tf2onnx turns area interpolation into nearest, which gives other numbers: refuse."""

    @classmethod
    def version_11(cls, ctx: Context, node: Node, **kwargs: Any) -> None:
        utils.make_sure(False, "area interpolation cannot be expressed; bilinear can")


class _Lookup:
    """Hash table lookup: `ai.onnx.ml.LabelEncoder`, for any pair of string, int64 and float."""

    @classmethod
    def version_8(cls, ctx: Context, node: Node, initialized_tables: dict[bytes, Any], **kwargs: Any) -> None:
        table = node.inputs[0]
        while table.type == "Identity":
            table = table.inputs[0]
        name = table.get_attr_value("shared_name")
        utils.make_sure(name in initialized_tables, "the contents of its table cannot be found")
        utils.make_sure(node.inputs[2].is_const(), "its default value is computed")
        types = {TensorProto.STRING: "string", TensorProto.INT64: "int64", TensorProto.FLOAT: "float"}
        key, value = ctx.get_dtype(node.input[1]), ctx.get_dtype(node.output[0])
        utils.make_sure(key in types and value in types, "only string, int64 and float tables can be expressed")
        keys, values = initialized_tables[name]
        order = np.argsort(keys)  # tables have no order: make one
        attributes = {
            f"keys_{types[key]}s": list(keys[order]),
            f"values_{types[value]}s": list(values[order]),
            f"default_{types[value]}": node.inputs[2].get_tensor_value(),
        }
        _replace(ctx, node, "LabelEncoder", node.input[1], domain="ai.onnx.ml", **attributes)


class _FullyConnected(tfl_math.TflFullyConnectedOp):  # type: ignore[misc]  # tf2onnx has no types
    """TFLite FULLY_CONNECTED: tf2onnx drops the bias when keep_num_dims = 0 and the input is not of rank 2.

    Flattening the input first, as the operator is specified to do, leaves the stock handler a case it gets right.
    """

    @classmethod
    def to_tf(cls, ctx: Context, node: Node, **kwargs: Any) -> None:
        if node.attr["keep_num_dims"].i == 0 and ctx.get_rank(node.input[0]) != 2:
            columns = ctx.get_shape(node.input[1])[1]
            utils.make_sure(columns > 0, "weights of %s must have a known shape", node.name)
            shape = _constant(ctx, node, np.array([-1, columns], np.int64))
            flat = ctx.make_node("Reshape", [node.input[0], shape], op_name_scope=node.name)
            flat.skip_conversion = True
            ctx.set_shape(flat.output[0], [-1, columns])
            ctx.set_dtype(flat.output[0], ctx.get_dtype(node.input[0]))
            ctx.replace_input(node, node.input[0], flat.output[0], input_index=0)
        super().to_tf(ctx, node, **kwargs)


class _Range:
    """`Range` of three numbers of one type: another handler may have made an int64 of a size that TensorFlow counts in int32."""

    @classmethod
    def version_11(cls, ctx: Context, node: Node, **kwargs: Any) -> None:
        wanted = ctx.get_dtype(node.output[0])
        for position, name in enumerate(list(node.input)):
            if ctx.get_dtype(name) != wanted:
                ctx.replace_input(node, name, _make(ctx, node, "Cast", name, to=wanted), input_index=position)


_merge_bias = transpose_optimizer.TransposeOptimizer._add_handler


def _add_handler(self: Any, trans: Node, node: Node) -> Any:
    """tf2onnx makes the constant behind a convolution its bias, and fails where that is a single number (`hard_swish` adds 3)."""
    constant = node.inputs[1]
    if constant.is_const() and constant.get_tensor_value(as_list=False).size == 1:
        return self._handle_node_having_branches(trans, node)
    return _merge_bias(self, trans, node)


@cache
def register() -> None:
    """Make tf2onnx use the handlers of this module (for the whole process)."""
    handler.tf_op("Erfc")(_Erfc)
    handler.tf_op("Expm1")(_Expm1)
    handler.tf_op("Log1p")(_Log1p)
    handler.tf_op("Bucketize")(_Bucketize)
    handler.tf_op("Bitcast")(_Bitcast)
    handler.tf_op(["ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic"])(_Resize)
    handler.tf_op("ResizeArea")(_ResizeArea)
    handler.tf_op("LookupTableFindV2")(_Lookup)
    handler.tf_op("Range")(_Range)
    transpose_optimizer.TransposeOptimizer._add_handler = _add_handler
    handler.tfl_op(["TFL_FULLY_CONNECTED"])(_FullyConnected)
