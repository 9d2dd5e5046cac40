"""The documents say what is true: links lead somewhere, and the generated code shown is what is generated."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from rust_tools import ROOT

import onnx2rust

sys.path += [str(ROOT / folder) for folder in ("docs", "benchmarks", "examples")]

import blocks
import demo
import demo_table
import report

DOCUMENTS = sorted(
    p.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "rust/tf-layers/*.md")
    for p in ROOT.glob(pattern)
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)|<img src=\"([^\"]+)\"", text)
    local = [a or b for a, b in targets if not (a or b).startswith("http")]
    assert [t for t in local if not (path.parent / t).exists()] == []


def test_every_document_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    own = [p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")]
    assert [name for name in own if name != "README.md" and f"]({name})" not in index] == []


@pytest.mark.slow
def test_the_readme_shows_what_is_generated(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="the TensorFlow extra is not installed")
    example = ROOT / "examples" / "digits"
    options = onnx2rust.Options(name="Digits", features=example / "features.npz")
    project = onnx2rust.convert(example / "saved_model", tmp_path / "out", options)
    shown = blocks.read(ROOT / "README.md", "predict")
    assert shown == f"```rust\n{demo.predict_source(project.crate)}\n```"


def test_the_readme_shows_what_was_measured() -> None:
    readme = ROOT / "README.md"
    assert blocks.read(readme, "measurements") == report.readme_table(json.loads(report.RESULTS.read_text()))
    shown = json.loads((ROOT / "examples" / "RESULTS.json").read_text())
    assert blocks.read(readme, "demo") == f"```text\n{demo_table.table(shown)}\n```"
    assert (ROOT / "benchmarks" / "RESULTS.md").read_text() == report.results(json.loads(report.RESULTS.read_text()))
