"""The trained examples: what a newcomer converts first."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rust_tools
from rust_tools import ROOT

import onnx2rust

pytestmark = pytest.mark.slow

# whether the model is a binary classifier
EXAMPLES = {
    "digits": False,
    "breast_cancer": True,
}


@pytest.fixture(scope="module", autouse=True)
def _needs_tensorflow() -> None:
    pytest.importorskip("tensorflow", reason="the TensorFlow extra is not installed")


def sources() -> list[Path]:
    """The trained models."""
    return [ROOT / "examples" / name / "saved_model" for name in EXAMPLES]


def options() -> list[onnx2rust.Options]:
    """The samples that lie beside each model; all have one file name."""
    return [onnx2rust.Options(features=ROOT / "examples" / name / "features.npz", crate_name=name) for name in EXAMPLES]


def test_they_compute_what_onnxruntime_and_keras_do() -> None:
    checks = onnx2rust.Checks(target_dir=rust_tools.VERIFY)
    report = onnx2rust.verify(sources(), options(), checks)
    report.raise_for_failure()
    for model in report.models:
        assert any("predictions" in output.name for output in model.outputs), "Keras's answers are compared too"


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, onnx2rust.Project]:
    """Both in one workspace: TensorFlow starts once."""
    found = onnx2rust.convert_workspace(sources(), tmp_path_factory.mktemp("examples") / "out", options())
    return dict(zip(EXAMPLES, found, strict=True))


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_classifier_is_one_only_if_it_can_be(name: str, projects: dict[str, onnx2rust.Project]) -> None:
    project, binary = projects[name], EXAMPLES[name]
    assert ("pub fn classify" in (project.crate / "src" / "model.rs").read_text()) is binary
    assert not any("binary" in note or "placeholder" in note for note in project.notes), "labels are there"
    assert (project.crate / "model" / "thresholds.json").exists() is binary
    if not binary:
        return
    levels = json.loads((project.crate / "model" / "thresholds.json").read_text())
    assert list(levels) == ["bottom", "low", "medium", "high"]
    assert np.all(np.diff(list(levels.values())) >= 0)
