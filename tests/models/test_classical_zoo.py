"""Exports of scikit-learn, XGBoost, LightGBM and CatBoost through generated code, against onnxruntime.

They are skipped where the optional extra `models` is not installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
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
from onnx2rust.base.sequences import pairs
from onnx2rust.model.reference import inputs, session
from onnx2rust.oracle.labels import numbers


def _case(name: str, proto: onnx.ModelProto, samples: Sequence[Any]) -> harness.Case:
    """What onnxruntime computes for the samples; names of classes as places in their tables."""
    program = importer.read(proto, Options())
    reference = session(proto)
    found = [reference.run(None, inputs(reference, {program.inputs[0].name: x})) for x in samples]
    expected = [numbers([np.asarray(a) for a in each], program.labels) for each in found]
    return harness.Case(name, proto, [([x], each) for x, each in zip(samples, expected, strict=True)], 2e-5, 2e-5)


def _check(
    models: Iterator[tuple[str, Callable[[], onnx.ModelProto]]],
    folder: str,
    monkeypatch: pytest.MonkeyPatch,
    samples: Sequence[Any] = (),
) -> None:
    """Holds the models against onnxruntime, on samples that they were not all trained on if there are no others."""
    x, _, _ = classical_zoo.data()
    rows = [np.concatenate([x[:12], x[:12] * np.float32(1.5) - np.float32(0.25)])]
    monkeypatch.setattr(harness, "BUILD", harness.BUILD.with_name(folder))
    results: dict[str, Any] = harness.run([_case(name, make(), samples or rows) for name, make in models])
    assert {name: why for name, why in results.items() if why} == {}


@pytest.mark.slow
def test_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("skl2onnx")
    _check(classical_zoo.scikit_learn(), "scikit_learn", monkeypatch)


@pytest.mark.slow
def test_dictionaries(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("skl2onnx")
    samples: list[dict[str, float]] = [
        {"city=Rome": 1, "age": 2.5}, {"size": -7, "city=Paris": 1, "age": 1e3}, {"age": 0}, {"city=Oslo": 1, "size": 0.5},
    ]  # fmt: skip
    maps = [pairs(np.array(list(each)), np.array(list(each.values()), np.float32)) for each in samples]
    _check(classical_zoo.dictionaries(), "dictionaries", monkeypatch, maps)


@pytest.mark.slow
def test_boosted_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("xgboost", "lightgbm", "catboost", "onnxmltools"):
        pytest.importorskip(library)
    _check(classical_zoo.boosted(), "boosted", monkeypatch)
