"""`onnx2rust bench`: answers are compared before anything is timed, and what was timed is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
import onnx_models
import pytest
import rust_tools
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parent / "ops"))
from build import model

import onnx2rust
from onnx2rust import timing
from onnx2rust.base.errors import MismatchError
from onnx2rust.cli import run
from onnx2rust.oracle import Answer, Oracle
from onnx2rust.oracle.compare import Comparison
from onnx2rust.timing import server
from onnx2rust.timing.clock import Times
from onnx2rust.timing.reports import BenchReport, BenchRow, LayerTime
from onnx2rust.verification.workspace import Workspace


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch", "0"], "--batch 0: a batch has at least one sample"),
        (["--seconds", "0"], "--seconds 0.0: is not above 0, or more than an hour"),
        (["--seconds", "nan"], "--seconds nan: is not above 0, or more than an hour"),
        (["--seed", "-1"], "--seed -1: is below 0"),
        (["--batch", "1,x"], "'1,x' is not a list of sizes like 1,3"),
    ],
)
def test_refusals(arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", str(tmp_path / "m.onnx"), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_report_reads_as_a_table() -> None:
    times = {"crate": Times(2000, 1900, 10), "onnxruntime": Times(8000, 7900, 10)}
    layers = [LayerTime("a", "MatMul", "MatMul()", 1500.0, 3000), LayerTime("b", "Relu", "Relu()", 500.0, 0)]
    report = BenchReport("m.onnx", {"cpu": "a CPU"}, [BenchRow("n=1", times, layers)], ["a note"])
    assert report.text().splitlines() == [
        "m.onnx, one thread, one core of a CPU; medians",
        "  inputs   crate  onnxruntime  crate / onnxruntime",
        "  n=1     2.0 µs       8.0 µs                 0.25",
        "  layers at n=1: 2.0 µs (a mark before each takes some 0.05 µs)",
        "        1.50 µs  75.0 %     4.0 GFLOP/s  a (MatMul)",
        "        0.50 µs  25.0 %                  b (Relu)",
        "  note: a note",
    ]
    assert report.data()["rows"][0]["ratios"] == {"onnxruntime": 0.25}
    nothing = BenchReport("m.onnx", {"cpu": "a CPU"})
    assert nothing.exit_code == 7
    assert nothing.text().splitlines()[1] == "  not timed: no inputs were found that the model runs on"


def test_what_is_measured_is_what_users_build(tmp_path: Path) -> None:
    onnx.save(onnx_models.score(), tmp_path / "score.onnx")
    project = onnx2rust.convert(tmp_path / "score.onnx", tmp_path / "out")
    assert server.profile().strip() in (project.crate / ".cargo" / "config.toml").read_text()
    with mock.patch.object(timing, "Workspace", side_effect=InterruptedError) as workspace, pytest.raises(InterruptedError):
        onnx2rust.bench(tmp_path / "score.onnx")
    assert workspace.call_args.args[2] == server.profile()


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder and the profile in which other tests have built the layers: the times mean nothing here."""
    quick = Workspace(rust_tools.VERIFY).profile
    monkeypatch.setattr(server, "profile", lambda: quick)
    return rust_tools.VERIFY


@pytest.mark.slow
def test_times_of_a_model(tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]) -> None:
    onnx.save(onnx_models.score(), tmp_path / "score.onnx")
    given = ["--batch", "1,5", "--seconds", "0.05", "--per-layer", "--target-dir", str(target), "--json"]
    assert run(["bench", str(tmp_path / "score.onnx"), *given]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [r["inputs"].rpartition("=")[2] for r in data["rows"]] == ["1", "5"]
    for row in data["rows"]:
        assert list(row["times"]) == ["crate", "onnxruntime", "bound"]
        assert all(t["median"] > 0 and t["runs"] >= 5 for t in row["times"].values())
        assert [layer["op"] for layer in row["layers"]] == ["Gemm", "Gemm"]
        assert all(layer["ns"] > 0 for layer in row["layers"])
    assert {"cpu", "rustc", "onnxruntime"} <= set(data["machine"])


@pytest.mark.slow
def test_inputs_of_a_file_and_a_model_that_onnxruntime_does_not_run(tmp_path: Path, target: Path) -> None:
    # onnxruntime has no Max of 16-bit integers
    nodes = [helper.make_node("Max", ["x", "c"], ["y"])]
    proto = model(nodes, {"x": ("n", 3)}, ["y"], {"c": np.array([3], np.int16)}, dtypes={"x": TensorProto.INT16})
    np.savez(tmp_path / "f.npz", x=np.arange(6, dtype=np.int16).reshape(2, 3))
    options = onnx2rust.Options(features=tmp_path / "f.npz")
    report = onnx2rust.bench(proto, options, onnx2rust.Timing(batches=(1, 3), seconds=0.05, target_dir=target))
    assert [(row.label, list(row.times)) for row in report.rows] == [("n=1", ["crate"]), ("n=3", ["crate"])]
    assert "onnxruntime does not run the model on these inputs: the crate is timed alone" in report.notes
    assert report.rows[0].ratio("onnxruntime") is None


@pytest.mark.slow
def test_a_wrong_answer_is_not_timed(tmp_path: Path, target: Path) -> None:
    proto = model([helper.make_node("Relu", ["x"], ["y"])], {"x": ("n", 3)}, ["y"])
    wrong = Comparison(False, "is not what it should be")
    with mock.patch.object(Oracle, "compare", return_value=wrong), pytest.raises(MismatchError) as caught:
        onnx2rust.bench(proto, timing=onnx2rust.Timing(batches=(2,), seconds=0.05, target_dir=target))
    assert [str(p) for p in caught.value.problems] == ["n=2: y: is not what it should be"]


@pytest.mark.slow
def test_a_crate_that_fails_says_why(tmp_path: Path, target: Path) -> None:
    # an id beyond the table: an error for the crate; onnxruntime is told not to be asked
    table = np.arange(6, dtype=np.float32).reshape(3, 2)
    nodes = [helper.make_node("Gather", ["t", "x"], ["y"])]
    proto = model(nodes, {"x": ("n",)}, ["y"], {"t": table}, dtypes={"x": TensorProto.INT64})
    np.savez(tmp_path / "f.npz", x=np.array([7]))
    options = onnx2rust.Options(features=tmp_path / "f.npz")
    answer = Answer([np.zeros((1, 2), np.float32)], None)
    with mock.patch.object(Oracle, "run", return_value=answer), pytest.raises(onnx2rust.ToolError) as caught:
        onnx2rust.bench(proto, options, onnx2rust.Timing(batches=(1,), seconds=0.05, target_dir=target))
    assert "the generated crate fails: " in str(caught.value)
    assert "7" in str(caught.value)
