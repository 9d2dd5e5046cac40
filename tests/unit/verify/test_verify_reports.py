"""A verification makes all that a conversion writes for people, and tells what fails there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import onnx_models
import pytest

from onnx2rust import report
from onnx2rust.base.options import Checks, Options
from onnx2rust.conversion import pipeline
from onnx2rust.files import folders
from onnx2rust.frontends import Loaded
from onnx2rust.report import architecture, picture
from onnx2rust.verification import verify


@pytest.mark.parametrize("part", [(architecture, "architecture"), (picture, "sketch"), (report, "computation_graph")])
def test_a_report_that_fails_is_the_failure_of_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: Any) -> None:
    def fails(*_: Any) -> None:
        raise KeyError("no such layer")

    module, name = part
    monkeypatch.setattr(module, name, fails)
    paths = [tmp_path / "score.onnx", tmp_path / "digits.onnx"]
    onnx.save(onnx_models.score(), paths[0])
    onnx.save(onnx_models.digits(), paths[1])
    found = verify(paths, Options(), Checks(target_dir=tmp_path / "target"))
    assert found.exit_code == 6
    for path, model in zip(paths, found.models, strict=True):
        assert model.text().splitlines() == [
            f"{path}: FAILED (tool failure)",
            "  bug in onnx2rust: KeyError: 'no such layer'",
            "      → -vv shows where; please report it with the model",
        ]


def test_all_but_the_pixels_is_what_a_conversion_writes(tmp_path: Path) -> None:
    loaded = Loaded(onnx_models.score(), "onnx", "onnx")
    plain = pipeline.generate(loaded, "score.onnx", Options(), drawn=False)
    drawn = pipeline.generate(loaded, "score.onnx", Options())
    assert folders.pieces(drawn.people.pop("model_overview.png"))[0][:4] == b"\x89PNG"
    assert (plain.crate, plain.people) == (drawn.crate, drawn.people)
    onnx.save(onnx_models.score(), tmp_path / "score.onnx")
    project = pipeline.convert(tmp_path / "score.onnx", tmp_path / "out")
    written = {p.relative_to(project.crate).as_posix() for p in project.crate.rglob("*") if p.is_file()}
    assert {n for n in written if not n.startswith("tf-layers/")} == set(plain.crate)
