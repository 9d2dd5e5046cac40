"""Forms of operators that quantise, move data, make it, or decide what runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from cases import floats, ints, node
from forms import BOOL, I8, I32, U8, Form, Forms, model, scalar, setting, vector
from onnx import TensorProto, helper, numpy_helper

# -- quantisation ------------------------------------------------------------------------------------------------------


@model("QuantizeLinear")
def _quantize(op: str, version: int) -> Forms:
    x = floats(2, 3, 8, low=-40, high=40)
    known = {"s": scalar(0.3), "z": scalar(7, U8)}
    yield Form([node(op, "x", "s", "z")], {"x": x}, known)
    yield Form([node(op, "x", "s")], {"x": x}, {"s": scalar(0.3)})
    if version >= 13:
        axis = {"s": floats(3, low=0.1), "z": ints(3, low=-9, high=9, dtype=I8)}
        yield Form([node(op, "x", "s", "z", axis=1)], {"x": x}, axis)
    if version >= 21:
        blocks = {"s": floats(2, 3, 2, low=0.1), "z": ints(2, 3, 2, low=0, high=255, dtype=U8)}
        yield Form([node(op, "x", "s", "z", axis=2, block_size=4)], {"x": x}, blocks, fixed=True)
        yield Form([node(op, "x", "s", output_dtype=TensorProto.INT16)], {"x": x}, {"s": scalar(0.01)})


@model("DequantizeLinear")
def _dequantize(op: str, version: int) -> Forms:
    x = ints(2, 3, 8, low=0, high=255, dtype=U8)
    yield Form([node(op, "x", "s", "z")], {"x": x}, {"s": scalar(0.3), "z": scalar(7, U8)})
    yield Form([node(op, "x", "s")], {"x": ints(5, dtype=I32)}, {"s": scalar(0.3)})
    if version >= 13:
        yield Form([node(op, "x", "s", axis=1)], {"x": x}, {"s": floats(3, low=0.1)})
    if version >= 21:
        yield Form([node(op, "x", "s", axis=2, block_size=4)], {"x": x}, {"s": floats(2, 3, 2, low=0.1)}, fixed=True)


@model("DynamicQuantizeLinear")
def _dynamic(op: str, version: int) -> Forms:
    yield Form([node(op, "x", into=["y", "s", "z"])], {"x": floats(3, 4)}, {}, ("y", "s", "z"))


# -- movement ----------------------------------------------------------------------------------------------------------


@model("Concat")
def _concat(op: str, version: int) -> Forms:
    yield Form([node(op, "x", "b", axis=1)], {"x": floats(2, 3, 4)}, {"b": floats(2, 1, 4)}, fixed=True)
    yield Form([node(op, "x", "x", "x", axis=2 if version < 11 else -1)], {"x": floats(2, 3, 4)})


@model("Split")
def _split(op: str, version: int) -> Forms:
    into = ("y", "z")
    inputs, known, attributes = setting("split", vector(1, 4), version >= 13)
    yield Form([node(op, "x", *inputs, into=into, axis=1, **attributes)], {"x": floats(2, 5)}, known, into)
    halves = {"num_outputs": 2} if version >= 18 else {}
    yield Form([node(op, "x", into=into, axis=1, **halves)], {"x": floats(2, 6)}, {}, into)
    if version >= 18:
        yield Form([node(op, "x", into=into, axis=-1, **halves)], {"x": floats(2, 5)}, {}, into)


@model("Squeeze", "Unsqueeze")
def _squeeze(op: str, version: int) -> Forms:
    x = floats(2, 1, 3, 1) if op == "Squeeze" else floats(2, 3)
    for axes in (vector(1, 3), vector(1, -1)):
        if version >= 11 or axes.min() >= 0:
            inputs, known, attributes = setting("axes", axes, version >= 13)
            yield Form([node(op, "x", *inputs, **attributes)], {"x": x}, known)
    if op == "Squeeze":
        yield Form([node(op, "x")], {"x": x}, fixed=True)


@model("Slice")
def _slice(op: str, version: int) -> Forms:
    x, far = floats(4, 5, 6), 2**31 - 1
    if version < 10:
        yield Form([node(op, "x", axes=[1, 2], starts=[1, -4], ends=[-1, far])], {"x": x})
        yield Form([node(op, "x", starts=[0, 1], ends=[far, 4])], {"x": x})
        return
    known = {"starts": vector(1, -1), "ends": vector(2**63 - 1, -far), "axes": vector(1, 2), "steps": vector(2, -2)}
    yield Form([node(op, "x", *known)], {"x": x}, known)
    yield Form([node(op, "x", "starts", "ends")], {"x": x, "starts": vector(0, 1), "ends": vector(3, -1)}, fixed=True)


@model("Pad")
def _pad(op: str, version: int) -> Forms:
    x, pads = floats(2, 3, 4), vector(0, 1, 2, 0, 0, 1)
    for mode in ["constant", "reflect", "edge"] + ["wrap"] * (version >= 19):
        inputs, known, attributes = setting("pads", pads, version >= 11)
        yield Form([node(op, "x", *inputs, mode=mode, **attributes)], {"x": x}, known)
    if version < 11:
        yield Form([node(op, "x", pads=pads.tolist(), value=0.5)], {"x": x})
        return
    yield Form([node(op, "x", "pads", "value")], {"x": x}, {"pads": pads, "value": scalar(0.5)})
    if version >= 18:
        yield Form([node(op, "x", "pads", "", "axes")], {"x": x}, {"pads": vector(1, 2), "axes": vector(-1)})


@model("Reshape")
def _reshape(op: str, version: int) -> Forms:
    yield Form([node(op, "x", "s")], {"x": floats(2, 3, 4)}, {"s": vector(0, -1, 2)})
    yield Form([node(op, "x", "s")], {"x": floats(2, 3, 4), "s": vector(4, -1)}, fixed=True)
    if version >= 14:
        yield Form([node(op, "x", "s", allowzero=1)], {"x": floats(0, 3)}, {"s": vector(3, 0)}, fixed=True)


@model("Flatten")
def _flatten(op: str, version: int) -> Forms:
    for axis in [0, 1, 2] + [-1] * (version >= 11):
        yield Form([node(op, "x", axis=axis)], {"x": floats(2, 3, 4)})


@model("Transpose")
def _transpose(op: str, version: int) -> Forms:
    yield Form([node(op, "x")], {"x": floats(2, 3, 4)})
    yield Form([node(op, "x", perm=[1, 2, 0])], {"x": ints(2, 3, 4)})


@model("Gather")
def _gather(op: str, version: int) -> Forms:
    low = -5 if version >= 11 else 0
    yield Form([node(op, "x", "i", axis=1)], {"x": floats(2, 5), "i": ints(3, 2, low=low, high=5)})
    yield Form([node(op, "w", "x")], {"x": ints(4, low=low, high=5, dtype=I32)}, {"w": floats(5, 3)})


@model("GatherND")
def _gather_nd(op: str, version: int) -> Forms:
    yield Form([node(op, "x", "i")], {"x": floats(4, 5, 2), "i": ints(3, 2, low=0, high=4)})
    if version >= 12:
        yield Form([node(op, "x", "i", batch_dims=1)], {"x": floats(2, 5, 3), "i": ints(2, 4, 1, low=0, high=5)}, fixed=True)


@model("ScatterND")
def _scatter_nd(op: str, version: int) -> Forms:
    inputs = {"x": floats(4, 5), "i": vector(3, 0).reshape(2, 1), "u": floats(2, 5)}
    for reduction in ["none"] + ["add", "mul"] * (version >= 16) + ["max", "min"] * (version >= 18):
        options = {} if reduction == "none" else {"reduction": reduction}
        yield Form([node(op, "x", "i", "u", **options)], inputs)


@model("Expand")
def _expand(op: str, version: int) -> Forms:
    yield Form([node(op, "x", "s")], {"x": floats(3, 1)}, {"s": vector(2, 1, 4)})
    yield Form([node(op, "x", "s")], {"x": floats(3, 1), "s": vector(3, 4)}, fixed=True)


@model("Tile")
def _tile(op: str, version: int) -> Forms:
    yield Form([node(op, "x", "r")], {"x": floats(2, 3)}, {"r": vector(2, 3)})
    yield Form([node(op, "x", "r")], {"x": floats(2, 3), "r": vector(1, 2)}, fixed=True)


@model("Shape")
def _shape(op: str, version: int) -> Forms:
    yield Form([node(op, "x")], {"x": floats(2, 3, 4)})
    if version >= 15:
        yield Form([node(op, "x", start=-2, end=3)], {"x": floats(2, 3, 4)})


@model("Range")
def _range(op: str, version: int) -> Forms:
    for dtype in (np.float32, np.int64):
        yield Form([node(op, "x", "b", "c")], {"x": scalar(1, dtype), "b": scalar(9, dtype), "c": scalar(3, dtype)}, fixed=True)


@model("Constant", "ConstantOfShape")
def _constant(op: str, version: int) -> Forms:
    value = numpy_helper.from_array(np.array([3], np.float32))
    if op == "ConstantOfShape":
        yield Form([node(op, "x", value=value)], {"x": vector(2, 3)}, fixed=True)
        yield Form([node("Shape", "x", into=["s"]), node(op, "s")], {"x": floats(2, 3)})
        return
    made: list[dict[str, Any]] = [{"value": value}]
    if version >= 12:
        made += [{"value_float": 0.5}, {"value_floats": [1.0, 2.0, 3.0]}]
    for options in made:
        yield Form([node(op, into=["c"], **options), node("Add", "x", "c")], {"x": floats(2, 3)})


# -- control flow ------------------------------------------------------------------------------------------------------


def _info(name: str, kind: int = TensorProto.FLOAT, shape: Any = (2, 3)) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


@model("If")
def _if(op: str, version: int) -> Forms:
    branches = [helper.make_graph([node(o, "x", into=[o])], o, [], [_info(o)]) for o in ("Neg", "Exp")]
    for condition in (True, False):
        made = node(op, "c", then_branch=branches[0], else_branch=branches[1])
        yield Form([made], {"x": floats(2, 3), "c": scalar(condition, BOOL)}, fixed=True)


@model("Loop")
def _loop(op: str, version: int) -> Forms:
    nodes = [
        node("Add", "s", "x", into=["t"]),
        node("Identity", "go", into=["still"]),
        node("Identity", "t", into=["row"]),
    ]
    inputs = [_info("k", TensorProto.INT64, ()), _info("go", TensorProto.BOOL, ()), _info("s")]
    outputs = [_info("still", TensorProto.BOOL, ()), _info("t"), _info("row")]
    made = node(op, "n", "", "x", into=["y", "rows"], body=helper.make_graph(nodes, "body", inputs, outputs))
    yield Form([made], {"x": floats(2, 3), "n": scalar(3, np.int64)}, {}, ("y", "rows"), fixed=True)
