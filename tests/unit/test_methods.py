"""Long programs: the methods that they are cut into follow the model's scopes, and loops stand around or inside of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools
from onnx import helper

from onnx2rust import emit
from onnx2rust.base.options import Checks, Options
from onnx2rust.conversion import pipeline
from onnx2rust.emit import alike, cutting, rustfmt
from onnx2rust.frontends import Loaded
from onnx2rust.plan import planner
from onnx2rust.verification import verify

Name = Callable[[int, str], str]


@pytest.fixture(autouse=True)
def one_line_a_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements as they are written, before they are broken into lines (`test_layout.py`)."""
    monkeypatch.setattr(rustfmt, "formatted", lambda text: text)


BLOCK = ("norm", "query", "key", "mix", "up", "down", "gate", "out")
WIDTH = 4


def chain(name: Name, blocks: int = 12, ends: bool = True, unlike: bool = True) -> str:
    """src/model.rs of a model of blocks: a normalisation and seven products each; `ends` puts a product before and one behind
    them. Where they are `unlike`, a product of each is wider than the block before has it."""
    rng = np.random.default_rng(1)
    nodes: list[onnx.NodeProto] = []
    weights = {"scale": np.ones(WIDTH, np.float32)}

    def add(called: str, norm: bool = False, read: int = WIDTH, made: int = WIDTH) -> None:
        weight = "scale" if norm else f"w{len(nodes)}"
        if not norm:
            weights[weight] = rng.standard_normal((read, made)).astype(np.float32)
        before = nodes[-1].output[0] if nodes else "x"
        op = "LayerNormalization" if norm else "MatMul"
        nodes.append(helper.make_node(op, [before, weight], [f"v{len(nodes)}"], called))

    for place in ["net/stem/MatMul"] * ends:
        add(place)
    for block in range(blocks):
        for part in BLOCK:
            wide = {"query": (WIDTH, WIDTH + block), "key": (WIDTH + block, WIDTH)}.get(part, ()) if unlike else ()
            add(name(block, part), part == "norm", *wide)
    for place in ["net/head/MatMul"] * ends:
        add(place)
    shape = ("batch", WIDTH)
    return written(onnx_models.model("chain", nodes, {"x": shape}, {nodes[-1].output[0]: shape}, weights))


def written(proto: onnx.ModelProto) -> str:
    return rendered(proto)["src/model.rs"]


def unindented(text: str) -> str:
    return re.sub(r"\n +", "\n", text)


def rendered(proto: onnx.ModelProto) -> dict[str, str]:
    options = Options(name="Methods", binary_classification=False)
    program = pipeline.lower(Loaded(proto, "onnx", "onnx", ()), options)
    return emit.render(planner.plan(program, options), options, emit.Context("x")).files


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
    assert max(map(len, methods(text).values())) <= cutting.BLOCK // 2


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
    monkeypatch.setattr(cutting, "BLOCK", block)
    monkeypatch.setattr(cutting, "FEW", few)
    text = images(128)
    loop = "for first in 0..batch {"
    assert text.count(loop) == 4
    begin = text.index("pub fn predict<")
    in_predict = text[begin : text.index("\n    }\n", begin)]
    assert in_predict.count(loop) == (0 if block == 14 else 4)
    assert ("let d = Dims { first, ..d };" in in_predict) == (block != 14)


def test_alike_blocks_are_one_method_and_what_alternates_are_two() -> None:
    text = chain(lambda block, part: f"net/encoder/layer_{block}/{part}/MatMul", unlike=False)
    # seven products each: what a block reads is in one buffer and in the other in turns
    assert predict(text) == ["stem", *["run_encoder_layer", "run_encoder_layer_2"] * 6, "head"]
    assert methods(text) == {key: list(BLOCK) for key in ("run_encoder_layer", "run_encoder_layer_2")}
    assert "self.run_encoder_layer_2(&self.layers.encoder_layer_blocks_2[5], &d, ws)?;" in text
    assert "    /// One of the alike blocks, `encoder/layer_0`, …, `encoder/layer_10`: 8 steps each.\n" in text
    # what stands above a step is true of all blocks
    assert text.count("// net/encoder/layer_*/query/MatMul: [batch, 4]\n") == 2
    assert not re.search(r"// .*layer_\d", text.replace("/// ", ""))


