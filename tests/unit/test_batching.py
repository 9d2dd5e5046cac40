"""Segments: which steps take a few samples at a time, and where their values lie meanwhile."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools
from onnx import helper

from onnx2rust import emit
from onnx2rust.base.options import Checks, Options
from onnx2rust.conversion import pipeline
from onnx2rust.emit import rustfmt
from onnx2rust.frontends import Loaded
from onnx2rust.ir.dims import symbol
from onnx2rust.ir.layer import Layer, Variant
from onnx2rust.ir.program import Program
from onnx2rust.layers import indexing, movement, norm, pool, reduce, softmax
from onnx2rust.plan import batching, planner
from onnx2rust.plan.planner import Plan
from onnx2rust.verification import verify


@pytest.fixture(autouse=True)
def one_line_a_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements as they are written, before they are broken into lines (`test_layout.py`)."""
    monkeypatch.setattr(rustfmt, "formatted", lambda text: text)


BATCH = symbol("batch")
SUM = Variant.of("reduce::Reduction", "Sum")
CONSTANT = Variant.of("movement::PadMode", "Constant")
WINDOW = ((2, 2), (2, 2), (1, 1), (0, 0), (0, 0), "", False)


def images(batch: str | int = "batch", size: int = 40, shift: bool = False) -> onnx.ModelProto:
    """Two convolutions with a way around the second, their mean and a dense layer; the second one's result is an output too. With
    `shift`, a step between the convolutions sees the whole batch."""
    rng = np.random.default_rng(1)

    def draw(*shape: int) -> np.ndarray[Any, Any]:
        return np.asarray(rng.standard_normal(shape) / 8, np.float32)

    node = helper.make_node
    nodes = [
        node("Conv", ["x", "k1", "b1"], ["c1"], "first", pads=[1, 1, 1, 1]),
        node("Relu", ["c1"], ["r1"], "first/relu"),
        *([node("ReduceMax", ["r1", "axis"], ["top"], "top"), node("Sub", ["r1", "top"], ["s1"], "shift")] if shift else []),
        node("Conv", ["s1" if shift else "r1", "k2", "b2"], ["c2"], "second", pads=[1, 1, 1, 1]),
        node("Add", ["c2", "r1"], ["sum"], "around"),
        node("Sigmoid", ["sum"], ["maps"], "maps"),
        node("GlobalAveragePool", ["maps"], ["mean"], "mean"),
        node("Flatten", ["mean"], ["flat"], "flat"),
        node("Gemm", ["flat", "w", "b"], ["logits"], "logits"),
        node("Softmax", ["logits"], ["classes"], "classes", axis=1),
    ]
    weights = {
        "k1": draw(16, 3, 3, 3), "b1": draw(16), "k2": draw(16, 16, 3, 3), "b2": draw(16), "w": draw(16, 2000), "b": draw(2000),
        **({"axis": np.array([0], np.int64)} if shift else {}),
    }  # fmt: skip
    shapes = {"maps": (batch, 16, size, size), "classes": (batch, 2000)}
    return onnx_models.model("images", nodes, {"x": (batch, 3, size, size)}, shapes, weights)


def lower(proto: onnx.ModelProto) -> Program:
    return pipeline.lower(Loaded(proto, "onnx", "onnx", ()), Options())


def names(program: Program) -> list[list[str]]:
    return [[s.name for s in program.steps[x.start : x.end]] for x in batching.segments(program)]


def written(plan: Plan) -> str:
    context = emit.Context("x")
    return emit.render(plan, Options(), context).files["src/model.rs"]


def test_a_loop_says_what_it_is_for() -> None:
    one, few = (written(planner.plan(lower(images(size=size)), Options())) for size in (40, 24))
    assert "// Samples do not depend on each other. One at a time: a layer reads and writes up to 300 KiB for each," in one
    assert "// Samples do not depend on each other. At most 2 at a time: a layer reads and writes up to 108 KiB for each," in few
    assert "(batch - first).min(2)" in few
    assert ".min(" not in one


