"""What the page says of layers: their nodes, their code, their buffers, their weights."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models
import pytest
from onnx import TensorProto, helper
from page_files import page, squeezed

from onnx2rust import emit
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import Loaded
from onnx2rust.pages import layers as drawing
from onnx2rust.pages.histograms import BINS, histogram
from onnx2rust.plan import planner
from onnx2rust.report.graph import graph

INFO = helper.make_tensor_value_info


def chain(count: int) -> onnx.ModelProto:
    """Alike blocks, so many that they become methods."""
    rng, nodes, weights, x = np.random.default_rng(1), [], {}, "x"
    for k in range(count):
        for part, op in enumerate(("MatMul", "Tanh", "MatMul", "Sin", "MatMul", "Sigmoid", "MatMul", "Cos")):
            y = f"b{k}_{part}"
            extra = []
            if op == "MatMul":
                weights[f"{y}_w"] = rng.standard_normal((4, 4)).astype(np.float32)
                extra = [f"{y}_w"]
            nodes.append(helper.make_node(op, [x, *extra], [y], f"block_{k}/{op}_{part}"))
            x = y
    return onnx_models.model("chain", nodes, {"x": ("batch", 4)}, {x: ("batch", 4)}, weights)


def layer_norm() -> onnx.ModelProto:
    """y = (x − mean) / sqrt(variance + ε), spelled out, of x + 1·2 (which is known)."""
    nodes = [
        helper.make_node("Mul", ["one", "two"], ["known"], "known"),
        helper.make_node("Add", ["x", "known"], ["s"], "shift"),
        helper.make_node("ReduceMean", ["s"], ["m"], "mean", axes=[-1]),
        helper.make_node("Sub", ["s", "m"], ["d"], "centre"),
        helper.make_node("Mul", ["d", "d"], ["q"], "square"),
        helper.make_node("ReduceMean", ["q"], ["v"], "variance", axes=[-1]),
        helper.make_node("Add", ["v", "eps"], ["e"], "plus"),
        helper.make_node("Sqrt", ["e"], ["r"], "root"),
        helper.make_node("Div", ["d", "r"], ["y"], "quotient"),
    ]
    weights = {"one": np.float32(1), "two": np.float32(2), "eps": np.float32(1e-5)}
    made = helper.make_graph(
        nodes,
        "g",
        [INFO("x", TensorProto.FLOAT, ["batch", 8])],
        [INFO("y", TensorProto.FLOAT, ["batch", 8])],
        [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in weights.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_nodes_that_were_fused_stand_with_their_layer(tmp_path: Path) -> None:
    found = page(onnx_models.digits(), tmp_path).data
    ops = {layer["name"]: [found["nodes"][k]["op"] for k in layer["nodes"]] for layer in found["layers"]}
    assert ops == {
        "image": [],
        "conv1_view": ["Conv"],
        "conv1": ["Conv", "Relu"],
        "pool1": ["MaxPool"],
        "conv2": ["Conv", "Relu"],
        "pool2": ["MaxPool"],
        "flatten": ["Flatten"],
        "flatten_view": ["Flatten"],
        "logits": ["Gemm"],
        "softmax": ["Softmax"],
    }


def test_a_pattern_of_many_nodes_and_what_is_folded(tmp_path: Path) -> None:
    found = page(layer_norm(), tmp_path).data
    named = {layer["name"]: [found["nodes"][k]["name"] for k in layer["nodes"]] for layer in found["layers"]}
    whole = ["mean", "centre", "square", "variance", "plus", "root", "quotient"]
    assert [names for names in named.values() if names] == [["shift"], whole]
    assert [node["name"] for node in found["nodes"] if node["folded"]] == ["known"]


def named(found: dict[str, Any]) -> dict[str, list[str]]:
    """The operators of each layer's nodes."""
    return {layer["name"]: [found["nodes"][k]["op"] for k in layer["nodes"]] for layer in found["layers"] if layer["nodes"]}


