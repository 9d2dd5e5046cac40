"""What a terminal sees: colours where it has them, progress that moves, hints once, options before or after the command."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import onnx
import onnx_models
import pytest
import rust_tools

import onnx2rust
from onnx2rust import cli, verification
from onnx2rust.base.errors import Problem, UnsupportedError, UsageError
from onnx2rust.cli import console


class Terminal(io.StringIO):
    def isatty(self) -> Any:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "coloured"),
    [
        (Terminal, {}, True),
        (Terminal, {"NO_COLOR": "1"}, False),
        (Terminal, {"TERM": "dumb"}, False),
        (io.StringIO, {}, False),
        (io.StringIO, {"FORCE_COLOR": "1"}, True),
        (io.StringIO, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_where_the_terminal_has_it(monkeypatch: pytest.MonkeyPatch, stream: Any, environment: Any, coloured: Any) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    written = stream()
    console.Console(stream=written).error(UsageError("a\x1b[2Jb"))
    head = "\x1b[1;31merror:\x1b[0m usage" if coloured else "error: usage"
    assert written.getvalue() == f"{head}\n  a\\x1b[2Jb\n"


def test_progress_moves_until_the_stage_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "MOVES", 0.01)
    written = io.StringIO()
    one = console.Console(stream=written)
    one.stage("reading the model")
    end = time.monotonic() + 10
    while written.getvalue().count(". ") < 3 and time.monotonic() < end:
        time.sleep(0.01)
    one.done()
    said = written.getvalue()
    assert said.startswith("reading the model … . . . ")
    assert said.endswith(" s\n")
    time.sleep(0.05)
    assert written.getvalue() == said


def test_a_hint_is_told_once() -> None:
    problems = [Problem("no", f"node {k}", "another opset") for k in range(42)]
    problems.insert(1, Problem("what", "size", "fix it"))
    written = io.StringIO()
    console.Console(stream=written).error(UnsupportedError(problems))
    lines = written.getvalue().splitlines()
    assert lines[0] == "error: unsupported (43 problems)"
    assert lines[1:43] == [f"  node {k}: no" for k in range(42)]
    assert lines[43:] == ["      → another opset", "  size: what", "      → fix it"]


@pytest.mark.parametrize(
    "line", ["--json ops none.onnx", "ops --json none.onnx", "-q --json ops none.onnx", "--json ops none.onnx -q"]
)
def test_options_before_or_after_the_command(capsys: pytest.CaptureFixture[str], line: Any) -> None:
    assert cli.run(line.split()) == 2
    assert json.loads(capsys.readouterr().out)["exit_code"] == 2


def test_quiet_before_and_verbose_behind(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["-q", "ops", "-v"]) == 2
    assert "-q and -v contradict each other" in capsys.readouterr().err


def test_a_model_that_is_in_memory(tmp_path: Path) -> None:
    proto = onnx_models.score()
    proto.graph.name = "the score"
    before = proto.SerializeToString()
    project = onnx2rust.convert(proto, tmp_path / "out")
    assert isinstance(project, onnx2rust.Project)
    assert project.model == "TheScoreModel"
    assert (project.crate / "Cargo.toml").is_file()
    assert proto.SerializeToString() == before
    onnx.save(proto, tmp_path / "the_score.onnx")
    onnx2rust.convert(tmp_path / "the_score.onnx", tmp_path / "again")
    files = [
        {p.relative_to(o): p.read_bytes() for p in o.rglob("*") if p.is_file()} for o in (tmp_path / "out", tmp_path / "again")
    ]
    assert files[0] == files[1]


@pytest.mark.slow
def test_models_in_memory_are_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "default_folder", lambda: rust_tools.VERIFY)
    report = onnx2rust.verify([onnx_models.score()])
    assert isinstance(report, onnx2rust.Report)
    assert report.passed
    assert report.models[0].model.endswith(".onnx")
    assert "/" not in report.models[0].model


def test_result_types_are_exported() -> None:
    for name in ("Inspection", "ModelReport", "ModelSupport", "OutputReport", "Project", "Report", "Supported"):
        assert name in onnx2rust.__all__
        assert getattr(onnx2rust, name).__name__ == name
    with pytest.raises(AttributeError, match="module 'onnx2rust' has no attribute 'nothing'"):
        _ = onnx2rust.nothing