def test_what_reuses_many_weights_takes_a_few_samples() -> None:
    program = lower(images())
    (segment,) = batching.segments(program)
    steps = [type(s.layer).__name__ for s in program.steps]
    assert steps[segment.start : segment.end] == ["Transpose", "Conv", "Conv", "GlobalAveragePool", "View"]
    assert steps[segment.end :] == ["Dense", "Softmax", "Transpose"]  # 128 KB for one row a sample
    assert (segment.samples, segment.batch) == (1, "batch")
    # x and y of the second convolution, and what goes around it: three images of 16 channels
    assert segment.touched == 3 * 40 * 40 * 16 * 4
    # x and y of the second convolution, and the residual: 3 · 24 · 24 · 16 floats
    (smaller,) = batching.segments(lower(images(size=24)))
    assert smaller.samples == batching.CACHE // (3 * 24 * 24 * 16 * 4) == 2


def test_no_segment_where_it_gains_nothing_or_the_batch_is_known() -> None:
    assert batching.segments(lower(images(batch=4))) == ()
    assert batching.segments(lower(images(size=4))) == ()
    assert batching.segments(lower(onnx_models.score())) == ()
    assert batching.segments(lower(onnx_models.text())) == ()


def test_a_step_that_sees_the_whole_batch_is_in_no_segment() -> None:
    program = lower(images(shift=True))
    inside = [name for segment in names(program) for name in segment]
    assert "second" in inside
    assert "top" not in inside
    assert "shift" not in inside


@pytest.mark.parametrize(
    ("layer", "independent"),
    [
        (movement.Transpose((0, 2, 1), (BATCH, 3, 4)), True),
        (movement.Transpose((1, 0, 2), (BATCH, 3, 4)), False),
        (movement.Transpose((0, 2, 1), (3, BATCH, 4)), False),
        (movement.Concat(BATCH * 7, (3, 4)), True),
        (movement.Concat(1, (BATCH * 3, BATCH)), False),
        (movement.Slice((1, 2), (BATCH, 9), (0, 1), (BATCH, 4)), True),
        (movement.Slice((1, 1), (BATCH, 9), (1, 0), (BATCH - 1, 9)), False),
        (movement.Slice((2, 1), (BATCH * 2, 9), (0, 0), (BATCH, 9)), False),
        (movement.Pad(CONSTANT, (BATCH, 9), (0, 1), (0, 2)), True),
        (movement.Pad(CONSTANT, (BATCH, 9), (1, 0), (0, 0)), False),
        (movement.Pad(CONSTANT, (BATCH, 9), (0, 0), (1, 0)), False),
        (reduce.Reduce(SUM, (False, True), (BATCH, 9)), True),
        (reduce.Reduce(SUM, (True, False), (BATCH, 9)), False),
        (reduce.Reduce(SUM, (False, True), (9, BATCH)), False),
        (softmax.Softmax(BATCH * 4, 10, 1), True),
        (softmax.Softmax(1, BATCH, 10), False),
        (norm.LpNormalization(BATCH + 1, 10, 1, 2), False),
        (pool.MaxPool(BATCH, (8, 8), 4, *WINDOW), True),
        (pool.MaxPool(4, (BATCH, 8), 4, *WINDOW), False),
        (pool.MaxPoolIndices(BATCH, (8, 8), 4, *WINDOW, False), False),  # indices count from the first image on
        (indexing.Gather(BATCH, 4, 5), False),
    ],
)
def test_layers_say_whether_samples_are_independent(layer: Layer, independent: bool) -> None:
    assert layer.by_sample("batch") is independent


@pytest.mark.parametrize("shift", [False, True])
def test_buffers_that_outlive_a_turn_are_shared_with_nothing_in_the_loop(shift: bool) -> None:
    program = lower(images(shift=shift))
    plan = planner.plan(program, Options())
    assert plan.segments
    for segment in plan.segments:
        steps = program.steps[segment.start : segment.end]
        made = {plan.root(v) for s in steps for v in s.results()}
        read = {plan.root(v) for s in steps for v in s.uses() if plan.root(v).const is None}
        later = {plan.root(v) for s in program.steps[segment.end :] for v in s.uses()} | {plan.root(v) for v in program.outputs}
        assert made & later <= plan.whole
        assert read - made <= plan.whole
        chained = {v for s, k in plan.in_place.items() for v in (s.inputs[k], s.outputs[0])}
        whole = [v for v in (made | read) & plan.whole if v in plan.slot_of]
        for value in whole:
            others = [v for v in made | read if plan.slot_of.get(v) == plan.slot_of[value] and v is not value]
            assert set(others) <= plan.whole & chained