def test_products_of_integers_stand_with_the_nodes_that_they_replace(tmp_path: Path) -> None:
    """In a quantised model, of which the importer makes other nodes."""
    found = page(onnx_models.quantised("float"), tmp_path).data
    product = ["DequantizeLinear", "DequantizeLinear", "MatMul", "QuantizeLinear"]
    assert product in named(found).values()
    assert [op for ops in named(found).values() for op in ops if op not in product] == ["Exp"]
    assert not [node for node in found["nodes"] if node["folded"]]
    rng = np.random.default_rng(4)
    weights = {
        "s": np.array(0.05, np.float32), "z": np.array(3, np.uint8), "w": rng.integers(-63, 64, (64, 32)).astype(np.int8),
        "u": np.array(0.01, np.float32), "v": np.array(0, np.int8), "b": np.ones(32, np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["a"], "to_bytes"),
        helper.make_node("DequantizeLinear", ["a", "s", "z"], ["f"], "of_x"),
        helper.make_node("DequantizeLinear", ["w", "u", "v"], ["c"], "of_w"),
        helper.make_node("Gemm", ["f", "c", "b"], ["d"], "product"),
        helper.make_node("Gelu", ["d"], ["y"], "gelu"),
    ]
    proto = onnx_models.model("floats", nodes[:4], {"x": ("batch", 64)}, {"d": ("batch", 32)}, weights)
    proto.opset_import[0].version = 20
    proto.graph.node.append(nodes[4])
    proto.graph.output[0].name = "y"
    found = page(proto, tmp_path).data
    assert not [node["name"] for node in found["nodes"] if node["folded"]]
    assert ["Gelu"] in named(found).values()
    assert all(set(ops) <= {"DequantizeLinear", "Gemm"} for ops in named(found).values() if "Gemm" in ops)


@pytest.mark.parametrize(
    "proto", [onnx_models.digits(), onnx_models.text(), chain(3), chain(24)], ids=["digits", "text", "short", "alike"]
)
def test_the_code_that_is_shown_is_generated(proto: onnx.ModelProto, tmp_path: Path) -> None:
    found = page(proto, tmp_path, name="M").data
    loaded = Loaded(proto, "onnx", "onnx")
    files = pipeline.generate(loaded, "m.onnx", Options(name="M"), drawn=False).rendered.files
    model, literals = squeezed(files["src/model.rs"]), squeezed(files["src/layers.rs"])
    shown = [layer for layer in found["layers"] if "code" in layer]
    assert len(shown) >= 5
    for layer in shown:
        for line in layer["code"]["lines"].strip().split(";\n"):
            assert squeezed(line) in model, layer["name"]
        _, _, literal = layer["code"]["layer"].partition(": ")
        assert squeezed(literal) in literals, layer["name"]


def test_one_of_alike_blocks_says_which(tmp_path: Path) -> None:
    found = page(chain(24), tmp_path).data
    places = dict.fromkeys(layer["code"]["place"] for layer in found["layers"] if "code" in layer)
    alike = [place for place in places if ", for " in place]
    method, _, which = alike[0].partition(", for ")
    array, _, count = which.partition("[0] of ")
    assert int(count) >= 2
    assert alike == [f"{method}, for {array}[{k}] of {count}" for k in range(int(count))]


def test_buffers_hold_one_value_at_a_time(tmp_path: Path) -> None:
    found = page(chain(24), tmp_path).data["memory"]
    for slot in range(len(found["slots"])):
        own = sorted((v for v in found["lives"] if v["slot"] == slot), key=lambda v: (v["from"], v["to"]))
        for a, b in itertools.pairwise(own):
            assert a["to"] < b["from"] or (b["over"] and a["to"] == b["from"])
            assert b["bytes"] <= found["slots"][slot]["bytes"]
    alive = [
        sum(v["bytes"] for v in found["lives"] if v["from"] + v["over"] <= step <= v["to"]) for step in range(len(found["steps"]))
    ]
    assert found["alive"] == alive
    assert max(alive) <= sum(slot["bytes"] for slot in found["slots"])
    assert len(found["lives"]) == len(found["steps"]) == len(found["alive"])


