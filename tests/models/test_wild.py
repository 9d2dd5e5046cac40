"""Models that other people trained and ship: magika's file types, basic-pitch's notes in each of
its three forms, speech, text, images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rust_tools
import wild

from onnx2rust.base.options import Checks, Options
from onnx2rust.conversion.pipeline import convert
from onnx2rust.verification import verify
from onnx2rust.verification.reports import ModelReport

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reports() -> dict[str, ModelReport]:
    pytest.importorskip("tensorflow", reason="the TensorFlow extra is not installed")
    files = [wild.file(*source) for source in wild.MODELS.values()]
    found = verify(files, Options(), Checks(batches=(1, 3), target_dir=rust_tools.VERIFY))
    return dict(zip(wild.MODELS, found.models, strict=True))


@pytest.mark.parametrize("name", wild.MODELS)
def test_matches_onnxruntime(reports: dict[str, ModelReport], name: str) -> None:
    report = reports[name]
    assert report.passed, report.text()
    assert report.outputs


def _features(path: Path) -> list[int]:
    """What magika looks at: 1,024 bytes of the beginning and of the end, without white space around
    them, 256 where there are none."""
    content = path.read_bytes()
    begin, end = content[:4096].lstrip()[:1024], content[-4096:].rstrip()[-1024:]
    return [*begin, *[256] * (1024 - len(begin)), *[256] * (1024 - len(end)), *end]


@pytest.mark.parametrize("real", [True, False], ids=["64 real files", "drawn"])
def test_magikas_crate_passes_its_own_tests(real: bool, tmp_path: Path) -> None:
    """onnxruntime is up to 3e-3 away from the model in float64 (a variance as E[x²] − E[x]²), the crate much less: the crate's
    tests must not take onnxruntime's error for the crate's."""
    model = wild.file(*wild.MODELS["magika"])
    files = [
        p
        for folder in ("src", "rust/tf-layers/src", "docs", "tests/golden")
        for p in sorted((ROOT / folder).rglob("*"))
        if p.is_file()
    ]
    files = [p for p in files if "__pycache__" not in p.parts and p.stat().st_size > 64]
    chosen = files[:: len(files) // 64][:64]
    assert len(chosen) == 64
    np.savez(tmp_path / "files.npz", bytes=np.array([_features(p) for p in chosen], np.int32))
    options = Options(name="magika", layers=rust_tools.all_layers(), features=tmp_path / "files.npz" if real else None)
    project = convert(model, tmp_path / "out", options)
    rust_tools.passes(project.crate, "test", "-q", as_written=True)