@pytest.mark.parametrize("shift", [False, True])
def test_what_a_turn_writes_for_itself_is_in_a_part_of_the_workspace(shift: bool) -> None:
    """So that turns could run at once, with a part each."""
    program = lower(images(shift=shift))
    plan = planner.plan(program, Options())
    turns = [program.steps[s.start : s.end] for s in plan.segments]
    own = {plan.root(v) for steps in turns for s in steps for v in s.results()} - plan.whole
    assert own
    for value, slot in plan.slot_of.items():
        assert (slot in plan.of_turns) is (value in own), value
    code = written(plan)
    fields = dict(re.findall(r"struct (Workspace|Part) \{(.*?)\n\}", code, re.DOTALL))
    assert len(re.findall(r"\bs\d+: Slot<f32>", fields["Part"])) == len(plan.of_turns)
    assert "scratch: Slot<f32>" in fields["Part"]
    loops = "".join(re.findall(r"for first in (.*?)\n        \}", code, re.DOTALL))
    assert "&mut ws.part.scratch" in loops
    assert "&mut ws.scratch" not in loops


def test_the_code_is_a_loop_with_a_part_of_each_whole_value() -> None:
    code = written(planner.plan(lower(images()), Options()))
    assert "for first in 0..batch {" in code
    assert "&inputs.x[first * 4800..][..4800]" in code
    assert re.search(r"&mut ws\.s\d\.fit\(batch \* 25600\)\?\[first \* 25600\.\.\]\[\.\.25600\]", code)
    assert re.search(r"data: ws\.s\d\.get\(batch \* 25600\)", code)
    assert "let samples = (" not in code
    code = written(planner.plan(lower(images(size=24)), Options()))
    assert "for first in (0..batch).step_by(2) {" in code
    assert "let samples = (batch - first).min(2);" in code
    assert "&inputs.x[first * 1728..][..samples * 1728]" in code


def test_long_programs_pass_the_turn_to_their_parts() -> None:
    node = helper.make_node
    nodes = [node("Sin" if k % 2 else "Cos", [f"v{k}"], [f"v{k + 1}"], f"step_{k}/f") for k in range(100)]
    proto = onnx_models.model("long", nodes, {"v0": ("batch", 64, 64)}, {"v100": ("batch", 64, 64)}, {})
    code = written(planner.plan(lower(proto), Options()))
    assert "let mut d" not in code
    assert "let d = Dims { batch, ..Dims::default() };" in code
    assert "let d = Dims { first, samples, ..d };" in code
    assert "let Dims { batch, first, samples, .. } = *d;" in code


def test_a_size_may_be_called_like_a_variable_of_the_loop() -> None:
    for name in ("first", "samples"):
        code = written(planner.plan(lower(images(batch=name)), Options()))
        assert f"let Sizes {{ {name}: {name}_size }} = sizes;" in code
        assert f"for first in 0..{name}_size {{" in code


@pytest.mark.slow
def test_the_crates_compute_what_onnxruntime_computes(tmp_path: Path) -> None:
    node = helper.make_node
    long = [node("Sin" if k % 2 else "Cos", [f"v{k}"], [f"v{k + 1}"], f"step_{k}/f") for k in range(100)]
    protos = {
        "plain": images(),
        "shifted": images(shift=True),
        "smaller": images(size=24),
        "long": onnx_models.model("long", long, {"v0": ("batch", 64, 64)}, {"v100": ("batch", 64, 64)}, {}),
    }
    for name, proto in protos.items():
        assert batching.segments(lower(proto)), name
        onnx.save(proto, tmp_path / f"{name}.onnx")
    paths = [tmp_path / f"{name}.onnx" for name in protos]
    found = verify(paths, [Options()] * len(paths), Checks(batches=(1, 2, 7), target_dir=rust_tools.VERIFY))
    for report in found.models:
        assert report.passed, report.text()