def test_boxes_of_a_large_graph_have_places_of_their_own() -> None:
    options = Options(name="m")
    program = pipeline.lower(Loaded(chain(250), "onnx", "onnx"), options)
    found = drawing.drawing(graph(program))
    assert len(found["boxes"]) == 1002
    by_row = sorted(box["place"] for box in found["boxes"])
    for a, b in itertools.combinations(by_row, 2):
        if b[0] >= a[0] + a[2]:
            break
        assert b[1] >= a[1] + a[3] or a[1] >= b[1] + b[3]
    width = max(x + w for x, _, w, _ in by_row)
    height = max(y + h for _, y, _, h in by_row)
    assert 1 < width / height < 3
    reached = {tuple(line["tip"]) for line in found["lines"] if line["tip"]}
    assert len(reached) == 1001


HISTOGRAMS: dict[str, tuple[Any, dict[str, Any]]] = {
    "even": (np.arange(96, dtype=np.float32), {"bins": [2] * BINS, "min": 0.0, "max": 95.0, "mean": 47.5, "odd": 0, "every": 1}),
    "one number": (np.full((3, 2), 7, np.int8), {"bins": [0] * 24 + [6] + [0] * 23, "std": 0.0, "zeros": 0.0}),
    "not finite": (np.array([np.nan, np.inf, 0, 1], np.float32), {"odd": 2, "min": 0.0, "max": 1.0, "zeros": 0.25}),
    "nothing finite": (np.array([np.nan]), {"every": 1, "odd": 1, "zeros": 0.0}),
    "far apart": (np.array([-1.7e308, 1.7e308]), {"every": 1, "odd": 0, "zeros": 0.0, "min": -1.7e308, "max": 1.7e308}),
    "halves": (np.array([1, 2], np.float16), {"mean": 1.5}),
    "bools": (np.array([True, False]), {"mean": 0.5, "zeros": 0.5}),
    "strings": (np.array(["a"]), {}),
    "empty": (np.zeros((0, 3), np.float32), {}),
    "scalar": (np.float32(2), {"mean": 2.0}),
    "large": (np.ones((1 << 22) + 1, np.int8), {"every": 2, "mean": 1.0}),
}


@pytest.mark.parametrize("kind", HISTOGRAMS)
def test_histograms(kind: str) -> None:
    array, expected = HISTOGRAMS[kind]
    found = histogram(np.asarray(array))
    assert {name: found.get(name) for name in expected} == expected
    if "bins" in found:
        assert sum(found["bins"]) == math.ceil(np.asarray(array).size / found["every"]) - found["odd"]
    if not expected or "bins" not in expected:
        assert ("bins" in found) == ("mean" in found)


def branches() -> onnx.ModelProto:
    """Half, whole numbers, strings, a branch and two outputs."""
    then = helper.make_graph([helper.make_node("Sin", ["f"], ["a"])], "t", [], [INFO("a", TensorProto.FLOAT, ["n"])])
    other = helper.make_graph([helper.make_node("Cos", ["f"], ["b"])], "e", [], [INFO("b", TensorProto.FLOAT, ["n"])])
    nodes = [
        helper.make_node("Cast", ["h"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("If", ["c"], ["y"], "branch", then_branch=then, else_branch=other),
        helper.make_node("Add", ["i", "i"], ["j"]),
        helper.make_node("Identity", ["s"], ["t"]),
    ]
    inputs = [("h", TensorProto.FLOAT16), ("i", TensorProto.INT64), ("s", TensorProto.STRING)]
    made = helper.make_graph(
        nodes,
        "g",
        [*(INFO(n, t, ["n"]) for n, t in inputs), INFO("c", TensorProto.BOOL, [])],
        [INFO("y", TensorProto.FLOAT, ["n"]), INFO("j", TensorProto.INT64, ["n"]), INFO("t", TensorProto.STRING, ["n"])],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def test_a_model_of_other_types_without_weights(tmp_path: Path) -> None:
    found = page(branches(), tmp_path).data
    (branch,) = [layer for layer in found["layers"] if layer.get("inside")]
    assert branch["inside"] == ["a", "b"]
    assert branch["code"]["lines"].count("if inputs.c[0]") == 1
    assert found["weights"] == []
    assert len(found["graph"]["boxes"]) == len(found["layers"]) + 3


def test_without_asking_nothing_knows_its_lines() -> None:
    plan = planner.plan(pipeline.lower(Loaded(onnx_models.score(), "onnx", "onnx"), Options()), Options())
    assert emit.render(plan, Options(), emit.Context("m.onnx")).excerpts == {}
