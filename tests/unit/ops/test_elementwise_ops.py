"""Lowering of elementwise, reduction, normalisation and quantisation operators: types, layers and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from op_models import layers, lower, types

from onnx2rust.base.errors import InvalidModelError, Onnx2RustError, UnsupportedError

F16, F32, F64, I64, U8 = np.float16, np.float32, np.float64, np.int64, np.uint8


def vector(*values: float, dtype: Any = F32) -> np.ndarray[Any, Any]:
    return np.array(values, dtype)


def refusal(kind: type[Onnx2RustError], *arguments: Any, **keywords: Any) -> str:
    with pytest.raises(kind) as caught:
        lower(*arguments, **keywords)
    return caught.value.problems[0].what


@pytest.mark.parametrize("opset", [7, 13, 14, 22])
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
def test_arithmetic_collapses_axes_that_behave_alike(op: str, opset: int) -> None:
    program = lower(op, {"a": (F32, ["n", 3, 4]), "b": vector(*range(1, 13)).reshape(3, 4)}, opset)
    assert types(program) == ["float32[n, 3, 4]"]
    assert str(program.steps[0].layer) == f"{op}(a_shape=[n, 12], b_shape=[1, 12])"


def test_comparisons_are_boolean() -> None:
    assert types(lower("Less", {"a": (F64, ["n"]), "b": (F64, [1])})) == ["bool[n]"]


def test_several_operands_are_a_chain() -> None:
    assert layers(lower("Mean", {"a": (F32, [2]), "b": (F32, [2]), "c": (F32, [1])})) == ["Add", "Add", "Div"]


def test_clip_at_zero_is_relu() -> None:
    program = lower("Clip", {"x": (F32, [4]), "low": np.array(0, F32)})
    assert str(program.steps[0].layer) == "Activate(activation=Relu)"


def test_clip_with_limits_of_the_run() -> None:
    assert layers(lower("Clip", {"x": (F32, [4]), "low": (F32, [])})) == ["Clip"]


def test_double_activations() -> None:
    assert layers(lower("Exp", {"x": (F64, ["n"])})) == ["Activate"]


def test_half_activations_run_between_casts() -> None:
    assert layers(lower("Exp", {"x": (np.float16, [4])})) == ["Cast", "Activate", "Cast"]


def test_shift_direction() -> None:
    inputs = {"x": (U8, [4]), "by": (U8, [4])}
    assert layers(lower("BitShift", inputs, direction="LEFT")) == ["BitShift"]
    assert refusal(InvalidModelError, "BitShift", inputs, direction="UP") == "direction='UP'"


def test_bits_of_another_size() -> None:
    found = refusal(InvalidModelError, "BitCast", {"x": (F32, [4])}, 26, to=7)
    assert found == "float32 and int64 have not the same size"


@pytest.mark.parametrize("opset", [7, 11, 13, 18])
def test_reductions_keep_symbols(opset: int) -> None:
    axes: dict[str, Any] = {"axes": [2, -3]} if opset < 18 else {}
    inputs = {"x": (F32, ["n", "c", "h", "w"]), **({} if axes else {"axes": vector(2, -3, dtype=I64)})}
    program = lower("ReduceMean", inputs, opset, keepdims=0, **axes)
    assert types(program) == ["float32[n, w]"]
    assert layers(program) == ["Reduce"]


def test_reduction_of_booleans_goes_through_bytes() -> None:
    program = lower("ReduceMax", {"x": (np.bool_, [2, 3])}, 20, keepdims=0)
    assert (layers(program), types(program)) == (["Cast", "Reduce", "Cast"], ["bool[]"])


def test_softmax_before_opset_13_takes_all_axes_from_its_own() -> None:
    inputs = {"x": (F32, ["n", 3, 4])}
    assert str(lower("Softmax", inputs, 11).steps[0].layer) == "Softmax(outer=n, axis=12, inner=1)"
    assert str(lower("Softmax", inputs, 13, axis=1).steps[0].layer) == "Softmax(outer=n, axis=3, inner=4)"


def test_positions_of_extremes() -> None:
    program = lower("ArgMax", {"x": (F32, ["n", "t", 3])}, axis=1, keepdims=0)
    assert types(program) == ["int64[n, 3]"]
    assert str(program.steps[0].layer) == "ArgMax(select_last_index=False, outer=n, axis=t, inner=3)"


def test_top_k_known_and_of_the_run() -> None:
    program = lower("TopK", {"x": (F32, ["n", 9]), "k": vector(4, dtype=I64)}, outputs=("v", "i"))
    assert types(program) == ["float32[n, 4]", "int64[n, 4]"]
    program = lower("TopK", {"x": (F32, ["n", 9]), "k": (I64, [1])}, outputs=("v", "i"))
    assert layers(program) == ["ReadSizes", "TopK"]
    beyond = refusal(InvalidModelError, "TopK", {"x": (F32, [2, 9]), "k": vector(10, dtype=I64)}, outputs=("v", "i"))
    assert beyond == "k = 10 of an axis of size 9"


def test_running_sums_along_an_axis_of_the_run() -> None:
    assert layers(lower("CumSum", {"x": (F32, [2, 3]), "axis": np.array(1)})) == ["CumSum"]
    assert layers(lower("CumSum", {"x": (F32, [2, 3]), "axis": (I64, [])})) == ["DynamicCumSum"]


def test_layer_normalization_takes_in_what_is_known() -> None:
    known = {"s": vector(1, 2, 3), "b": vector(0, 0, 1)}
    program = lower("LayerNormalization", {"x": (F32, ["n", 3]), **known})
    assert layers(program) == ["LayerNormalization"]
    assert str(program.steps[0].layer).endswith("size=[n, 3])")
    program = lower("LayerNormalization", {"x": (F32, ["n", 3]), "s": (F32, [3]), "b": known["b"]})
    assert layers(program) == ["LayerNormalization", "Mul", "Add"]


def test_layer_normalization_gives_only_the_outputs_wanted() -> None:
    program = lower("LayerNormalization", {"x": (F32, ["n", 3]), "s": vector(1, 2, 3)}, outputs=("y", "m"))
    assert types(program) == ["float32[n, 3]", "float32[n, 1]"]
    assert [o is None for o in program.steps[0].outputs] == [False, False, True]


def test_local_response_normalization_is_one_step() -> None:
    program = lower("LRN", {"x": (F32, ["n", 6, 4, 4])}, size=5, bias=2.0)
    assert [str(s.layer) for s in program.steps] == [
        "LocalResponseNormalization(size=5, alpha=0.0001, beta=0.75, bias=2.0, outer=n, axis=6, inner=16)"
    ]
    assert types(lower("LRN", {"x": (F16, [2, 6])}, size=4)) == ["float16[2, 6]"]


@pytest.mark.parametrize(
    ("shape", "attributes", "message"),
    [
        ([3], {"size": 3}, r"a window of 3 channels of float32\[3\]"),
        ([3, 4], {"size": 0}, "a window of 0 channels"),
        ([3, 4], {"size": 3, "bias": 0.0}, "alpha=0.0001, beta=0.75, bias=0: alpha at least 0, beta and bias above 0"),
        ([3, 4], {"size": 3, "alpha": float("nan")}, "alpha=nan"),
    ],
)
def test_local_responses_that_are_refused(shape: list[int], attributes: dict[str, float], message: str) -> None:
    with pytest.raises(Onnx2RustError, match=message):
        lower("LRN", {"x": (F32, shape)}, **attributes)


def test_batch_normalization_is_one_step() -> None:
    inputs = {"x": (F32, ["n", 2, 4, 4]), **{k: vector(1, 2) for k in ("s", "b", "m", "v")}}
    program = lower("BatchNormalization", inputs, epsilon=0.0)
    assert layers(program) == ["ScaleShift"]
    scale, shift = program.steps[0].layer.weights()
    np.testing.assert_allclose(scale.array, [1, 2 / np.sqrt(2)])
    np.testing.assert_allclose(shift.array, [0, 2 - 2 * np.sqrt(2)], rtol=1e-6)


def test_batch_normalization_in_training_is_refused() -> None:
    inputs = {"x": (F32, ["n", 2]), **{k: vector(1, 2) for k in ("s", "b", "m", "v")}}
    assert refusal(UnsupportedError, "BatchNormalization", inputs, training_mode=1) == (
        "BatchNormalization with training_mode=1 takes mean and variance from the batch"
    )


def test_groups_must_divide_the_channels() -> None:
    inputs = {"x": (F32, [1, 4, 3]), "s": vector(*[1] * 4), "b": vector(*[0] * 4)}
    assert layers(lower("GroupNormalization", inputs, num_groups=2)) == ["GroupNormalization"]
    assert refusal(InvalidModelError, "GroupNormalization", inputs, num_groups=3) == "4 channels in 3 groups"


@pytest.mark.parametrize("opset", [10, 13, 19, 21, 23])
def test_quantisation_of_a_tensor(opset: int) -> None:
    program = lower("QuantizeLinear", {"x": (F32, ["n", 3]), "s": np.array(0.5, F32), "z": np.array(3, np.int8)}, opset)
    assert types(program) == ["int8[n, 3]"]


def test_quantisation_along_an_axis_and_in_blocks() -> None:
    scales, zeros = vector(1, 2, 3), vector(0, 1, 2, dtype=U8)
    program = lower("QuantizeLinear", {"x": (F32, ["n", 3, 4]), "s": scales, "z": zeros})
    assert str(program.steps[0].layer) == "QuantizeLinear(x_shape=[n, 3, 4], scale_shape=[1, 3, 1], zero_shape=[1, 3, 1])"
    blocks = {"x": (F32, [2, 6]), "s": scales.repeat(2).reshape(2, 3)}
    assert types(lower("QuantizeLinear", blocks, axis=1, block_size=2)) == ["uint8[2, 6]"]
    wrong = refusal(InvalidModelError, "QuantizeLinear", {"x": (F32, [2, 4]), "s": scales, "z": zeros})
    assert wrong == "3 scales for an axis of size 4"


def test_dropout_keeps_everything() -> None:
    program = lower("Dropout", {"x": (F32, ["n", 3])}, outputs=("y", "mask"))
    assert types(program) == ["float32[n, 3]", "bool[n, 3]"]
    training = {"x": (F32, [3]), "r": np.array(0.5, F32), "t": np.array(True)}
    assert refusal(UnsupportedError, "Dropout", training) == (
        "Dropout with training_mode=True drops at random, which a generated crate does not do"
    )


@pytest.mark.parametrize(("opset", "kind", "content"), [(7, "float32", 0), (11, "bool", False), (13, "bool", True)])
def test_the_mask_of_dropout_is_onnxruntimes(opset: int, kind: str, content: Any) -> None:
    program = lower("Dropout", {"x": (F32, ["n", 3])}, opset, ("y", "mask"))
    assert types(program)[1] == f"{kind}[n, 3]"
    (constant,) = program.steps[0].inputs
    assert constant is not None
    assert constant.array is not None
    assert constant.array.ravel().tolist() == [content]


@pytest.mark.parametrize(("alpha", "names"), [(2.0, ["Dense"]), (3e38, ["Dense", "Mul"])])
def test_weights_take_in_a_factor_that_they_have_room_for(alpha: float, names: list[str]) -> None:
    """inf − inf would be NaN where the model gives an infinity."""
    weights = np.array([[2, -2], [1, 3]], F32)
    assert layers(lower("Gemm", {"a": (F32, ["n", 2]), "b": weights}, 13, alpha=alpha)) == names
