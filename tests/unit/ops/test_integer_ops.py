"""Lowering of 8-bit products: what is packed at conversion, zero points, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from op_models import layers, lower, node_model, types

from onnx2rust import importer
from onnx2rust.base.errors import InvalidModelError
from onnx2rust.base.options import Options
from onnx2rust.ir.program import Program
from onnx2rust.layers.conv import DepthwiseConv
from onnx2rust.layers.integer import IntegerConv, IntegerDense

U8, I8 = np.uint8, np.int8


def dense(program: Program) -> IntegerDense:
    (found,) = [s.layer for s in program.steps if isinstance(s.layer, IntegerDense)]
    return found


def matrix(dtype: Any, *values: int) -> np.ndarray[Any, Any]:
    return np.array(values, dtype).reshape(-1, 2)


def test_a_constant_right_side_is_packed() -> None:
    program = lower("MatMulInteger", {"a": (U8, ["n", 4, 3]), "b": matrix(I8, 1, 2, 3, 4, 5, -6)})
    assert types(program) == ["int32[n, 4, 2]"]
    assert layers(program) == ["IntegerDense"]
    assert str(dense(program)) == "IntegerDense(inputs=3, units=2, kernel=b[3, 2], rows=4*n)"


def test_a_right_side_of_the_run_is_not() -> None:
    assert layers(lower("MatMulInteger", {"a": (U8, [4, 3]), "b": (I8, [3, 2])})) == ["MatMulInteger"]
    stack = np.zeros((2, 3, 2), I8)
    assert layers(lower("MatMulInteger", {"a": (U8, [2, 4, 3]), "b": stack})) == ["MatMulInteger"]
    zero: dict[str, Any] = {"-": (U8, []), "v": (I8, [])}
    assert layers(lower("MatMulInteger", {"a": (U8, [4, 3]), "b": stack[0], **zero})) == ["MatMulInteger"]


def test_unsigned_weights_lose_128_and_so_do_their_zero_points() -> None:
    weights = matrix(U8, 0, 255, 128, 127)
    layer = dense(lower("MatMulInteger", {"a": (U8, [4, 2]), "b": weights}))
    assert layer.kernel.array.tolist() == [[-128, 127], [0, -1]]
    assert layer.kernel_zero is not None
    assert layer.kernel_zero.array.tolist() == [-128, -128]
    zero = {"z": np.array(3, U8), "v": np.array([128, 5], U8)}
    layer = dense(lower("MatMulInteger", {"a": (U8, [4, 2]), "b": weights, **zero}))
    assert layer.kernel_zero is not None
    assert layer.kernel_zero.array.tolist() == [0, -123]


def test_zero_points_that_are_all_0_are_not_passed() -> None:
    zero = {"-": (U8, []), "v": np.array(128, U8)}
    assert dense(lower("MatMulInteger", {"a": (U8, [4, 2]), "b": matrix(U8, 1, 2, 3, 4), **zero})).kernel_zero is None


def test_zero_points_that_do_not_fit() -> None:
    zero = {"-": (U8, []), "v": np.zeros(3, I8)}
    with pytest.raises(InvalidModelError) as caught:
        lower("MatMulInteger", {"a": (U8, [4, 2]), "b": matrix(I8, 1, 2, 3, 4), **zero})
    assert caught.value.problems[0].what == "3 zero points for 2 columns or outputs"


def test_inner_sizes_that_differ() -> None:
    with pytest.raises(InvalidModelError) as caught:
        lower("MatMulInteger", {"a": (U8, [4, 3]), "b": matrix(I8, 1, 2, 3, 4)})
    assert caught.value.problems[0].what == "inner sizes 3 and 2 of uint8[4, 3] · int8[2, 2] differ"


@pytest.mark.parametrize(("group", "dilations", "by_tap"), [(1, [1, 1], False), (1, [1, 2], True), (2, [1, 1], True)])
def test_runs_of_a_kernel(group: int, dilations: list[int], by_tap: bool) -> None:
    kernel = np.ones((4, 4 // group, 3, 3), U8)
    program = lower("ConvInteger", {"x": (U8, ["n", 4, 9, 9]), "w": kernel}, group=group, dilations=dilations)
    (layer,) = [s.layer for s in program.steps if isinstance(s.layer, IntegerConv)]
    assert dict(layer.kernel.packing.fields) == {"group": group, "by_tap": by_tap}
    assert layer.kernel.array.shape == kernel.shape


def test_a_kernel_of_the_run_is_not_packed() -> None:
    assert "ConvInteger" in layers(lower("ConvInteger", {"x": (U8, ["n", 4, 9, 9]), "w": (U8, [4, 4, 3, 3])}))


def test_depthwise_sums_are_those_of_floats_where_they_are_exact() -> None:
    names = []
    for size in (16, 17):
        known = {"w": np.ones((4, 1, size, size), U8), "z": np.array(7, U8), "v": np.array(2, U8)}
        program = lower("ConvInteger", {"x": (U8, ["n", 4, 30, 30]), **known}, group=4)
        names.append([name for name in layers(program) if name != "Transpose"])
        for step in program.steps:
            if isinstance(step.layer, DepthwiseConv):
                assert (step.layer.kernel.array == -1).all()
    # 256 taps of 255 · 255 are less than 2²⁴, 289 are not
    assert names == [["DequantizeLinear", "DepthwiseConv", "Cast"], ["IntegerConv"]]


def test_a_depthwise_kernel_stays_in_bytes_where_they_count() -> None:
    """Elsewhere it is faster in floats."""
    inputs: dict[str, Any] = {"x": (U8, [1, 4, 9, 9]), "w": np.ones((4, 1, 3, 3), I8), "-": (U8, []), "v": np.zeros(4, I8)}
    assert "DepthwiseConv" in layers(lower("ConvInteger", inputs, group=4))
    program = importer.read(node_model("ConvInteger", inputs, group=4), Options(static=True))
    assert layers(program) == ["Transpose", "ConvInteger", "Transpose"]
    (step,) = [s for s in program.steps if type(s.layer).__name__ == "ConvInteger"]
    kernel, *zeros = step.inputs[1:]
    assert kernel is not None
    assert kernel.array is not None
    assert (kernel.array.dtype, kernel.array.shape, zeros) == (I8, (3, 3, 1, 4), [None, None])
