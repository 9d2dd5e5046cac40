"""What verifying and timing found stands with the right layers, and what went wrong is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models
import pytest
from onnx import TensorProto, helper
from page_files import Page, page

import onnx2rust
from onnx2rust import pages
from onnx2rust.base.errors import MismatchError, Problem, ToolError
from onnx2rust.base.options import Checks, Options, Timing
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import Loaded
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Program, Step
from onnx2rust.oracle.compare import Comparison, Worst
from onnx2rust.pages import findings
from onnx2rust.pages.origins import Traced, nodes_of
from onnx2rust.timing.clock import Times
from onnx2rust.timing.profile import NodeTime
from onnx2rust.timing.reports import BenchReport, BenchRow, LayerTime
from onnx2rust.verification.reports import ModelReport, NodeReport, OutputReport, Report


def digits() -> tuple[onnx.ModelProto, Program, dict[Step, tuple[int, ...]]]:
    proto, traced = onnx_models.digits(), Traced()
    program = pipeline.passed(Loaded(proto, "onnx", "onnx"), Options(name="d"), traced).program
    return proto, program, nodes_of(traced, program, proto.graph, proto.graph)


def verified(*, passed: bool = True, error: Any = None) -> ModelReport:
    value = OutputReport("r1", "float32", Comparison(True, "", 1e-7, 1e-6, 3, 40), "batch=1", 2e-7)
    worst = Worst((0, 1), 0.5, 0.25, 7.0)
    output = OutputReport("probabilities", "float32", Comparison(passed, "", 0.25, 0.5, 9, 20, worst), "batch=3")
    whole = NodeReport(None, "all 2 values agree", 2, (), (value, replace(output, name="probabilities")))
    return ModelReport("m", [output], [] if error else ["batch=1"], error, whole, ["a note"])


def measured(program: Program) -> BenchReport:
    steps = [step for step in program.walk() if not isinstance(step.layer, View)]
    row = BenchRow("batch=1", {"crate": Times(2000.0, 1900.0, 10), "onnxruntime": Times(8000.0, 7000.0, 9)})
    row.layers = [LayerTime(s.origin.node, s.origin.op, str(s.layer), 100.0 * (k + 1), 0) for k, s in enumerate(steps)]
    row.nodes = [
        NodeTime("Conv", (1,), 3000.0),
        NodeTime("Flatten", (6,), 500.0),
        NodeTime("Softmax", (8,), 400.0),
        NodeTime("Softmax", (8,), 40.0),
        NodeTime("ReorderOutput", (), 70.0),
    ]
    return BenchReport("m", {"cpu": "c"}, [row], ["noted"])


def test_times_stand_with_the_layers() -> None:
    _, program, origins = digits()
    number = {step: k for k, step in enumerate(program.steps)}
    found = findings.times(measured(program), program, number, origins)
    names = [step.name for step in program.steps]
    assert {names[k]: ns for k, ns in found["layers"].items()} == {
        "conv1": 100.0, "pool1": 200.0, "conv2": 300.0, "pool2": 400.0, "flatten": 500.0, "logits": 600.0, "softmax": 700.0,
    }  # fmt: skip
    # a Relu that onnxruntime computes with its convolution is ours too; a Flatten is the layer of its two that takes time
    assert {names[k]: ns for k, ns in found["onnxruntime"].items()} == {"conv1": 3000.0, "flatten": 500.0, "softmax": 440.0}
    assert found["rest"] == [{"op": "ReorderOutput", "places": (), "ns": 70.0}]
    assert found["rows"][0]["ratio"] == 0.25


def test_distances_stand_with_the_nodes() -> None:
    proto, _, _ = digits()
    found = findings.parity(verified(), proto.graph)
    assert [(v["name"], v["node"], v["crate"], v["onnxruntime"]) for v in found["nodes"]] == [
        ("r1", 1, 1e-7, 2e-7),
        ("probabilities", 8, 0.25, None),
    ]
    assert found["outputs"][0]["worst"] == "at [0, 1]: 0.5 for 0.25"


def test_what_a_pass_puts_around_a_layer_comes_from_its_nodes(tmp_path: Path) -> None:
    """Layer normalisation along the middle axis, between transpositions that have values of their own."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[1]),
        helper.make_node("Sub", ["x", "m"], ["d"]),
        helper.make_node("Mul", ["d", "d"], ["q"]),
        helper.make_node("ReduceMean", ["q"], ["v"], axes=[1]),
        helper.make_node("Add", ["v", "eps"], ["e"]),
        helper.make_node("Sqrt", ["e"], ["r"]),
        helper.make_node("Div", ["d", "r"], ["y"]),
    ]
    info = helper.make_tensor_value_info
    made = helper.make_graph(
        nodes,
        "g",
        [info("x", TensorProto.FLOAT, ["batch", 8, 4])],
        [info("y", TensorProto.FLOAT, ["batch", 8, 4])],
        [onnx.numpy_helper.from_array(np.asarray(np.float32(1e-5)), "eps")],
    )
    found = page(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path).data
    layers = [layer for layer in found["layers"] if layer["summary"] != "input"]
    assert [layer["summary"].split()[0] for layer in layers] == ["Permute", "LayerNormalization", "Permute"]
    assert [layer["nodes"] for layer in layers] == [list(range(7))] * 3


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `verify` and `bench` find instead of building anything."""
    answers: dict[str, Any] = {"verify": verified(), "bench": None}

    def bench(model: Path, *_: Any, **__: Any) -> Any:
        if isinstance(answers["bench"], Exception):
            raise answers["bench"]
        return answers["bench"] or measured(digits()[1])

    monkeypatch.setattr(pages, "verify", lambda *_, **__: Report((answers["verify"],)))
    monkeypatch.setattr(pages, "bench", bench)
    return answers


def written(tmp_path: Path) -> tuple[onnx2rust.Written, Any]:
    out = tmp_path / "m.html"
    made = onnx2rust.write_report(onnx_models.digits(), out, Options(force=True), Checks(), Timing(batches=(1,)))
    return made, Page(out.read_text(encoding="utf-8")).data


def test_a_page_with_all_that_was_found(told: dict[str, Any], tmp_path: Path) -> None:
    made, data = written(tmp_path)
    assert (made.exit_code, made.notes) == (0, ())
    assert data["parity"]["passed"]
    assert data["parity"]["notes"] == ["a note"]
    assert data["times"]["notes"] == ["noted"]


def test_a_mismatch_is_on_the_page_and_in_the_exit_code(told: dict[str, Any], tmp_path: Path) -> None:
    told["verify"] = verified(passed=False)
    told["bench"] = MismatchError([Problem("probabilities: worst at [0]", "batch=1")], "hint")
    made, data = written(tmp_path)
    assert made.exit_code == MismatchError.exit_code
    assert any("probabilities" in note and "0.25" in note for note in made.notes)
    assert not data["parity"]["passed"]
    assert data["times"] == {"rows": [], "machine": {}, "notes": ["not timed: batch=1: probabilities: worst at [0]"]}


def test_what_could_not_be_run_is_not_verified(told: dict[str, Any], tmp_path: Path) -> None:
    told["verify"] = replace(verified(), draws=[], outputs=[], nodes=None, notes=[])
    made, data = written(tmp_path)
    assert (made.exit_code, made.notes) == (7, ("verification: no inputs were found that the model runs on",))
    assert not data["parity"]["ran"]


def test_a_crate_that_does_not_compile_is_told_on_the_page(told: dict[str, Any], tmp_path: Path) -> None:
    told["verify"] = verified(error=ToolError("it does not compile", "report it"))
    made, data = written(tmp_path)
    assert made.exit_code == 6
    assert data["parity"]["problems"] == ["it does not compile\n    → report it"]


def test_a_tool_that_is_missing_ends_it(told: dict[str, Any], tmp_path: Path) -> None:
    told["bench"] = ToolError("cargo is not installed")
    with pytest.raises(ToolError, match="cargo is not installed") as error:
        written(tmp_path)
    assert error.value.__notes__ == ["--no-verify and --no-time write the page without building the crate"]
    assert not (tmp_path / "m.html").exists()
