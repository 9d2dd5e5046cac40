"""computation_graph.json and model_architecture.json."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from report_programs import BATCH, Maker, flat, residual

from onnx2rust.ir.layer import Weight
from onnx2rust.ir.program import Program
from onnx2rust.layers.activation import LINEAR, activation
from onnx2rust.layers.conv import Conv
from onnx2rust.report import keras
from onnx2rust.report.architecture import architecture
from onnx2rust.report.graph import computation_graph, graph


def test_the_graph_lists_who_feeds_whom() -> None:
    assert computation_graph(graph(residual())) == {
        "x": {"inbounds": [], "outbounds": ["hidden", "sum"]},
        "hidden": {"inbounds": ["x"], "outbounds": ["hidden_Relu"]},
        "hidden_Relu": {"inbounds": ["hidden"], "outbounds": ["out"]},
        "out": {"inbounds": ["hidden_Relu"], "outbounds": ["sum"]},
        "sum": {"inbounds": ["x", "out"], "outbounds": []},
    }


def test_an_input_that_is_called_like_a_layer_keeps_its_name() -> None:
    m = Maker()
    x = m.input("out", BATCH, 4)
    names = list(computation_graph(graph(m.program(m.dense("out", x, 2)))))
    assert names == ["out", "out_2"]


def test_a_value_read_twice_is_one_edge() -> None:
    m = Maker()
    x = m.input("x", BATCH, 4)
    found = computation_graph(graph(m.program(m.add("twice", x, x))))
    assert found["twice"]["inbounds"] == ["x"]


def test_the_layers_of_a_body_stand_under_its_step() -> None:
    outer, inner = Maker(), Maker()
    x = outer.input("x", BATCH, 4)
    branch = inner.relu("inside", x)
    body = Program("then", (), (branch,), ("y",), tuple(inner.steps))
    y = outer.relu("choose", x)
    step = replace(outer.steps[0], inputs=(), bodies=(body,))
    program = Program("model", (x,), (y,), ("y",), (step,), ("batch",))
    found = computation_graph(graph(program))
    assert found["choose"] == {"inbounds": ["x"], "outbounds": [], "bodies": [{"inside": {"inbounds": [], "outbounds": []}}]}
    assert list(architecture(program, graph(program), "m.onnx")["layers"]["choose"]["bodies"][0]) == ["inside"]


def test_the_architecture_of_a_dense_layer() -> None:
    program = flat()
    found = architecture(program, graph(program), "m.onnx")
    assert found["parameters"] == 32 * 3 + 3
    assert found["multiply_adds"] == "96*batch"
    assert found["outputs"] == {"y0": {"shape": ["batch", 3], "dtype": "float32", "layer": "out"}}
    assert found["layers"]["image"]["class"] == "InputLayer"
    assert found["layers"]["flatten"]["class"] == "Flatten"
    out = found["layers"]["out"]
    assert out["class"] == "Dense"
    assert out["config"] == {
        "input_dim": 32,
        "units": 3,
        "activation": {"name": "leaky_relu", "alpha": 0.1},
        "use_bias": True,
    }
    assert out["weights"]["kernel"] == {"name": "out/kernel", "shape": [32, 3], "dtype": "float32"}
    assert out["input_shapes"] == [["batch", 32]]
    assert out["onnx"] == {"node": "out", "op": "Gemm", "domain": "ai.onnx", "opset": 18, "index": 1}


def _conv(size: int, pads: tuple[int, int], stride: int = 1, taps: int = 3) -> Any:
    m = Maker()
    x = m.input("x", BATCH, size, size, 1)
    kernel = Weight("k", np.zeros((4, 1, taps, taps), np.float32))
    window = ((taps, taps), (stride, stride), (1, 1), (pads[0],) * 2, (pads[1],) * 2, "")
    layer = Conv(BATCH, (size, size), 1, 4, 1, *window, kernel, None, LINEAR)
    m.step("conv", "Conv", layer, [x], BATCH, -(-size // stride), -(-size // stride), 4)
    return m.steps[0]


@pytest.mark.parametrize(
    ("size", "pads", "stride", "expected"),
    [
        (28, (0, 0), 1, "valid"),
        (28, (1, 1), 1, "same"),
        (28, (0, 1), 2, "same"),
        (27, (1, 1), 2, "same"),
        (28, (1, 1), 2, [[1, 1], [1, 1]]),
        (28, (1, 0), 2, [[1, 0], [1, 0]]),
    ],
)
def test_padding_is_same_only_where_keras_would_pad_so(size: Any, pads: Any, stride: Any, expected: Any) -> None:
    assert keras.padding(_conv(size, pads, stride)) == expected


def test_a_convolution_in_the_words_of_keras() -> None:
    step = _conv(28, (1, 1))
    assert keras.class_name(step) == "Conv2D"
    assert keras.config(step) == {
        "filters": 4,
        "groups": 1,
        "kernel_size": [3, 3],
        "strides": [1, 1],
        "dilation_rate": [1, 1],
        "activation": "linear",
        "padding": "same",
        "use_bias": False,
    }


def test_relu6_is_a_clip() -> None:
    assert keras.activation(activation("Clip", min=0.0, max=6.0)) == "relu6"
    assert keras.activation(activation("Clip", min=-1.0, max=1.0)) == {"name": "clip", "min": -1.0, "max": 1.0}
