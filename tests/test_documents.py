"""Code that documents show is code that there is."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import subprocess
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import onnx
import onnx.helper
import pytest
from rust_tools import ROOT

import onnx2rust
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import Loaded

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
FILE = re.compile(r"`([\w./-]+\.(?:rs|py))`")
DOCUMENTS = ("CONTRIBUTING.md", "docs/design.md")


class Sample(NamedTuple):
    document: str
    language: str
    code: str
    file: Path

    def __str__(self) -> str:
        return f"{self.document}: {self.file.parent.name}/{self.file.name}"


def blocks(document: str, *languages: str) -> Iterator[tuple[str, str, str]]:
    """The language, the code and the text before each block of these languages."""
    text, last = (ROOT / document).read_text(encoding="utf-8"), 0
    for found in BLOCK.finditer(text):
        if found[1] in languages:
            yield found[1], found[2], text[last : found.start()]
        last = found.end()


def samples() -> Iterator[Sample]:
    """Blocks of code after a text that names the file which they are from."""
    for document in DOCUMENTS:
        for language, code, before in blocks(document, "python", "rust"):
            files = [ROOT / name for name in FILE.findall(before) if (ROOT / name).is_file()]
            if files:
                yield Sample(document, language, code, files[-1])


SAMPLES = list(samples())


def squeezed(code: str) -> str:
    """Without blanks, and lines that rustfmt breaks as if they were whole."""
    return re.sub(r",(?=[)\]}])", "", re.sub(r"\s+", "", code))


def test_every_document_has_samples() -> None:
    assert [(s.document, s.language, s.file.name) for s in SAMPLES] == [
        ("CONTRIBUTING.md", "rust", "trilu.rs"),
        ("CONTRIBUTING.md", "python", "movement.py"),
        ("CONTRIBUTING.md", "rust", "padding.rs"),
        ("CONTRIBUTING.md", "python", "movement.py"),
        ("docs/design.md", "rust", "max.rs"),
        ("docs/design.md", "python", "pool.py"),
    ]


@pytest.mark.parametrize(
    "sample", [s for s in SAMPLES if s.language == "python"], ids=lambda s: f"{s.document}-{s.file.parent.name}"
)
def test_python_that_is_shown_stands_in_its_file(sample: Sample) -> None:
    ast.parse(sample.code)
    assert textwrap.dedent(sample.code).strip() in sample.file.read_text(encoding="utf-8")


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.language == "rust"], ids=str)
def test_rust_that_is_shown_stands_in_its_file(sample: Sample) -> None:
    """Line by line, and in this order: … stands for what is left out."""
    text, place = squeezed(sample.file.read_text(encoding="utf-8")), 0
    for piece in (squeezed(p).removesuffix(",") for line in sample.code.splitlines() for p in line.split("…")):
        found = text.find(piece, place)
        assert found >= 0, piece
        place = found + len(piece)


def test_the_generated_call_that_is_shown_is_generated() -> None:
    shown = next(code for _, code, _ in blocks("CONTRIBUTING.md", "rust") if code.startswith("// mask (Trilu)"))
    info, node = onnx.helper.make_tensor_value_info, onnx.helper.make_node
    shape: list[str | int | None] = ["batch", 8, "seq", "seq"]
    inputs = [info("x", onnx.TensorProto.FLOAT, shape), info("k", onnx.TensorProto.INT64, [])]
    nodes = [node("Sin", ["x"], ["s"]), node("Trilu", ["s", "k"], ["m"], "mask"), node("Cos", ["m"], ["y"])]
    graph = onnx.helper.make_graph(nodes, "g", inputs, [info("y", onnx.TensorProto.FLOAT, shape)])
    proto = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    files = pipeline.generate(Loaded(proto, "onnx", "onnx"), "g.onnx", Options(name="Masked")).rendered.files
    assert squeezed(shown) in squeezed(files["src/model.rs"])


def test_the_python_api_is_called_as_it_is_shown() -> None:
    calls = 0
    for _, code, _ in blocks("docs/python-api.md", "python"):
        for call in (n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Call)):
            name = ast.unparse(call.func)
            if name.startswith("onnx2rust."):
                function = getattr(onnx2rust, name.removeprefix("onnx2rust."))
                inspect.signature(function).bind(*call.args, **{str(k.arg): k.value for k in call.keywords})
                calls += 1
    assert calls == 4


def test_the_python_api_returns_what_is_listed() -> None:
    text = (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8")
    listed: dict[str, list[str]] = {
        name: re.findall(r"`(\w+)(?:\(\))?`", members) for name, members in re.findall(r"\| `(\w+)`: (.*) \|$", text, re.M)
    }
    assert set(listed) == {"Project", "Report", "ModelSupport", "Hosted", "Scored", "Written"}
    for name, members in listed.items():
        known: Any = getattr(onnx2rust, name)
        fields = {f.name for f in dataclasses.fields(known)}
        assert [m for m in members if m not in fields and not hasattr(known, m)] == []


def test_functions_of_the_python_api_have_the_signatures_that_are_listed() -> None:
    text = (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8")
    for name, arguments in re.findall(r"^\| `(\w+)\((.*?)\)` \|", text, re.M):
        known = [
            str(p.replace(annotation=inspect.Parameter.empty))
            for p in inspect.signature(getattr(onnx2rust, name)).parameters.values()
        ]
        shown = [a for a in arguments.replace("…", "").split(", ") if a and a != "*"]
        assert [a.partition("=")[0] for a in shown] == [k.partition("=")[0] for k in known], name
        assert [a for a in shown if not a.endswith("=")] == [k for k in known if not k.startswith("progress")], name


def test_targets_that_are_named_are_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    places = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.yml"), ROOT / ".ci" / "run"]
    named = {
        (name, path.name)
        for path in places
        for name in re.findall(r"(?:`|run: |^)make ([a-z0-9-]+)", path.read_text(encoding="utf-8"), re.M)
    }
    assert {"test.yml", "run", "CONTRIBUTING.md", "README.md"} <= {place for _, place in named}
    assert {(name, place) for name, place in named if name not in targets} == set()


def test_the_version_is_one() -> None:
    """In Python's spelling, and in cargo's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    crate = tomllib.loads((ROOT / "rust" / "tf-layers" / "Cargo.toml").read_text(encoding="utf-8"))["package"]["version"]
    assert project == onnx2rust.__version__
    assert re.sub(r"-alpha\.|-beta\.|-rc\.", lambda m: {"a": "a", "b": "b", "r": "rc"}[m[0][1]], crate) == project


def test_files_that_documents_name_exist() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    known = {"/" + name for name in listed}
    for document in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "rust" / "tf-layers" / "README.md"):
        named = re.findall(r"`([\w./-]+\.(?:py|rs|j2|toml|txt|md|json))`", document.read_text(encoding="utf-8"))
        assert [n for n in named if not any(k.endswith("/" + n.removeprefix("../")) for k in known)] == [], document.name


def test_code_in_documents_has_lines_of_130_columns() -> None:
    for document in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        for found in re.finditer(r"^```[^\n]*\n(.*?)^```$", document.read_text(encoding="utf-8"), re.M | re.S):
            assert [line for line in found[1].splitlines() if len(line) > 130] == [], document.name
