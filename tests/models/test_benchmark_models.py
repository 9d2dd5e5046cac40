"""Every model that is measured gives onnxruntime's numbers, at two batch sizes, through the code that users get.

The large ones are left out unless asked for: `python -m pytest -m large tests/models/test_benchmark_models.py`, which needs three
minutes of CPU, most of it in TensorFlow, the first time. `python benchmarks/corpus.py` does the same and writes
benchmarks/CORPUS.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the TensorFlow extra is not installed")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import models  # noqa: E402
import quantised  # noqa: E402
import rust_tools  # noqa: E402

from onnx2rust.base.options import Checks, Options  # noqa: E402
from onnx2rust.conversion.pipeline import convert  # noqa: E402
from onnx2rust.verification import verify  # noqa: E402
from onnx2rust.verification.reports import ModelReport  # noqa: E402

SMALL = [name for name, model in models.MODELS.items() if not model.large]
NAMES = [*SMALL, *quantised.MODELS]
LARGE = [name for name, model in models.MODELS.items() if model.large]
CHECKS = Checks(batches=(1, 5), target_dir=rust_tools.VERIFY)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reports() -> dict[str, ModelReport]:
    files = models.onnx_files(SMALL) | quantised.onnx_files(list(quantised.MODELS))
    found = verify([files[name] for name in NAMES], Options(), CHECKS)
    return dict(zip(NAMES, found.models, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_matches_onnxruntime(reports: dict[str, ModelReport], name: str) -> None:
    report = reports[name]
    assert report.passed, report.text()
    assert report.outputs


@pytest.mark.parametrize("name", quantised.MODELS)
def test_a_quantised_crate_passes_its_own_tests_at_every_vector_level(name: str, tmp_path: Path) -> None:
    """What is allowed comes from the model in float64, not from what onnxruntime's kernels for this processor make of it."""
    project = convert(
        quantised.onnx_files([name])[name],
        tmp_path / "out",
        Options(name=name, layers=rust_tools.all_layers()),
    )
    assert "fn every_vector_level" in (project.crate / "tests" / "parity.rs").read_text()
    rust_tools.passes(project.crate, "test", "-q", "--test", "parity", as_written=True)


@pytest.mark.large
@pytest.mark.parametrize("name", LARGE)
def test_a_large_model_matches_onnxruntime(name: str) -> None:
    """One at a time: five hundred MB of weights need not be in memory together."""
    (report,) = verify([models.onnx_files([name])[name]], Options(), CHECKS).models
    assert report.passed, report.text()
    assert report.outputs
