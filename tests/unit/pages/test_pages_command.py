"""`onnx2rust report`, as the documentation says it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import onnx
import onnx_models
import pytest
from page_files import Page
from rust_tools import ROOT

from onnx2rust.cli import group


def test_the_command_of_the_documentation_builds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = re.findall(r"^```sh\nonnx2rust (.*)\n```", (ROOT / "docs" / "report.md").read_text(encoding="utf-8"), re.M)
    line = next(c for c in commands if "--no-verify" in c)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    onnx.save(onnx_models.digits(), "digits.onnx")
    assert group.run([*line.split(), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"ok": True, "exit_code": 0, "page": "digits.html", "layers": 9, "notes": []}
    found = Page(Path("digits.html").read_text(encoding="utf-8"))
    assert found.inside("title") == ["digits.onnx"]
    assert (found.data["parity"], found.data["times"]) == (None, None)
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["digits.html", "digits.onnx"]
    assert group.run([*line.split()]) == 2
    assert "digits.html: exists" in capsys.readouterr().err


def test_without_cargo_it_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    onnx.save(onnx_models.score(), "m.onnx")
    assert group.run(["report", "m.onnx", "m.html", "--target-dir", str(tmp_path / "target")]) == 6
    said = capsys.readouterr().err
    assert "cargo is not installed" in said
    assert "--no-verify and --no-time" in said
    assert not Path("m.html").exists()
