"""Forms of operators that compute: element by element, reductions, products, images, recurrent layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from cases import Arrays, floats, ints, node
from forms import BOOL, I8, I32, U8, Form, Forms, model, scalar, setting, vector
from onnx import TensorProto

# -- element by element ------------------------------------------------------------------------------------------------


@model("Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Neg", "Reciprocal", "Relu", "Round", "Sigmoid", "Sign", "Sin", "Softplus",
       "Softsign", "Tanh", "Identity", "GlobalAveragePool", "GlobalMaxPool")  # fmt: skip
def _unary(op: str, version: int) -> Forms:
    yield Form([node(op, "x")], {"x": floats(2, 3, 4, 5)})
    if op in ("Abs", "Neg", "Sign") and version >= 6 and op != "Sign":
        yield Form([node(op, "x")], {"x": ints(7, dtype=I32)})
    if op == "Identity":
        yield Form([node(op, "x")], {"x": ints(7, dtype=U8)})


@model("Log", "Sqrt")
def _positive(op: str, version: int) -> Forms:
    yield Form([node(op, "x")], {"x": floats(2, 3, 4, low=0.1)})


@model("Not")
def _not(op: str, version: int) -> Forms:
    yield Form([node(op, "x")], {"x": ints(3, 4) > 0})


@model("Elu", "HardSigmoid", "LeakyRelu", "Selu", "ThresholdedRelu")
def _parametric(op: str, version: int) -> Forms:
    yield Form([node(op, "x")], {"x": floats(2, 9)})
    attributes: dict[str, Any] = {"alpha": 0.3} | (
        {"beta": 0.4} if op == "HardSigmoid" else {"gamma": 1.2} if op == "Selu" else {}
    )
    yield Form([node(op, "x", **attributes)], {"x": floats(2, 9)})


@model("Add", "Sub", "Mul", "Div", "Pow", "PRelu", "Mod")
def _binary(op: str, version: int) -> Forms:
    low = 0.2 if op in ("Pow", "Div") else -3
    if op != "Mod":
        yield Form([node(op, "x", "b")], {"x": floats(2, 3, 4, low=low)}, {"b": floats(3, 1, low=low)})
        yield Form([node(op, "x", "b")], {"x": floats(2, 3, low=low), "b": floats(1, 3, low=low)})
    else:
        yield Form([node(op, "x", "b", fmod=1)], {"x": floats(5, 3), "b": floats(3, low=0.5)})
    if op in ("Add", "Sub", "Mul", "Div", "Mod"):
        yield Form([node(op, "x", "b")], {"x": ints(5, 3), "b": ints(3, low=1, high=9)})
    if op == "Pow" and version >= 12:
        yield Form([node(op, "x", "b")], {"x": floats(5, 3, low=0.2), "b": ints(3, low=-2, high=4)})


@model("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual")
def _compare(op: str, version: int) -> Forms:
    # before opset 11 (Equal) numbers are integers, before 9 (Greater, Less) floats
    if not (op == "Equal" and version < 11):
        yield Form([node(op, "x", "b")], {"x": floats(5, 3).round(), "b": floats(3).round()})
    if op == "Equal" or version >= 9:
        yield Form([node(op, "x", "b")], {"x": ints(5, 3, low=0, high=3), "b": ints(3, low=0, high=3)})


@model("And", "Or", "Xor")
def _logical(op: str, version: int) -> Forms:
    yield Form([node(op, "x", "b")], {"x": ints(4, 3) > 0, "b": ints(3) > 0})


@model("Max", "Min", "Mean", "Sum")
def _variadic(op: str, version: int) -> Forms:
    last = floats(1) if version >= 8 else floats(4, 3)
    yield Form([node(op, "x", "b", "c")], {"x": floats(4, 3), "b": floats(4, 3)}, {"c": last}, fixed=version < 8)
    yield Form([node(op, "x")], {"x": floats(4, 3)})
    if op in ("Max", "Min") and version >= 12:
        yield Form([node(op, "x", "b")], {"x": ints(4, 3), "b": ints(3)})


@model("Where")
def _where(op: str, version: int) -> Forms:
    yield Form([node(op, "x", "a", "b")], {"x": ints(4, 3) > 0, "a": floats(3), "b": floats(1)})


@model("Clip")
def _clip(op: str, version: int) -> Forms:
    if version < 11:
        yield Form([node(op, "x", min=-1.0, max=0.5)], {"x": floats(4, 3)})
        yield Form([node(op, "x", max=0.5)], {"x": floats(4, 3)})
        return
    yield Form([node(op, "x", "low", "high")], {"x": floats(4, 3)}, {"low": scalar(-1), "high": scalar(0.5)})
    yield Form([node(op, "x", "", "high")], {"x": floats(4, 3), "high": scalar(0.5)})
    if version >= 12:
        yield Form([node(op, "x", "low")], {"x": ints(4, 3)}, {"low": scalar(0, np.int64)})


@model("Cast")
def _cast(op: str, version: int) -> Forms:
    for to in (TensorProto.INT32, TensorProto.DOUBLE, TensorProto.BOOL, TensorProto.FLOAT16):
        yield Form([node(op, "x", to=to)], {"x": floats(4, 3)})
    yield Form([node(op, "x", to=TensorProto.FLOAT)], {"x": ints(4, 3)})


# -- reductions --------------------------------------------------------------------------------------------------------


@model("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "ReduceL2", "ReduceLogSumExp")
def _reduce(op: str, version: int) -> Forms:
    as_input = version >= (13 if op == "ReduceSum" else 18)
    for axes, keepdims in ((vector(1, 2), 1), (vector(2), 0), (vector(-1), 0)):
        if version < 11 and axes.min() < 0:
            continue
        inputs, known, attributes = setting("axes", axes, as_input)
        yield Form([node(op, "x", *inputs, keepdims=keepdims, **attributes)], {"x": floats(2, 3, 4)}, known)
    yield Form([node(op, "x", keepdims=0)], {"x": floats(2, 3, 4)})
    yield Form([node(op, "x", keepdims=0)], {"x": floats(high=-1)})  # one element without axes is reduced too
    if as_input:
        yield Form([node(op, "x", "axes")], {"x": floats(2, 3)}, {"axes": vector()})
        yield Form([node(op, "x", "", noop_with_empty_axes=1)], {"x": floats(2, 3, low=0.1)})
    if op in ("ReduceMax", "ReduceMin") and version >= 12:
        yield Form([node(op, "x", keepdims=0)], {"x": ints(2, 3, low=-128, high=127, dtype=I8)})


@model("ArgMax", "ArgMin")
def _arg(op: str, version: int) -> Forms:
    x = ints(3, 4, 5, low=0, high=3).astype(np.float32)
    yield Form([node(op, "x", axis=1)], {"x": x})
    yield Form([node(op, "x", axis=2 if version < 11 else -1, keepdims=0)], {"x": x})
    if version >= 12:
        yield Form([node(op, "x", axis=2, select_last_index=1)], {"x": x})


@model("Softmax", "LogSoftmax")
def _softmax(op: str, version: int) -> Forms:
    yield Form([node(op, "x")], {"x": floats(2, 3, 4)})
    yield Form([node(op, "x", axis=2)], {"x": floats(2, 3, 4)})
    yield Form([node(op, "x", axis=1)], {"x": floats(2, 3, 4)})
    if version >= 11:
        yield Form([node(op, "x", axis=-1)], {"x": floats(2, 3, 4)})


@model("CumSum")
def _cumsum(op: str, version: int) -> Forms:
    choices: tuple[dict[str, Any], ...] = ({}, {"exclusive": 1}, {"reverse": 1})
    for options in choices:
        yield Form([node(op, "x", "axis", **options)], {"x": floats(2, 3, 4)}, {"axis": scalar(1, np.int64)})


@model("TopK")
def _topk(op: str, version: int) -> Forms:
    inputs, known, attributes = (["k"], {"k": vector(3)}, {}) if version >= 10 else ([], {}, {"k": 3})
    two = ("y", "i")
    yield Form([node(op, "x", *inputs, into=two, axis=1, **attributes)], {"x": floats(2, 7)}, known, two)
    if version >= 11:
        yield Form([node(op, "x", "k", into=two, axis=-1, largest=0)], {"x": floats(2, 7)}, known, two)


# -- products and images -----------------------------------------------------------------------------------------------


@model("MatMul")
def _matmul(op: str, version: int) -> Forms:
    yield Form([node(op, "x", "w")], {"x": floats(2, 3, 4)}, {"w": floats(4, 5)})
    yield Form([node(op, "x", "w")], {"x": floats(2, 3, 4), "w": floats(4, 5)})
    if version >= 9:
        yield Form([node(op, "x", "w")], {"x": ints(3, 4), "w": ints(4, 5)})


@model("Gemm")
def _gemm(op: str, version: int) -> Forms:
    known = {"w": floats(5, 4), "c": floats(5)}
    yield Form([node(op, "x", "w", "c", transB=1, alpha=0.5, beta=2.0)], {"x": floats(2, 4)}, known)
    yield Form([node(op, "x", "w", "c", transA=1)], {"x": floats(5, 2), "c": floats(1, 4)}, {"w": floats(5, 4)}, fixed=True)
    if version >= 11:
        yield Form([node(op, "x", "w", transB=1)], {"x": floats(2, 4)}, {"w": floats(5, 4)})


@model("Conv")
def _conv(op: str, version: int) -> Forms:
    x, w, b = floats(2, 4, 7, 6), floats(6, 2, 3, 3), floats(6)
    yield Form([node(op, "x", "w", "b", group=2, strides=[2, 1], pads=[1, 0, 1, 2])], {"x": x}, {"w": w, "b": b})
    for pad in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        yield Form([node(op, "x", "w", auto_pad=pad)], {"x": x}, {"w": floats(3, 4, 2, 2)})
    yield Form([node(op, "x", "w", dilations=[2])], {"x": floats(2, 3, 9)}, {"w": floats(4, 3, 3)})


@model("ConvTranspose")
def _conv_transpose(op: str, version: int) -> Forms:
    x, w = floats(2, 4, 5, 4), floats(4, 3, 3, 3)
    yield Form([node(op, "x", "w", strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 0])], {"x": x}, {"w": w})
    yield Form([node(op, "x", "w", strides=[2, 2], output_shape=[10, 8])], {"x": x}, {"w": w})
    for same in ("SAME_UPPER", "SAME_LOWER"):  # along the last axis the stride is more than the kernel
        yield Form([node(op, "x", "w", strides=[2, 3], auto_pad=same)], {"x": x}, {"w": w[..., :2]})


@model("MaxPool", "AveragePool")
def _pool(op: str, version: int) -> Forms:
    x = floats(2, 3, 7, 6)
    window: dict[str, Any] = {"kernel_shape": [3, 2], "strides": [2, 2]}
    yield Form([node(op, "x", **window, pads=[1, 0, 1, 1])], {"x": x})
    yield Form([node(op, "x", **window, auto_pad="SAME_UPPER")], {"x": x})
    if op == "AveragePool":
        yield Form([node(op, "x", **window, pads=[1, 0, 1, 1], count_include_pad=1)], {"x": x})
    if version >= 10:
        yield Form([node(op, "x", **window, ceil_mode=1)], {"x": x})
    if version >= (10 if op == "MaxPool" else 19):
        yield Form([node(op, "x", **window, dilations=[2, 1])], {"x": x})
    if op == "MaxPool" and version >= 8:
        yield Form([node(op, "x", **window, storage_order=1, into=["y", "i"])], {"x": x}, {}, ("y", "i"))
    if op == "MaxPool" and version >= 12:
        yield Form([node(op, "x", **window)], {"x": ints(2, 3, 7, 6, low=0, high=255, dtype=U8)})


@model("BatchNormalization")
def _batch_normalization(op: str, version: int) -> Forms:
    known = {n: floats(3, low=0.3) for n in ("scale", "bias", "mean", "var")}
    options: dict[str, Any] = {"epsilon": 1e-3, "momentum": 0.8} | ({"spatial": 1} if version < 9 else {})
    yield Form([node(op, "x", *known, **options)], {"x": floats(2, 3, 4, 5)}, known)
    yield Form([node(op, "x", *known)], {"x": floats(2, 3)}, known)
    yield Form([node(op, "x", *known)], {"x": floats(2, 3, 4), **known})
    if version < 9:
        known = {n: floats(3, 4, low=0.3) for n in known}
        yield Form([node(op, "x", *known, spatial=0)], {"x": floats(2, 3, 4)}, known)
        yield Form([node(op, "x", *known, spatial=0)], {"x": floats(2, 3, 4), **known})


@model("LayerNormalization")
def _layer_normalization(op: str, version: int) -> Forms:
    known = {"scale": floats(3, 4), "bias": floats(3, 4)}
    yield Form([node(op, "x", *known, axis=1)], {"x": floats(2, 3, 4)}, known)
    yield Form([node(op, "x", "scale", axis=-2, epsilon=1e-3)], {"x": floats(2, 3, 4)}, {"scale": known["scale"]})


@model("Dropout")
def _dropout(op: str, version: int) -> Forms:
    if version < 12:
        yield Form([node(op, "x", ratio=0.3)], {"x": floats(2, 3)})
        yield Form([node(op, "x", into=["y", "mask"])], {"x": floats(2, 3)})
        return
    yield Form([node(op, "x", "ratio", "training")], {"x": floats(2, 3)}, {"ratio": scalar(0.3), "training": scalar(0, BOOL)})
    yield Form([node(op, "x", into=["y", "mask"])], {"x": floats(2, 3)}, {}, ("y", "mask"))


@model("Resize")
def _resize(op: str, version: int) -> Forms:
    x, scales = floats(2, 3, 4, 5), np.array([1, 1, 2, 1.6], np.float32)
    if version == 10:
        for mode in ("nearest", "linear"):
            yield Form([node(op, "x", "scales", mode=mode)], {"x": x}, {"scales": scales})
        return
    rules: list[dict[str, Any]] = [
        {"mode": "nearest"},
        {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        {"mode": "linear"},
        {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
        {"mode": "cubic", "coordinate_transformation_mode": "pytorch_half_pixel", "exclude_outside": 1},
    ]
    if version < 13:
        rules.append({"mode": "nearest", "coordinate_transformation_mode": "tf_half_pixel_for_nn", "nearest_mode": "floor"})
    empty = np.array([], np.float32)
    for rule in rules:
        yield Form([node(op, "x", "roi", "scales", **rule)], {"x": x}, {"roi": empty, "scales": scales})
    if version < 13:
        # positions up to one beyond the last element, where all weights that are kept are near zero
        rule = {"mode": "cubic", "coordinate_transformation_mode": "tf_half_pixel_for_nn", "exclude_outside": 1}
        enlarged = np.array([1, 1, 5, 3.5], np.float32)
        yield Form([node(op, "x", "roi", "scales", **rule)], {"x": x[:1, :1, :2]}, {"roi": empty, "scales": enlarged})
    known: Arrays = {"none": empty, "sizes": vector(2, 3, 6, 9)}
    yield Form([node(op, "x", "none", "none", "sizes", mode="linear")], {"x": x}, known, fixed=True)
    if version >= 18:
        yield Form([node(op, "x", "", "", "sizes", mode="linear", axes=[2, 3])], {"x": x}, {"sizes": vector(6, 9)})
        yield Form([node(op, "x", "", "", "sizes", mode="linear", axes=[2, 3], antialias=1)], {"x": x}, {"sizes": vector(3, 2)})
    if version >= 19:
        options: dict[str, Any] = {"axes": [2, 3], "coordinate_transformation_mode": "half_pixel_symmetric"}
        yield Form([node(op, "x", "", "scales", **options)], {"x": x}, {"scales": scales[2:]})


# -- recurrent ---------------------------------------------------------------------------------------------------------


@model("LSTM", "GRU", "RNN")
def _recurrent(op: str, version: int) -> Forms:
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    for direction, d in (("forward", 1), ("bidirectional", 2)):
        known = {"w": floats(d, gates * 5, 3, low=-1, high=1), "r": floats(d, gates * 5, 5, low=-1, high=1)}
        known["b"] = floats(d, 2 * gates * 5, low=-1, high=1)
        for options in [{"linear_before_reset": 1}, {}] if op == "GRU" else [{}]:
            made = node(op, "x", "w", "r", "b", into=["y", "h"], hidden_size=5, direction=direction, **options)
            yield Form([made], {"x": floats(4, 2, 3)}, known, ("y", "h"))
        if op == "RNN":
            for function in ("Affine", "ScaledTanh"):
                scaled = {"activations": [function] * d, "activation_alpha": [0.5, 0.7][:d], "activation_beta": [0.3, -0.4][:d]}
                made = node(op, "x", "w", "r", "b", into=["y", "h"], hidden_size=5, direction=direction, **scaled)
                yield Form([made], {"x": floats(4, 2, 3)}, known, ("y", "h"))
        # onnxruntime has no `layout` of version 14; the official node tests have
