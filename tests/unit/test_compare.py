"""How two arrays are compared: tolerances, ULPs, NaN, the worst element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from onnx2rust.ir.dtypes import DType
from onnx2rust.oracle.compare import Comparison, Worst, compare

floats = hnp.arrays(np.float32, hnp.array_shapes(min_side=0, max_dims=3), elements=st.floats(width=32))


def f32(*values: Any) -> Any:
    return np.array(values, np.float32)


def worst(found: Comparison) -> Worst:
    assert found.worst is not None
    return found.worst


@given(floats)
def test_an_array_agrees_with_itself(array: Any) -> None:
    found = compare(array, array)
    assert found.passed
    assert (found.max_abs, found.max_rel, found.max_ulp, found.elements) == (0, 0, 0, array.size)


@given(floats.filter(lambda a: a.size and np.isfinite(a).all() and np.abs(a).max() < 1e30), st.floats(1e-7, 1e-2))
def test_the_tolerance_is_the_documented_one(expected: Any, step: Any) -> None:
    expected = expected.astype(np.float64)
    rtol, atol = DType.F64.tolerance
    allowed = rtol * np.abs(expected) + atol * np.abs(expected).max()
    moved = expected + step * np.abs(expected).max()
    assert compare(moved, expected).passed == bool((np.abs(moved - expected) <= allowed).all())


def test_type_and_shape_must_be_the_same() -> None:
    assert compare(f32(1), np.array([1.0])).problem == "is float32, should be float64"
    assert compare(f32(1), f32(1).reshape(1, 1)).problem == "has shape [1], should have [1, 1]"
    assert not compare(f32(1), np.array([1.0])).passed


@pytest.mark.parametrize(
    ("actual", "expected", "passed"),
    [
        (math.nan, math.nan, True),
        (math.inf, math.inf, True),
        (-math.inf, math.inf, False),
        (1.0, math.nan, False),
        (math.nan, 1.0, False),
        (math.inf, 3e38, False),
        (0.0, -0.0, True),
    ],
)
def test_nan_and_infinities(actual: Any, expected: Any, passed: Any) -> None:
    found = compare(f32(1, actual), f32(1, expected))
    assert found.passed is passed
    if not passed:
        assert worst(found).index == (1,)
        assert found.problem == "1 elements are NaN or infinite on one side only"


def test_numbers_of_a_report() -> None:
    found = compare(f32(1, 2, np.nextafter(np.float32(4), np.float32(5))), f32(1, 2.5, 4))
    assert not found.passed
    assert found.max_abs == 0.5
    assert found.max_rel == pytest.approx(0.2)
    assert (worst(found).index, worst(found).actual, worst(found).expected) == ((1,), 2.0, 2.5)
    assert str(found.worst) == "at [1]: 2 for 2.5"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_ulps_count_representable_numbers(dtype: Any) -> None:
    one = np.array([1], dtype)
    three_up = one
    for _ in range(3):
        three_up = np.nextafter(three_up, np.array([9], dtype))
    assert compare(three_up, one).max_ulp == 3
    tiny = np.nextafter(np.array([0], dtype), np.array([1], dtype))
    assert compare(tiny, -tiny).max_ulp == 2
    assert compare(np.array([0], dtype), np.array([-0.0], dtype)).max_ulp == 0
    largest = np.array([np.finfo(dtype).max], dtype)
    assert compare(largest, -largest).max_ulp == 2 * int(largest.view({2: "u2", 4: "u4", 8: "u8"}[one.itemsize])[0])


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.uint8, np.bool_])
def test_whole_numbers_and_bools_must_be_equal(dtype: Any) -> None:
    same = np.array([0, 1, 1], dtype)
    assert compare(same, same).passed
    found = compare(np.array([0, 1, 0], dtype), same)
    assert not found.passed
    assert found.problem == "1 elements differ"
    assert worst(found).index == (2,)


def test_differences_of_extreme_integers_do_not_overflow() -> None:
    low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    assert compare(np.array([low, 0]), np.array([high, 1])).max_abs == float(high - low)


def test_slack_is_added_to_what_is_allowed() -> None:
    assert compare(f32(1.25, 8), f32(1, 8), slack=0.25).passed
    assert not compare(f32(1.26, 8), f32(1, 8), slack=0.25).passed
    low, high = np.array([-128, 0, 9], np.int8), np.array([-127, 0, 127], np.int8)
    found = compare(low[:2], high[:2], slack=1.0)
    assert (found.passed, found.max_abs, worst(found).index, worst(found).share) == (True, 1.0, (0,), 1.0)
    assert compare(low, high, slack=1.0).problem == "2 elements differ"


def test_strings() -> None:
    assert compare(np.array(["a", "b"]), np.array(["a", "b"])).passed
    found = compare(np.array(["a", "b"]), np.array(["a", "c"]))
    assert (found.passed, worst(found).index, worst(found).actual) == (False, (1,), "b")


def test_comparisons_of_several_runs_add_up() -> None:
    good, bad = compare(f32(1), f32(1)), compare(f32(1), f32(2))
    merged = good.merged(bad).merged(good)
    assert merged == Comparison(False, "", 1.0, 0.5, bad.max_ulp, 3, bad.worst)