@pytest.mark.parametrize(
    ("texts", "common"),
    [
        (["a/layer_9/q/MatMul: [n, 4]", "a/layer_10/q/MatMul: [n, 4]"], "a/layer_*/q/MatMul: [n, 4]"),
        (["h.1/attn_1/x", "h.2/attn_2/x"], "h.*/attn_*/x"),
        (["block/add/Add: [n]", "block_1/add/Add: [n]", "block_12/add/Add: [n]"], "block*/add/Add: [n]"),
        (["v1", "other place"], "*"),
        (["same", "same"], "same"),
    ],
)
def test_a_comment_of_alike_blocks_says_what_they_have_in_common(texts: list[str], common: str) -> None:
    assert alike.common_text(texts) == common


def residual(blocks: int, called: Callable[[int], str]) -> onnx.ModelProto:
    """Blocks of a normalisation, a wider product with tanh, one back, what the block read added; a softmax times a
    constant of all blocks, and a third product."""
    rng = np.random.default_rng(4)
    nodes, before = [helper.make_node("Relu", ["x"], ["r"], "net/start/Relu")], "r"
    weights = {"shared": rng.standard_normal((WIDTH,)).astype(np.float32), "half": np.array([0.5], np.float32)}
    for k in range(blocks):
        for name, shape in (
            (f"scale{k}", (WIDTH,)),
            (f"up{k}", (WIDTH, 8)),
            (f"down{k}", (8, WIDTH)),
            (f"out{k}", (WIDTH, WIDTH)),
        ):
            weights[name] = rng.standard_normal(shape).astype(np.float32)
        place = called(k)
        nodes += [
            helper.make_node("LayerNormalization", [before, f"scale{k}"], [f"n{k}"], f"{place}/norm/LayerNormalization"),
            helper.make_node("MatMul", [f"n{k}", f"up{k}"], [f"u{k}"], f"{place}/up/MatMul"),
            helper.make_node("Tanh", [f"u{k}"], [f"g{k}"], f"{place}/up/Tanh"),
            helper.make_node("MatMul", [f"g{k}", f"down{k}"], [f"d{k}"], f"{place}/down/MatMul"),
            helper.make_node("Add", [f"d{k}", before], [f"a{k}"], f"{place}/add/Add"),
            helper.make_node("Softmax", [f"a{k}"], [f"s{k}"], f"{place}/softmax/Softmax"),
            helper.make_node("Mul", [f"s{k}", "shared"], [f"m{k}"], f"{place}/mul/Mul"),
            helper.make_node("MatMul", [f"m{k}", f"out{k}"], [f"o{k}"], f"{place}/out/MatMul"),
            helper.make_node("Add", [f"o{k}", f"a{k}"], [f"b{k}"], f"{place}/out/Add"),
        ]
        before = f"b{k}"
    nodes.append(helper.make_node("Mul", [before, "half"], ["y"], "net/end/Mul"))
    rows = ("batch", WIDTH)
    return onnx_models.model("residual", nodes, {"x": rows}, {"y": rows, "b3": rows}, weights)


