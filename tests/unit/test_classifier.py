"""Which models are taken for binary classifiers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models
import pytest
from onnx import helper

from onnx2rust.base.options import Options
from onnx2rust.conversion import classifier, pipeline
from onnx2rust.frontends import Loaded


def scored(*end: onnx.NodeProto, units: int = 1, **more: np.ndarray) -> onnx.ModelProto:
    """A linear layer `s` [batch, units], then these nodes up to `y` [batch, 1]."""
    nodes = [helper.make_node("Gemm", ["x", "w"], ["s" if end else "y"]), *end]
    weights = {"w": np.ones((3, units), np.float32), **more}
    return onnx_models.model("scored", nodes, {"x": ("batch", 3)}, {"y": ("batch", 1)}, weights)


SIGMOID = helper.make_node("Sigmoid", ["s"], ["p"])
SOFTMAX = helper.make_node("Softmax", ["s"], ["p"], axis=1)
ONE = {"one": np.array([1], np.int64), "two": np.array([2], np.int64)}
PROBABILITIES = {
    "sigmoid": scored(helper.make_node("Sigmoid", ["s"], ["y"])),
    "hard sigmoid": scored(helper.make_node("HardSigmoid", ["s"], ["y"])),
    "reshaped": scored(SIGMOID, helper.make_node("Reshape", ["p", "to"], ["y"]), to=np.array([-1, 1], np.int64)),
    "column of a softmax": scored(SOFTMAX, helper.make_node("Slice", ["p", "one", "two", "one"], ["y"]), units=2, **ONE),
    "picked": scored(SOFTMAX, helper.make_node("Gather", ["p", "one"], ["y"], axis=1), units=2, **ONE),
    "clipped": scored(
        SIGMOID,
        helper.make_node("Clip", ["p", "low", "high"], ["y"]),
        low=np.array(1e-7, np.float32),
        high=np.array(1 - 1e-7, np.float32),
    ),
}
REGRESSIONS = {
    "linear": scored(),
    "relu": scored(helper.make_node("Relu", ["s"], ["y"])),
    "gated": scored(SIGMOID, helper.make_node("Mul", ["s", "p"], ["y"])),
    "scaled": scored(SIGMOID, helper.make_node("Mul", ["p", "k"], ["y"]), k=np.array([90], np.float32)),
}


def program(proto: onnx.ModelProto) -> Any:
    return pipeline.lower(Loaded(proto, "onnx", "onnx", ()), Options(name="test"))


@pytest.mark.parametrize("name", PROBABILITIES)
def test_a_probability_a_sample_is_a_binary_classifiers(name: Any) -> None:
    found = program(PROBABILITIES[name])
    assert classifier.cannot_be(found) is None
    assert classifier.ends_in_probability(found)


@pytest.mark.parametrize("name", REGRESSIONS)
def test_any_other_number_a_sample_is_not(name: Any) -> None:
    found = program(REGRESSIONS[name])
    assert classifier.cannot_be(found) is None, "with the flag it may be one"
    assert not classifier.ends_in_probability(found)


@pytest.mark.parametrize("options", [{}, {"binary_classification": True}, {"thresholds": "t.json"}], ids=str)
def test_a_regression_classifies_only_if_it_is_said_to(options: Any, tmp_path: Path) -> None:
    onnx.save(REGRESSIONS["linear"], tmp_path / "m.onnx")
    (tmp_path / "t.json").write_text('{"bottom": 0.1, "low": 0.2, "medium": 0.3, "high": 0.4}')
    given = {k: tmp_path / v if k == "thresholds" else v for k, v in options.items()}
    project = pipeline.convert(tmp_path / "m.onnx", tmp_path / "out", Options(**given))
    assert (project.crate / "model" / "thresholds.json").exists() is bool(options)
    for file in "src/model.rs", "README.md", "build.rs", "tests/behaviour.rs", "src/lib.rs":
        text = (project.crate / file).read_text()
        assert any(word in text for word in ("classify", "hreshold", "Confidence")) is bool(options), file
    assert [n for n in project.notes if "threshold" in n] == (
        ["thresholds.json holds placeholders: give --thresholds, or `labels` in the features file"]
        if "binary_classification" in options
        else []
    )
