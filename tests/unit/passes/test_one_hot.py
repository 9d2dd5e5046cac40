"""Matrices that are multiplied with one-hot encodings; and what only looks like one."""

from __future__ import annotations

import numpy as np
import pytest
from build import layers
from passing import left, passed
from spelled_patterns import COMPARED, FLAX, ONE_HOT, WORDS, node, number, one_hot


@pytest.mark.parametrize("name", ONE_HOT)
def test_recognised(name: str) -> None:
    pattern = ONE_HOT[name]()
    program, said = passed(pattern)
    assert layers(program) == pattern.layers
    assert said == []
    (step,) = (s for s in program.steps if type(s.layer).__name__ == "GatherOrZero")
    w = pattern.constants["wt"].T if "wt" in pattern.constants else pattern.constants["w"]
    assert step.inputs[0].array.tolist() == w.tolist()
    assert step.layer.negative == (name == "one-hot")


@pytest.mark.parametrize("worst", [np.inf, np.nan])
def test_a_matrix_that_is_not_finite_stays(worst: float) -> None:
    pattern = one_hot(FLAX)
    pattern.constants["w"][3, 1] = worst
    program, said = passed(pattern)
    assert layers(program) == ["Equal", "Cast", "Dense"]
    assert said == [
        "one_hot: node 3 'y' (MatMul, opset 17): a one-hot encoding times a matrix that holds infinite numbers or NaN"
    ]


def test_ids_of_another_type_stay() -> None:
    pattern = one_hot(FLAX)
    pattern.constants["columns"] = np.arange(WORDS, dtype=np.float32)
    pattern.dtypes = {}
    program, said = passed(pattern)
    assert layers(program) == ["Equal", "Cast", "Dense"]
    reason = "a one-hot encoding of float32 times a matrix: rows are looked up by int32 or int64"
    assert said == [f"one_hot: node 3 'y' (MatMul, opset 17): {reason}"]


@pytest.mark.parametrize(
    "columns", [np.arange(1, WORDS + 1), np.arange(WORDS)[::-1], np.zeros(WORDS)], ids=["from 1", "backwards", "zeros"]
)
def test_other_columns_stay(columns: np.ndarray) -> None:
    pattern = one_hot(FLAX)
    pattern.constants["columns"] = columns.astype(np.int32)
    assert left(pattern) == ["Equal", "Cast", "Dense"]


def test_other_values_stay() -> None:
    pattern = one_hot([node("OneHot", "x depth off_on", "h")])
    pattern.constants["off_on"] = np.array([0.1, 1], np.float32)
    assert left(pattern) == ["OneHot", "Dense"]
    pattern = one_hot([*COMPARED, node("Where", "e one zero", "h")])
    pattern.constants["zero"] = number(-1)
    assert left(pattern) == ["Equal", "Where", "Dense"]


def test_an_encoding_along_another_axis_stays() -> None:
    """[batch, 8, 5] with the classes in the middle, times a matrix of 5 rows."""
    pattern = one_hot([node("OneHot", "x depth off_on", "h", axis=1)])
    pattern.constants["w"] = pattern.constants["w"][:5]
    assert left(pattern) == ["OneHot", "Dense"]


def test_rows_that_are_compared_with_columns_stay() -> None:
    """Eight words: ids [8] and columns [8], compared one by one."""
    pattern = one_hot([node("Equal", "x columns", "e"), FLAX[2]])
    pattern.inputs = {"x": ["batch", WORDS]}
    assert left(pattern) == ["Equal", "Cast", "Dense"]


def test_an_encoding_that_others_read_stays() -> None:
    program, _ = passed(one_hot(FLAX), ("y", "h"))
    assert layers(program) == ["Equal", "Cast", "GatherOrZero"]