def test_neighbours_that_are_alike_are_a_loop() -> None:
    files = rendered(residual(20, lambda k: f"net/encoder/layer.{k}"))
    text, layers = files["src/model.rs"], files["src/layers.rs"]
    # what the fourth block gives is an output: from there on another buffer is added to
    assert predict(text) == ["start", "run_encoder_layer", "run_encoder_layer_4", "run_encoder_layer_2"]
    assert "for block in &self.layers.encoder_layer_blocks {\nself.run_encoder_layer(block, &d, ws)?;\n}\n" in unindented(text)
    assert "    /// One of the alike blocks, `encoder/layer.5`, …, `encoder/layer.19`: 6 steps each.\n" in text
    assert "fn run_encoder_layer_2(&self, l: &EncoderLayerBlock2<'_>, d: &Dims, ws: &mut Workspace)" in text
    struct = layers[layers.index("pub struct EncoderLayerBlock2<'w> {") :]
    fields = ["norm: LayerNormalization<'w>", "up: Dense<'w>", "down: Dense<'w>", "shared: &'w [f32]", "out: Dense<'w>"]
    assert re.findall(r"pub (.*),\n", struct[: struct.index("}")]) == fields
    assert "pub encoder_layer_blocks: [EncoderLayerBlock<'w>; 4],\n" in layers
    assert "pub use layers::{EncoderLayerBlock, EncoderLayerBlock2, Layers};\n" in files["src/lib.rs"]
    # a constant that only blocks read stands in no other place
    assert len(re.findall(r"pub shared: ", layers)) == 3
    assert "w.encoder_layer_19_down_kernel" in layers[layers.index("encoder_layer_blocks_2: [") :]


@pytest.mark.slow
@pytest.mark.parametrize("called", ["net/layer.{}", "{}", "net/block_{}", "ws/d.{}"])
def test_alike_blocks_give_the_numbers_of_onnxruntime(called: str, tmp_path: Path) -> None:
    onnx.save(residual(20, called.format), tmp_path / "m.onnx")
    found = verify([tmp_path / "m.onnx"], Options(), Checks(batches=(1, 3), target_dir=rust_tools.VERIFY))
    assert [(m.passed, m.error) for m in found.models] == [(True, None)]


def test_names_of_many_words_and_programs_of_many_steps() -> None:
    deep = chain(lambda block, part: f"{'a_' * 250}/{block}/{part}/MatMul")
    assert len(methods(deep)) == 12
    long = chain(lambda block, part: "", blocks=40)
    assert len(methods(long)) == 40


def test_what_a_loop_reads_in_two_places_has_a_name() -> None:
    rng = np.random.default_rng(3)
    kernels = {k: rng.standard_normal((4, 4, 3, 3)).astype(np.float32) for k in ("k1", "k2")}
    nodes = [
        helper.make_node("Relu", ["x"], ["rectified"], "m/relu"),
        helper.make_node("Conv", ["x", "k1"], ["maps"], "m/one", pads=[1] * 4),
        helper.make_node("Conv", ["rectified", "k2"], ["scores"], "m/two", pads=[1] * 4),
        helper.make_node("Add", ["maps", "scores"], ["sum"], "m/add"),
    ]
    shape = ("batch", 4, 128, 128)
    text = written(onnx_models.model("views", nodes, {"x": shape}, {"sum": shape, "maps": shape}, kernels))
    loop = text[text.index("for first in") : text.index("Ok(Outputs")]
    views = dict(re.findall(r"let (\w+) = (&.*);", loop))
    assert views["x"] == "&inputs.x[first * 65536..][..65536]"
    assert all(len(re.findall(rf"\b{name}\b[,)]", loop)) > 1 for name in views)
    # nothing is said twice
    parts = re.findall(r"(?:ws|inputs)\.(\w+)[^;,]*?\[first ", loop)
    assert len(parts) == len(set(parts))


def test_a_loop_whose_methods_take_the_turn_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """They read the input and nothing else that holds all samples: no variable is made that nobody reads."""
    monkeypatch.setattr(cutting, "BLOCK", 4)
    monkeypatch.setattr(cutting, "FEW", 2)
    kernels = {f"k{k}": np.ones((4, 4, 3, 3), np.float32) for k in range(12)}
    nodes = [
        helper.make_node("Conv", [f"c{k}" if k else "x", f"k{k}"], [f"c{k + 1}"], f"m/conv{k}/Conv", pads=[1] * 4)
        for k in range(12)
    ]
    nodes.append(helper.make_node("GlobalMaxPool", ["c12"], ["top"], "m/top/Max"))
    shape = ("batch", 4, 128, 128)
    text = written(onnx_models.model("turns", nodes, {"x": shape}, {"top": ("batch", 4, 1, 1)}, kernels))
    assert re.findall(r"let (?:mut )?d = (.*);", text) == ["Dims { first }"]
