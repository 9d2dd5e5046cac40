"""Forms of operators that few models have."""

from __future__ import annotations

from typing import Any

import numpy as np
from cases import floats, ints, node
from forms import BOOL, I32, U8, Form, Forms, model, scalar, vector
from onnx import TensorProto

# -- computing ---------------------------------------------------------------------------------------------------------


@model("Acos", "Asin", "Atan", "Atanh", "Tan", "Sinh", "Cosh", "Asinh", "HardSwish", "Mish")
def _unary(op: str, version: int) -> Forms:
    yield Form([node(op, "x")], {"x": floats(3, 5, low=-0.9, high=0.9)})


@model("Acosh")
def _from_one(op: str, version: int) -> Forms:
    yield Form([node(op, "x")], {"x": floats(3, 5, low=1, high=9)})


@model("Celu")
def _celu(op: str, version: int) -> Forms:
    yield Form([node(op, "x", alpha=0.7)], {"x": floats(3, 5)})
    yield Form([node(op, "x")], {"x": floats(3, 5)})


@model("Hardmax")
def _hardmax(op: str, version: int) -> Forms:
    yield Form([node(op, "x")], {"x": floats(2, 3, 4)})
    yield Form([node(op, "x", axis=2)], {"x": floats(2, 3, 4)})


@model("IsNaN", "IsInf")
def _not_finite(op: str, version: int) -> Forms:
    x = np.array([[1, np.nan, np.inf], [-np.inf, 0, 2]], np.float32)
    yield Form([node(op, "x")], {"x": x})
    if op == "IsInf":
        yield Form([node(op, "x", detect_negative=0)], {"x": x})


@model("BitShift")
def _bit_shift(op: str, version: int) -> Forms:
    for direction in ("LEFT", "RIGHT"):
        yield Form([node(op, "x", "n", direction=direction)], {"x": ints(3, 4, low=0, high=99, dtype=U8)}, {"n": scalar(2, U8)})


@model("SplitToSequence")
def _split_to_sequence(op: str, version: int) -> Forms:
    join = node("ConcatFromSequence", "s", axis=0, new_axis=1)
    yield Form([node(op, "x", into=["s"], axis=1, keepdims=0), join], {"x": floats(3, 4, 2)})
    yield Form([node(op, "x", "k", into=["s"], axis=-2), join], {"x": floats(3, 4, 2)}, {"k": vector(2, 2)})


@model("Optional", "OptionalHasElement", "OptionalGetElement")
def _optional(op: str, version: int) -> Forms:
    read = "OptionalGetElement" if op == "Optional" else op
    yield Form([node("Optional", "x", into=["p"]), node(read, "p")], {"x": floats(3, 4)})


@model("CastLike")
def _cast_like(op: str, version: int) -> Forms:
    yield Form([node(op, "x", "like")], {"x": floats(3, 4, low=-9, high=9)}, {"like": scalar(0, I32)})
    yield Form([node(op, "x", "like")], {"x": ints(3, 4)}, {"like": scalar(0, BOOL)})


@model("ReduceL1", "ReduceLogSum")
def _reduce(op: str, version: int) -> Forms:
    x = floats(2, 3, 4, low=0.5, high=2)
    if version >= 18:
        yield Form([node(op, "x", "axes")], {"x": x}, {"axes": vector(-1)})
        yield Form([node(op, "x", noop_with_empty_axes=1)], {"x": x})
    else:
        yield Form([node(op, "x", axes=[1], keepdims=0)], {"x": x})
    yield Form([node(op, "x")], {"x": x})


@model("Einsum")
def _einsum(op: str, version: int) -> Forms:
    yield Form([node(op, "x", "b", equation="bij,jk->bik")], {"x": floats(2, 3, 4)}, {"b": floats(4, 5)})
    yield Form([node(op, "x", equation="...ij->...ji")], {"x": floats(2, 3, 4)})


@model("QLinearMatMul")
def _quantized_matmul(op: str, version: int) -> Forms:
    known = {"s": scalar(0.1), "z": scalar(7, U8), "w": ints(4, 5, low=0, high=255, dtype=U8), "t": scalar(0.4)}
    yield Form([node(op, "x", "s", "z", "w", "s", "z", "t", "z")], {"x": ints(3, 4, low=0, high=255, dtype=U8)}, known)


# -- normalising and pooling -------------------------------------------------------------------------------------------


@model("GroupNormalization")
def _groups(op: str, version: int) -> Forms:
    count = 2 if version < 21 else 4  # once one a group, then one a channel
    known = {"s": floats(count), "b": floats(count)}
    yield Form([node(op, "x", "s", "b", num_groups=2)], {"x": floats(2, 4, 3, 3)}, known)


@model("InstanceNormalization")
def _instances(op: str, version: int) -> Forms:
    yield Form([node(op, "x", "s", "b")], {"x": floats(2, 3, 4, 4)}, {"s": floats(3), "b": floats(3)})


@model("LRN")
def _local_responses(op: str, version: int) -> Forms:
    yield Form([node(op, "x", size=3, alpha=0.3, beta=0.5, bias=2.0)], {"x": floats(2, 5, 3, 4)})
    yield Form([node(op, "x", size=7)], {"x": floats(2, 3, 3, 4)})


@model("LpNormalization")
def _lp_normalization(op: str, version: int) -> Forms:
    for p in (1, 2):
        yield Form([node(op, "x", p=p, axis=1)], {"x": floats(2, 5)})
    yield Form([node(op, "x")], {"x": floats(2, 3, 4)})


