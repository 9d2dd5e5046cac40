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


def options(name: str) -> onnx2rust.Options:
    """The samples that lie beside the model."""
    return onnx2rust.Options(features=ROOT / "examples" / name / "features.npz")


def test_they_compute_what_onnxruntime_and_keras_do() -> None:
    checks = onnx2rust.Checks(target_dir=rust_tools.VERIFY)
    for name in EXAMPLES:
        report = onnx2rust.verify([ROOT / "examples" / name / "saved_model"], options(name), checks)
        report.raise_for_failure()
        assert any("predictions" in output.name for output in report.models[0].outputs), "Keras's answers are compared too"


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_classifier_is_one_only_if_it_can_be(name: str, tmp_path: Path) -> None:
    project = onnx2rust.convert(ROOT / "examples" / name / "saved_model", tmp_path / "out", options(name))
    binary = EXAMPLES[name]
    assert ("pub fn classify" in (project.crate / "src" / "model.rs").read_text()) is binary
    assert not any("binary" in note or "placeholder" in note for note in project.notes), "labels are there"
    assert (project.crate / "model" / "thresholds.json").exists() is binary
    if not binary:
        return
    levels = json.loads((project.crate / "model" / "thresholds.json").read_text())
    assert list(levels) == ["bottom", "low", "medium", "high"]
    assert np.all(np.diff(list(levels.values())) >= 0)
