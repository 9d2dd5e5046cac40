"""Every model that is measured gives onnxruntime's numbers, at two batch sizes, through the code that users get."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the TensorFlow extra is not installed")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import models  # noqa: E402

from onnx2rust.options import Checks, Options  # noqa: E402
from onnx2rust.verification import verify  # noqa: E402
from onnx2rust.verification.reports import ModelReport  # noqa: E402

NAMES = [name for name, model in models.MODELS.items() if not model.large]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reports() -> dict[str, ModelReport]:
    files = models.onnx_files(NAMES)
    checks = Checks(batches=(1, 5), target_dir=ROOT / "build" / "verify")
    found = verify([files[name] for name in NAMES], Options(), checks)
    return dict(zip(NAMES, found.models, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_matches_onnxruntime(reports: dict[str, ModelReport], name: str) -> None:
    report = reports[name]
    assert report.passed, report.text()
    assert report.outputs
