"""Exports of scikit-learn, XGBoost, LightGBM and CatBoost through generated code, against onnxruntime.

They are skipped where the optional extra `models` is not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
import classical_zoo
import harness

from onnx2rust import importer
from onnx2rust.base.options import Options
from onnx2rust.model.reference import session
from onnx2rust.oracle.labels import numbers


def _case(name: str, proto: onnx.ModelProto) -> harness.Case:
    """What onnxruntime computes for samples that the model was not all trained on; names of classes as places in their tables."""
    program = importer.read(proto, Options())
    x, _, _ = classical_zoo.data()
    x = np.concatenate([x[:12], x[:12] * np.float32(1.5) - np.float32(0.25)])
    found = session(proto).run(None, {program.inputs[0].name: x})
    expected = numbers([np.asarray(a) for a in found], program.labels)
    return harness.Case(name, proto, [([x], expected)], 2e-5, 2e-5)


def _check(models: Iterator[tuple[str, Callable[[], onnx.ModelProto]]], folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "BUILD", harness.BUILD.with_name(folder))
    results: dict[str, Any] = harness.run([_case(name, make()) for name, make in models])
    assert {name: why for name, why in results.items() if why} == {}


@pytest.mark.slow
def test_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("skl2onnx")
    _check(classical_zoo.scikit_learn(), "scikit_learn", monkeypatch)


@pytest.mark.slow
def test_boosted_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("xgboost", "lightgbm", "catboost", "onnxmltools"):
        pytest.importorskip(library)
    _check(classical_zoo.boosted(), "boosted", monkeypatch)
