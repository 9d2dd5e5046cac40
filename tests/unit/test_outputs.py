"""Outputs that a node declares and nobody reads."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

sys.path.insert(0, str(Path(__file__).parent / "ops"))
from build import layers, lower, model

from onnx2rust.base.errors import UnsupportedError

node = helper.make_node
PER_CHANNEL = dict.fromkeys(("scale", "bias", "mean", "var"), np.ones(3, np.float32))


def test_a_mask_that_nobody_reads_is_not_made() -> None:
    assert layers(
        lower(model([node("Dropout", ["x"], ["d", "mask"]), node("Exp", ["d"], ["y"])], {"x": (2, 3)}, ["y"], opset=9))
    ) == ["Activate"]


def test_positions_that_nobody_reads_are_not_made() -> None:
    nodes = [node("MaxPool", ["x"], ["y", "where"], kernel_shape=[2, 2])]
    assert layers(lower(model(nodes, {"x": (1, 1, 4, 4)}, ["y"]))) == ["MaxPool"]


def test_outputs_that_mean_training_are_refused_read_or_not() -> None:
    nodes = [node("BatchNormalization", ["x", *PER_CHANNEL], ["y", "m", "v", "sm", "sv"])]
    with pytest.raises(UnsupportedError, match=r"BatchNormalization with 5 outputs takes mean and variance from the batch"):
        lower(model(nodes, {"x": (1, 3, 4, 4)}, ["y"], PER_CHANNEL, opset=9))
    # names that are empty are no outputs
    nodes = [node("BatchNormalization", ["x", *PER_CHANNEL], ["y", "", "", "", ""])]
    assert layers(lower(model(nodes, {"x": (1, 3)}, ["y"], PER_CHANNEL, opset=9))) == ["ScaleShift"]


def test_a_sequence_that_nobody_reads_is_not_kept() -> None:
    weights = {"w": np.ones((1, 16, 3), np.float32), "r": np.ones((1, 16, 4), np.float32)}
    nodes = [node("LSTM", ["x", "w", "r"], ["y", "h", "c"], hidden_size=4)]
    program = lower(model(nodes, {"x": ("steps", 2, 3)}, ["h"], weights))
    (step,) = program.steps
    assert [None if v is None else v.shape for v in step.outputs] == [None, (1, 2, 4), None]
