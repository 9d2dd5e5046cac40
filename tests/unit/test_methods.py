"""Long programs: the methods that they are cut into follow the model's scopes, and loops stand around or inside of them."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import onnx
import onnx_models
import pytest
from onnx import helper

from onnx2rust import emit, pipeline, planner
from onnx2rust.emit import body
from onnx2rust.frontends import Loaded
from onnx2rust.options import Options

Name = Callable[[int, str], str]
BLOCK = ("norm", "query", "key", "mix", "up", "down", "gate", "out")
WIDTH = 4


def chain(name: Name, blocks: int = 12, ends: bool = True) -> str:
    """src/model.rs of a model of alike blocks: a normalisation and seven products each; `ends` puts a product before and one behind them."""
    rng = np.random.default_rng(1)
    nodes: list[onnx.NodeProto] = []
    weights = {"scale": np.ones(WIDTH, np.float32)}

    def add(called: str, norm: bool = False) -> None:
        weight = "scale" if norm else f"w{len(nodes)}"
        if not norm:
            weights[weight] = rng.standard_normal((WIDTH, WIDTH)).astype(np.float32)
        before = nodes[-1].output[0] if nodes else "x"
        op = "LayerNormalization" if norm else "MatMul"
        nodes.append(helper.make_node(op, [before, weight], [f"v{len(nodes)}"], called))

    for place in ["net/stem/MatMul"] * ends:
        add(place)
    for block in range(blocks):
        for part in BLOCK:
            add(name(block, part), part == "norm")
    for place in ["net/head/MatMul"] * ends:
        add(place)
    shape = ("batch", WIDTH)
    return written(onnx_models.model("chain", nodes, {"x": shape}, {nodes[-1].output[0]: shape}, weights))


def written(proto: onnx.ModelProto) -> str:
    options = Options(name="Methods", binary_classification=False)
    program = pipeline.lower(Loaded(proto, "onnx", "onnx", ()), options)
    return emit.render(planner.plan(program, options), options, emit.Context("x")).files["src/model.rs"]


def predict(text: str) -> list[str]:
    """Its calls: names of methods and of layers."""
    begin = text.index("pub fn predict<")
    return re.findall(r"\b(?:self|l)\.(\w+)(?:\.run\w*)?\(", text[begin : text.index("\n    }\n", begin)])


def methods(text: str) -> dict[str, list[str]]:
    """The layers that each method runs."""
    found = re.findall(r"\n    fn (run_\w+)\(&self.*?\n    }\n", text, re.DOTALL)
    return {
        name: re.findall(r"\bl\.(\w+)\.run", re.search(rf"    fn {name}\(&self.*?\n    }}\n", text, re.DOTALL)[0])  # type: ignore[index]
        for name in found
    }


def test_a_block_of_the_model_is_a_method() -> None:
    text = chain(lambda block, part: f"net/encoder/layer_{block}/{part}/MatMul")
    names = [f"run_encoder_layer_{k}" for k in range(12)]
    assert predict(text) == ["stem", *names, "head"]
    assert methods(text) == {f"run_encoder_layer_{k}": [f"encoder_layer_{k}_{part}" for part in BLOCK] for k in range(12)}
    assert "    /// `encoder/layer_3`: 8 steps.\n" in text
    # nobody reads what no method takes
    assert "Dims { batch }" in text


@pytest.mark.parametrize("separator", ["_", "."])
def test_scopes_in_one_word(separator: str) -> None:
    """Keras' own models say `conv2_block1_1_conv`, PyTorch says `layers.0.mlp`."""
    text = chain(lambda block, part: separator.join(("net/stage2", f"block{block}", part, "x/MatMul")))
    assert [n for n in predict(text) if n.startswith("run")] == [f"run_stage2_block{k}" for k in range(12)]
    assert f"    /// `stage2{separator}block3`: 8 steps.\n" in text


def test_blocks_that_no_scope_tells_begin_with_the_same_layer() -> None:
    text = chain(lambda block, part: f"net/{part}_{block}/MatMul")
    assert predict(text) == ["stem", *(f"run_norm_{k}_to_out_{k}" for k in range(11)), "run_norm_11_to_head"]
    assert "    /// `norm_3` to `out_3`: 8 steps.\n" in text
    bare = chain(lambda block, part: "", ends=False)
    assert predict(bare) == [f"run_part_{k}" for k in range(1, 13)]
    assert bare.count("        // v0 (LayerNormalization)") == 1
    assert len(re.findall(r"fn run_part_\d+.*\n(?: *let .*\n)* *// \w+ \(LayerNormalization\)", bare)) == 12


def test_a_long_scope_is_cut_and_says_where() -> None:
    text = chain(lambda block, part: f"net/tower/{part}_{block}/MatMul", ends=False)
    assert predict(text)[:2] == ["run_norm_0_to_out_0", "run_norm_1_to_out_1"]
    assert max(map(len, methods(text).values())) <= body.BLOCK // 2


def images(width: int) -> str:
    """Four stages of four convolutions, with steps between them that see the whole batch."""
    rng = np.random.default_rng(2)
    nodes, weights, before = [], {"axis": np.array([0])}, "x"
    for stage in range(4):
        for k in range(4):
            weights[f"k{stage}{k}"] = rng.standard_normal((4, 4, 3, 3)).astype(np.float32)
            nodes.append(
                helper.make_node("Conv", [before, f"k{stage}{k}"], [f"c{stage}{k}"], f"m/stage{stage}/conv{k}/Conv", pads=[1] * 4)
            )
            before = f"c{stage}{k}"
        if stage < 3:
            nodes.append(helper.make_node("ReduceMax", [before, "axis"], [f"top{stage}"], f"m/stage{stage}/top/Max"))
            nodes.append(helper.make_node("Sub", [before, f"top{stage}"], [f"shift{stage}"], f"m/stage{stage}/shift/Sub"))
            before = f"shift{stage}"
    shape = ("batch", 4, width, width)
    return written(onnx_models.model("images", nodes, {"x": shape}, {before: shape}, weights))


@pytest.mark.parametrize(
    ("block", "few"), [(14, 2), (4, 1), (2, 1)], ids=["loops in methods", "methods in loops", "one step each"]
)
def test_a_loop_stands_in_a_method_or_methods_in_it(block: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BLOCK", block)
    monkeypatch.setattr(body, "FEW", few)
    text = images(128)
    loop = "for first in 0..batch {"
    assert text.count(loop) == 4
    begin = text.index("pub fn predict<")
    in_predict = text[begin : text.index("\n    }\n", begin)]
    assert in_predict.count(loop) == (0 if block == 14 else 4)
    assert ("let d = Dims { first, ..d };" in in_predict) == (block != 14)


def test_names_of_many_words_and_programs_of_many_steps() -> None:
    deep = chain(lambda block, part: f"{'a_' * 250}/{block}/{part}/MatMul")
    assert len(methods(deep)) == 12
    long = chain(lambda block, part: "", blocks=40)
    assert len(methods(long)) == 40
