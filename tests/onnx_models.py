"""Small ONNX models with seeded weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 18


def model(
    name: str,
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str | None]],
    outputs: Mapping[str, Sequence[int | str | None]],
    weights: Mapping[str, Any],
    dtype: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A checked model; inputs (of type `dtype`) and outputs (float32) have the given shapes; text is an open size."""
    graph = helper.make_graph(
        list(nodes),
        name,
        [helper.make_tensor_value_info(n, dtype, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        [numpy_helper.from_array(a, n) for n, a in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made


def _draw(rng: np.random.Generator, *shape: int) -> np.ndarray:
    inputs = np.prod(shape[1:]) if len(shape) > 2 else shape[0]
    return np.asarray(rng.standard_normal(shape) / np.sqrt(inputs), np.float32)


def score(seed: int = 1) -> onnx.ModelProto:
    """A binary classifier: 10 features → 16 → 1, sigmoid."""
    rng = np.random.default_rng(seed)
    nodes = [
        helper.make_node("Gemm", ["features", "hidden/kernel", "hidden/bias"], ["h"], "hidden/MatMul"),
        helper.make_node("Relu", ["h"], ["r"], "hidden/Relu"),
        helper.make_node("Gemm", ["r", "score/kernel", "score/bias"], ["s"], "score/MatMul"),
        helper.make_node("Sigmoid", ["s"], ["probability"], "score/Sigmoid"),
    ]
    weights = {
        "hidden/kernel": _draw(rng, 10, 16),
        "hidden/bias": _draw(rng, 16) * np.float32(0.1),
        "score/kernel": _draw(rng, 16, 1) * np.float32(3),
        "score/bias": np.array([0.1], np.float32),
    }
    return model("score", nodes, {"features": ("batch", 10)}, {"probability": ("batch", 1)}, weights)


def digits(seed: int = 2) -> onnx.ModelProto:
    """A small image classifier: 8×8 → two convolutions, pooling → 10 probabilities."""
    rng = np.random.default_rng(seed)
    nodes = [
        helper.make_node("Conv", ["image", "conv1/kernel", "conv1/bias"], ["c1"], "conv1/Conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"], "conv1/Relu"),
        helper.make_node("MaxPool", ["r1"], ["p1"], "pool1/MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["p1", "conv2/kernel", "conv2/bias"], ["c2"], "conv2/Conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c2"], ["r2"], "conv2/Relu"),
        helper.make_node("MaxPool", ["r2"], ["p2"], "pool2/MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p2"], ["f"], "flatten/Flatten"),
        helper.make_node("Gemm", ["f", "logits/kernel", "logits/bias"], ["l"], "logits/MatMul"),
        helper.make_node("Softmax", ["l"], ["probabilities"], "softmax/Softmax", axis=1),
    ]
    weights = {
        "conv1/kernel": _draw(rng, 8, 1, 3, 3),
        "conv1/bias": _draw(rng, 8),
        "conv2/kernel": _draw(rng, 16, 8, 3, 3),
        "conv2/bias": _draw(rng, 16),
        "logits/kernel": _draw(rng, 64, 10),
        "logits/bias": _draw(rng, 10),
    }
    return model("digits", nodes, {"image": ("batch", 1, 8, 8)}, {"probabilities": ("batch", 10)}, weights)


def text(seed: int = 3) -> onnx.ModelProto:
    """A classifier of token sequences of any length: embedding, LSTM, dense → 3 probabilities."""
    rng = np.random.default_rng(seed)
    nodes = [
        helper.make_node("Gather", ["embedding/table", "tokens"], ["e"], "embedding/Gather"),
        helper.make_node("Transpose", ["e"], ["t"], "lstm/Transpose", perm=[1, 0, 2]),
        helper.make_node("LSTM", ["t", "lstm/kernel", "lstm/recurrent", "lstm/bias"], ["", "h"], "lstm/LSTM", hidden_size=6),
        helper.make_node("Squeeze", ["h", "axes"], ["s"], "lstm/Squeeze"),
        helper.make_node("Gemm", ["s", "logits/kernel", "logits/bias"], ["l"], "logits/MatMul"),
        helper.make_node("Softmax", ["l"], ["probabilities"], "softmax/Softmax", axis=1),
    ]
    weights = {
        "embedding/table": rng.standard_normal((40, 8)).astype(np.float32),
        "lstm/kernel": _draw(rng, 1, 24, 8) * np.float32(8),
        "lstm/recurrent": _draw(rng, 1, 24, 6) * np.float32(6),
        "lstm/bias": _draw(rng, 1, 48),
        "axes": np.array([0], np.int64),
        "logits/kernel": _draw(rng, 6, 3),
        "logits/bias": _draw(rng, 3),
    }
    inputs, outputs = {"tokens": ("batch", "length")}, {"probabilities": ("batch", 3)}
    return model("text", nodes, inputs, outputs, weights, TensorProto.INT64)


def growing() -> onnx.ModelProto:
    """Small inputs make large tensors: a product of a column and a row, 4,096 values a number, and 4,096 channels of an image."""
    nodes = [
        helper.make_node("MatMul", ["x", "y"], ["table"], "product"),
        helper.make_node("ReduceSum", ["table"], ["sum"], keepdims=0),
        helper.make_node("MatMul", ["x", "w"], ["many"], "wide"),
        helper.make_node("Softmax", ["many"], ["shares"], "shares"),
        helper.make_node("ReduceMax", ["shares"], ["largest"], keepdims=0),
        helper.make_node("Conv", ["image", "k"], ["channels"], "conv", strides=[2, 2]),
        helper.make_node("GlobalMaxPool", ["channels"], ["brightest"]),
    ]
    rng = np.random.default_rng(7)
    weights = {"w": _draw(rng, 1, 4096), "k": _draw(rng, 4096, 1, 2, 2)}
    inputs: dict[str, tuple[int | str, ...]] = {"x": ("n", 1), "y": (1, "m"), "image": (1, 1, "height", "width")}
    outputs: dict[str, tuple[int | str, ...]] = {"sum": (), "largest": (), "brightest": (1, 4096, 1, 1)}
    return model("growing", nodes, inputs, outputs, weights)


def quantised(*outputs: str) -> onnx.ModelProto:
    """A product of 8 bits in QDQ form, of which these are outputs: `steps`, their `values`, or a `float` computed from those."""
    rng = np.random.default_rng(4)
    weights = {
        "s": np.array(0.05, np.float32), "t": np.array(0.5, np.float32), "z": np.array(3, np.uint8),
        "w": rng.integers(-63, 64, (64, 32)).astype(np.int8), "u": np.array(0.01, np.float32), "v": np.array(0, np.int8),
    }  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["a"]),
        helper.make_node("DequantizeLinear", ["a", "s", "z"], ["b"]),
        helper.make_node("DequantizeLinear", ["w", "u", "v"], ["c"]),
        helper.make_node("MatMul", ["b", "c"], ["d"]),
        helper.make_node("QuantizeLinear", ["d", "t", "z"], ["steps"]),
        helper.make_node("DequantizeLinear", ["steps", "t", "z"], ["values"]),
        helper.make_node("Exp", ["values"], ["float"]),
    ]
    made = model("quantised", nodes, {"x": ("batch", 64)}, {}, weights)
    types = {"steps": TensorProto.UINT8}
    infos = [helper.make_tensor_value_info(n, types.get(n, TensorProto.FLOAT), ("batch", 32)) for n in outputs]
    made.graph.output.extend(infos)
    return made


def in_half(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with float16 in place of float32."""
    half = onnx.ModelProto()
    half.CopyFrom(proto)
    for info in (*half.graph.input, *half.graph.output):
        if info.type.tensor_type.elem_type == TensorProto.FLOAT:
            info.type.tensor_type.elem_type = TensorProto.FLOAT16
    for tensor in half.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    onnx.checker.check_model(half, full_check=True)
    return half
