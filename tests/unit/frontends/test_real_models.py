"""Models that others trained and ship inside their packages: magika, and basic-pitch in its three forms.

The packages (without their dependencies) come from the package index once, into `build/` of the checkout.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from frontend_sources import io_names, run_onnx

from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.frontends import Loaded, load, load_many

pytestmark = pytest.mark.slow

PACKAGES = ("magika==1.0.3", "basic-pitch==0.4.0")
_CACHE = Path(__file__).parents[3] / "build" / "real-models"


@pytest.fixture(scope="session")
def packages() -> Path:
    done = _CACHE / "done.txt"
    if not done.is_file() or done.read_text().split() != list(PACKAGES):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(_CACHE)]
        subprocess.run([*command, *PACKAGES], check=True)
        done.write_text("\n".join(PACKAGES))
    return _CACHE


def test_magika(packages: Path) -> None:
    loaded = load(packages / "magika" / "models" / "standard_v3_3" / "model.onnx", Options())
    assert io_names(loaded) == (["bytes"], ["target_label"])
    tokens = np.full((2, 2048), 256, dtype=np.int32)
    tokens[0, :20] = np.frombuffer(b"#!/usr/bin/env pytho", dtype=np.uint8)
    (scores,) = run_onnx(loaded, tokens)
    assert scores.shape == (2, 214)
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-5)


def test_three_forms_of_basic_pitch_agree(packages: Path) -> None:
    pytest.importorskip("tensorflow", reason="the TensorFlow extra is not installed")
    folder = packages / "basic_pitch" / "saved_models" / "icassp_2022"
    results = load_many([folder / "nmp", folder / "nmp.tflite", folder / "nmp.onnx"], Options())
    forms: list[Loaded] = []
    for result in results:
        if isinstance(result, Onnx2RustError):
            raise result
        forms.append(result)
    assert io_names(forms[0])[0] == io_names(forms[1])[0] == ["input_2"]
    assert sorted(io_names(forms[0])[1]) == sorted(io_names(forms[1])[1]) == ["contour", "note", "onset"]
    audio = np.random.default_rng(4).normal(scale=0.1, size=(1, 43844, 1)).astype(np.float32)
    saved, lite = (dict(zip(io_names(form)[1], run_onnx(form, audio), strict=True)) for form in forms[:2])
    onset, note, contour = run_onnx(forms[2], audio)
    for name, third in (("onset", onset), ("note", note), ("contour", contour)):
        np.testing.assert_allclose(saved[name], lite[name], atol=2e-4)
        np.testing.assert_allclose(saved[name], third, atol=2e-4)
