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

from onnx2rust import Options, UsageError, write_report
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


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    onnx.save(onnx_models.score(), tmp_path / "m.onnx")
    long = tmp_path / f"{'long' * 80}.html"
    for command in (
        ["report", str(tmp_path / "m.onnx"), str(long), "--no-verify", "--no-time"],
        ["report", str(long), str(tmp_path / "m.html")],
        ["inspect", str(long)],
        ["weights", str(tmp_path / "m.onnx"), "-o", str(long)],
        ["host", "c", str(tmp_path / "m.onnx"), str(long)],
    ):
        assert group.run(command) == 2, command
        assert f"{long}: File name too long" in capsys.readouterr().err
    with pytest.raises(UsageError, match="cannot be the output: File name too long"):
        write_report(tmp_path / "m.onnx", long)


def test_force_replaces_a_link_and_not_what_it_leads_to(tmp_path: Path) -> None:
    onnx.save(onnx_models.score(), tmp_path / "m.onnx")
    page = tmp_path / "m.html"
    page.symlink_to(tmp_path / "none" / "other.html")
    with pytest.raises(UsageError, match=r"m\.html: exists"):
        write_report(tmp_path / "m.onnx", page)
    write_report(tmp_path / "m.onnx", page, Options(force=True))
    assert page.is_file()
    assert not page.is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.html", "m.onnx"]