@model("LpPool", "GlobalLpPool")
def _lp_pool(op: str, version: int) -> Forms:
    x = floats(2, 3, 6, 6)
    if op == "GlobalLpPool":
        yield Form([node(op, "x")], {"x": x})
        yield Form([node(op, "x", p=1)], {"x": x})
        return
    yield Form([node(op, "x", kernel_shape=[2, 3], strides=[2, 1], pads=[0, 1, 1, 0])], {"x": x})
    if version >= 18:
        yield Form([node(op, "x", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, p=1)], {"x": x})
        yield Form([node(op, "x", kernel_shape=[2, 2], dilations=[2, 2])], {"x": x})


@model("MaxUnpool")
def _max_unpool(op: str, version: int) -> Forms:
    window: dict[str, Any] = {"kernel_shape": [2, 2], "strides": [2, 2]}
    pool = node("MaxPool", "x", into=["p", "i"], **window)
    yield Form([pool, node(op, "p", "i", **window)], {"x": floats(2, 3, 4, 6)})
    yield Form([pool, node(op, "p", "i", **window)], {"x": floats(2, 3, 2, 6)})  # of which one row is left, less than a window


# -- moving ------------------------------------------------------------------------------------------------------------


@model("Compress")
def _compress(op: str, version: int) -> Forms:
    mask = {"m": np.array([True, False, True])}
    yield Form([node(op, "x", "m", axis=1 if version < 11 else -2)], {"x": floats(2, 3, 4)}, mask)
    yield Form([node(op, "x", "m")], {"x": floats(2, 3)}, mask, fixed=True)


@model("DepthToSpace", "SpaceToDepth")
def _depth(op: str, version: int) -> Forms:
    x = floats(2, 8, 3, 5) if op == "DepthToSpace" else floats(2, 3, 4, 6)
    yield Form([node(op, "x", blocksize=2)], {"x": x})
    if op == "DepthToSpace" and version >= 11:
        yield Form([node(op, "x", blocksize=2, mode="CRD")], {"x": x})


@model("EyeLike")
def _eye(op: str, version: int) -> Forms:
    yield Form([node(op, "x", k=1)], {"x": floats(3, 4)})
    yield Form([node(op, "x", k=-1)], {"x": floats(4, 3).astype(np.float16)})
    yield Form([node(op, "x", dtype=TensorProto.INT64)], {"x": floats(4, 3)})


@model("GatherElements", "Scatter", "ScatterElements")
def _elements(op: str, version: int) -> Forms:
    below = 0 if op == "Scatter" and version < 11 else -3
    known = {"i": ints(2, 2, low=below, high=2), "u": floats(2, 2)}
    if op == "GatherElements":
        yield Form([node(op, "x", "i", axis=1)], {"x": floats(2, 3)}, {"i": known["i"]}, fixed=True)
        return
    known["i"] = np.array([[0, 2], [1 + below, 0]])
    yield Form([node(op, "x", "i", "u", axis=1)], {"x": floats(2, 3)}, known, fixed=True)
    for reduction, since in (("add", 16), ("mul", 16), ("max", 18), ("min", 18)):
        if version >= since and op == "ScatterElements":
            yield Form([node(op, "x", "i", "u", axis=1, reduction=reduction)], {"x": floats(2, 3)}, known, fixed=True)


@model("NonZero")
def _non_zero(op: str, version: int) -> Forms:
    yield Form([node(op, "x")], {"x": ints(3, 4, low=-1, high=1)})


@model("OneHot")
def _one_hot(op: str, version: int) -> Forms:
    values = {"d": vector(4), "v": np.array([-1, 5], np.float32)}
    yield Form([node(op, "x", "d", "v")], {"x": ints(2, 3, low=0, high=3)}, values)
    yield Form([node(op, "x", "d", "v", axis=1)], {"x": ints(2, 3, low=0, high=3)}, values)
    if version >= 11:
        yield Form([node(op, "x", "d", "v")], {"x": ints(2, 3, low=-4, high=3)}, values)


@model("ReverseSequence")
def _reverse(op: str, version: int) -> Forms:
    lengths = {"n": vector(1, 3, 2)}
    yield Form([node(op, "x", "n", time_axis=0, batch_axis=1)], {"x": floats(4, 3, 2)}, lengths, fixed=True)
    yield Form([node(op, "x", "n", time_axis=1, batch_axis=0)], {"x": floats(3, 4)}, lengths, fixed=True)


@model("Size")
def _size(op: str, version: int) -> Forms:
    yield Form([node(op, "x")], {"x": floats(2, 3, 4)})


@model("Unique")
def _unique(op: str, version: int) -> Forms:
    outputs = ("y", "i", "j", "n")
    x = ints(3, 4, low=0, high=3)
    yield Form([node(op, "x", into=outputs)], {"x": x}, {}, outputs)
    yield Form([node(op, "x", into=outputs, sorted=0)], {"x": x}, {}, outputs)
    yield Form([node(op, "x", into=outputs, axis=0)], {"x": ints(5, 2, low=0, high=1)}, {}, outputs)


@model("Upsample")
def _upsample(op: str, version: int) -> Forms:
    for mode in ("nearest", "linear"):
        scales = np.array([1, 1, 2, 3], np.float32)
        inputs, known, attributes = (["s"], {"s": scales}, {}) if version >= 9 else ([], {}, {"scales": scales.tolist()})
        yield Form([node(op, "x", *inputs, mode=mode, **attributes)], {"x": floats(2, 3, 4, 4)}, known)
