"""Slices, pads, windows and products of sizes that are not known at conversion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from op_models import layers, lower, types

from onnx2rust.base.errors import InvalidModelError, UnsupportedError
from onnx2rust.ir.dims import symbol
from onnx2rust.ops.slices import slice_range

F32 = np.float32
LAST = 2**63 - 1


def ints(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int64)


def test_the_whole_of_an_axis_whose_size_is_an_expression() -> None:
    n = (symbol("time") - 192) // 128 + 1
    assert slice_range(n, 0, LAST, 1) == (0, n)
    assert slice_range(n, 0, n, 1) == (0, n)


def test_axes_that_are_not_cut_keep_their_sizes() -> None:
    program = lower("Slice", {"x": (F32, ["n", 8, 5]), "s": (np.int64, [1]), "e": (np.int64, [1]), "a": ints(2)})
    assert layers(program) == ["DynamicSlice"]
    assert types(program) == ["float32[n, 8, size_2]"]
    program = lower("Pad", {"x": (F32, ["n", 8, 5]), "p": (np.int64, [2]), "-": None, "a": ints(1)})
    assert types(program) == ["float32[n, size_1, 5]"]


def test_pooling_a_short_axis() -> None:
    window: dict[str, Any] = {"kernel_shape": [3], "strides": [2]}
    assert types(lower("MaxPool", {"x": (F32, [1, 4, 2])}, **window)) == ["float32[1, 4, 1]"]
    with pytest.raises(InvalidModelError, match="a window of 3 does not fit an axis of 1"):
        lower("MaxPool", {"x": (F32, [1, 4, 1])}, **window)


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool", "LpPool"])
def test_same_pads_of_pools_with_dilations(op: str) -> None:
    """onnxruntime makes other windows of them than the specification."""
    window: dict[str, Any] = {"auto_pad": "SAME_UPPER", "dilations": [2, 1]}
    reason = r"auto_pad=SAME_UPPER with dilations=\[2, 1\]: ONNX and onnxruntime pad differently; write the padding as pads"
    with pytest.raises(UnsupportedError, match=reason):
        lower(op, {"x": (F32, [1, 4, 6, 6])}, kernel_shape=[3, 3], **window)
    assert types(lower(op, {"x": (F32, [1, 4, 6, 6])}, kernel_shape=[1, 3], **window)) == ["float32[1, 4, 6, 6]"]


def test_channels_that_only_the_run_knows() -> None:
    cut = {"x": (F32, ["n", 8, 5]), "s": (np.int64, [1]), "e": (np.int64, [1]), "a": ints(1)}
    sliced = lower("Slice", cut)
    assert types(sliced) == ["float32[n, size_1, 5]"]
    with pytest.raises(UnsupportedError, match=r"axis 1 of float32\[n, c, 5\] has to be 3") as refused:
        lower("Conv", {"x": (F32, ["n", "c", 5]), "w": np.ones((4, 3, 1), np.float32)})
    assert "--dim c=3" in str(refused.value)
    with pytest.raises(InvalidModelError, match="7 channels in 1 groups do not fit a kernel"):
        lower("Conv", {"x": (F32, ["n", 7, 5]), "w": np.ones((4, 3, 1), np.float32)})


def test_products_whose_inner_sizes_only_the_run_can_compare() -> None:
    program = lower("MatMul", {"a": (F32, ["n", "k"]), "b": (F32, ["l", 4])})
    assert layers(program) == ["SameSize", "MatMul"]
    with pytest.raises(UnsupportedError, match=r"axis 1 of float32\[n, k\] has to be 3"):
        lower("MatMul", {"a": (F32, ["n", "k"]), "b": np.ones((3, 4), np.float32)})
    with pytest.raises(InvalidModelError, match=r"inner sizes 2 and 3 of float32\[n, 2\] · float32\[3, 4\] differ"):
        lower("MatMul", {"a": (F32, ["n", 2]), "b": np.ones((3, 4), np.float32)})
