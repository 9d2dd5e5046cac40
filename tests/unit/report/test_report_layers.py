"""Reports of models whose layers are not those of the model's author: what passes made of them has the author's parameters."""

from __future__ import annotations

import numpy as np
from onnx import helper

from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import Loaded
from onnx2rust.report.architecture import architecture
from onnx2rust.report.graph import graph


def test_a_winograd_convolution_is_a_convolution() -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv", pads=[1, 1, 1, 1])
    kernel = helper.make_tensor("w", 1, [32, 32, 3, 3], np.ones(32 * 32 * 9, np.float32))
    x = helper.make_tensor_value_info("x", 1, ["n", 32, 16, 16])
    y = helper.make_tensor_value_info("y", 1, ["n", 32, 16, 16])
    proto = helper.make_model(helper.make_graph([node], "g", [x], [y], [kernel]), opset_imports=[helper.make_opsetid("", 17)])
    proto.ir_version = 8
    program = pipeline.lower(Loaded(proto, "onnx", "onnx", ()), Options(name="test", binary_classification=False))
    layers = architecture(program, graph(program), "onnx")["layers"].values()
    (layer,) = [entry for entry in layers if str(entry.get("rust")).endswith("WinogradConv2d")]
    assert layer["class"] == "Conv2D"
    assert (layer["config"]["kernel_size"], layer["config"]["padding"]) == ([3, 3], "same")
