"""Lowering of shapes, movement, indexing and pooling: types, layers and refusals."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from op_models import layers, lower, types

from onnx2rust.base.errors import InvalidModelError, UnsupportedError
from onnx2rust.ir.dims import evaluate, symbol
from onnx2rust.ops.slices import slice_range

F32 = np.float32


def ints(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int64)


@pytest.mark.parametrize("opset", [7, 13, 14, 21, 25])
def test_reshape_keeps_symbols(opset: int) -> None:
    program = lower("Reshape", {"x": (F32, ["batch", 4, 6]), "s": ints(0, -1)}, opset)
    assert types(program) == ["float32[batch, 24]"]
    assert layers(program) == []


def test_reshape_counts_where_only_the_run_can() -> None:
    program = lower("Reshape", {"x": (F32, ["n", 4]), "s": ints(2, 6)})
    assert types(program) == ["float32[2, 6]"]
    assert layers(program) == ["CheckedCopy"]


def test_reshape_to_a_shape_of_the_run() -> None:
    program = lower("Reshape", {"x": (F32, ["n", 4]), "s": (np.int64, [3])})
    assert layers(program) == ["ReshapeSizes"]
    assert types(program) == ["float32[axis_0, axis_1, axis_2]"]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5, 2), r"does not have the elements of \[5, 2\]"),
        ((-1, -1), r"shape \[-1, -1\] is not one"),
        ((5, -1), "12 elements do not divide by 5"),
        ((-2, 3), r"shape \[-2, 3\] is not one"),
    ],
)
def test_reshape_refuses(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InvalidModelError, match=message):
        lower("Reshape", {"x": (F32, [3, 4]), "s": ints(*shape)})


def test_squeeze_needs_to_know() -> None:
    assert types(lower("Squeeze", {"x": (F32, ["n", 1, 3]), "a": ints(1)})) == ["float32[n, 3]"]
    assert types(lower("Squeeze", {"x": (F32, ["n", 1, 3])}, 11, axes=[-2])) == ["float32[n, 3]"]
    assert types(lower("Squeeze", {"x": (F32, ["n", 1, 3])})) == ["float32 of any rank"]
    with pytest.raises(InvalidModelError, match="an axis of size 3 cannot be squeezed"):
        lower("Squeeze", {"x": (F32, ["n", 1, 3]), "a": ints(2)})


def test_unsqueeze_and_flatten() -> None:
    assert types(lower("Unsqueeze", {"x": (F32, ["n", 3]), "a": ints(0, -1)})) == ["float32[1, n, 3, 1]"]
    assert types(lower("Flatten", {"x": (F32, ["n", 3, 4])}, axis=-1)) == ["float32[3*n, 4]"]
    assert types(lower("Flatten", {"x": (F32, ["n", 3, 4])}, axis=0)) == ["float32[1, 12*n]"]


def test_concat_of_unlike_symbols_counts() -> None:
    program = lower("Concat", {"a": (F32, ["n", 3]), "b": (F32, ["m", 4])}, axis=1)
    assert types(program) == ["float32[n, 7]"]
    assert program.steps[-1].layer.fallible
    with pytest.raises(InvalidModelError, match="inputs of Concat differ in another axis"):
        lower("Concat", {"a": (F32, [2, 3]), "b": (F32, [5, 4])}, axis=1)


@pytest.mark.parametrize(
    ("start", "end", "step", "size"),
    [
        (0, 2**63 - 1, 1, "n"),
        (0, -1, 1, "max(0, n - 1)"),
        (1, 2**31 - 1, 1, "max(0, n - 1)"),
        (-1, 2**63 - 1, 1, "min(1, n)"),
        (-1, -(2**63) + 1, -1, "n"),
        (0, 2**63 - 1, 2, "(n + 1)//2"),
    ],
)
def test_slice_of_a_symbolic_axis(start: int, end: int, step: int, size: str) -> None:
    program = lower("Slice", {"x": (F32, ["n", 3]), "s": ints(start), "e": ints(end), "a": ints(0), "by": ints(step)})
    assert types(program) == [f"float32[{size}, 3]"]
    assert layers(program) in ([], ["Slice"])


def test_slice_with_bounds_of_the_run() -> None:
    program = lower("Slice", {"x": (F32, ["n", 3]), "s": (np.int32, [1]), "e": (np.int32, [1]), "a": np.array([1], np.int32)})
    assert layers(program) == ["Cast", "Cast", "DynamicSlice"]
    assert types(program) == ["float32[n, size_1]"]
    open_end = {"x": (F32, ["n", 3]), "s": ints(0), "e": (np.int64, ["m"]), "a": ints(1)}
    with pytest.raises(UnsupportedError, match=r"axis 0 of int64\[m\] has to be 1\n.*--dim m=1"):
        lower("Slice", open_end)
    with pytest.raises(InvalidModelError, match="differ in length"):
        lower("Slice", {**open_end, "e": (np.int64, [2])})
    with pytest.raises(InvalidModelError, match="a step of Slice is 0"):
        lower("Slice", {"x": (F32, [4]), "s": ints(0), "e": ints(2), "a": ints(0), "by": ints(0)})


def test_split() -> None:
    assert types(lower("Split", {"x": (F32, ["n", 7])}, 18, ("a", "b"), axis=1, num_outputs=2)) == [
        "float32[n, 4]",
        "float32[n, 3]",
    ]
    with pytest.raises(InvalidModelError, match="an axis of 7 does not split into 2 equal parts"):
        lower("Split", {"x": (F32, ["n", 7])}, 13, ("a", "b"), axis=1)
    with pytest.raises(InvalidModelError, match="are not an axis of 7"):
        lower("Split", {"x": (F32, ["n", 7]), "s": ints(3, 3)}, 13, ("a", "b"), axis=1)


def test_pad_expand_tile() -> None:
    x = (F32, ["n", 3])
    assert types(lower("Pad", {"x": x, "p": ints(1, 0, 2, -1)})) == ["float32[n + 3, 2]"]
    assert types(lower("Pad", {"x": x}, 7, pads=[0, 1, 0, 1], mode="reflect")) == ["float32[n, 5]"]
    assert layers(lower("Pad", {"x": x, "p": (np.int64, [4])})) == ["DynamicPad"]
    with pytest.raises(InvalidModelError, match="mode 'mirror' of Pad is unknown"):
        lower("Pad", {"x": x, "p": ints(1, 0, 2, 1)}, mode="mirror")
    assert types(lower("Expand", {"x": (F32, ["n", 1]), "s": ints(2, 1, 4)})) == ["float32[2, n, 4]"]
    assert types(lower("Tile", {"x": x, "r": ints(1, 2)})) == ["float32[n, 6]"]


def test_pads_whose_number_only_the_run_knows() -> None:
    with pytest.raises(UnsupportedError, match=r"axis 0 of int64\[m\] has to be 2\n.*--dim m=2"):
        lower("Pad", {"x": (F32, ["n"]), "pads": (np.int64, ["m"])})
    with pytest.raises(InvalidModelError, match="3 pads for 1 axes"):
        lower("Pad", {"x": (F32, ["n"]), "pads": (np.int64, [3])})


def test_gather_and_scatter() -> None:
    x = (F32, ["n", 5, 4])
    assert types(lower("Gather", {"x": x, "i": (np.int32, ["m", 2])}, axis=1)) == ["float32[n, m, 2, 4]"]
    assert types(lower("GatherND", {"x": x, "i": (np.int64, ["m", 2])})) == ["float32[m, 4]"]
    assert types(lower("GatherND", {"x": x, "i": (np.int64, ["n", 7, 1])}, batch_dims=1)) == ["float32[n, 7, 4]"]
    with pytest.raises(InvalidModelError, match="indices of 4 coordinates into 3 axes"):
        lower("GatherND", {"x": x, "i": (np.int64, ["m", 4])})
    scatter = {"x": x, "i": (np.int64, [2, 2, 2]), "u": (F32, [2, 2, 2])}
    for program, reduction in (
        (lower("ScatterElements", scatter, axis=-1, reduction="max"), "Max"),
        (lower("Scatter", scatter, 9), "None"),
    ):
        assert [str(s.layer.constants()["reduction"]) for s in program.steps] == [reduction]
    with pytest.raises(InvalidModelError, match="axis 3 of a tensor of rank 3"):
        lower("Gather", {"x": x, "i": (np.int64, [1])}, axis=3)


def test_sizes_that_the_data_decide() -> None:
    assert types(lower("NonZero", {"x": (F32, ["n", 3])})) == ["int64[2, count]"]
    assert types(lower("Compress", {"x": (F32, ["n", 3]), "c": (np.bool_, ["k"])}, axis=0)) == ["float32[count, 3]"]
    assert types(lower("Range", {"a": (F32, []), "b": (F32, []), "c": (F32, [])})) == ["float32[count]"]
    unique = lower("Unique", {"x": (F32, [4])}, outputs=("y", "", "inverse"))
    assert types(unique) == ["float32[count]", "int64[4]"]


def test_resize() -> None:
    x = (F32, ["n", 3, "h", 6])
    scales = np.array([1, 1, 2, 0.5], F32)
    program = lower("Resize", {"x": x, "-roi": (F32, []), "s": scales}, mode="linear")
    assert types(program) == ["float32[n, 3, 2*h, 3]"]
    assert layers(program) == ["ResizeAxis", "ResizeAxis"]
    assert types(lower("Upsample", {"x": (F32, [1, 1, 2, 3])}, 7, scales=[1.0, 1.0, 2.0, 3.0])) == ["float32[1, 1, 4, 9]"]
    with pytest.raises(UnsupportedError, match="on an axis whose size is only known at run time"):
        lower("Resize", {"x": x, "-roi": (F32, []), "s": np.array([1, 1, 1.2345678, 1], F32)})
    with pytest.raises(InvalidModelError, match="Resize needs either scales or sizes"):
        lower("Resize", {"x": x})


def test_pooling() -> None:
    x = (F32, ["n", 3, "h", 8])
    pooled = {"kernel_shape": [2, 2], "strides": [2, 2]}
    assert types(lower("MaxPool", {"x": x}, **pooled)) == ["float32[n, 3, h//2, 4]"]
    both = lower("MaxPool", {"x": x}, outputs=("y", "i"), **pooled)
    assert types(both)[1] == "int64[n, 3, h//2, 4]"
    assert types(lower("MaxPool", {"x": (np.float16, [1, 1, 4, 4])}, **pooled)) == ["float16[1, 1, 2, 2]"]


def test_recurrent() -> None:
    def net(gates: int, **known: Any) -> dict[str, Any]:
        return {
            "x": (F32, ["t", "n", 3]),
            "w": np.zeros((1, gates * 5, 3), F32),
            "r": np.zeros((1, gates * 5, 5), F32),
            **known,
        }

    assert types(lower("LSTM", net(4), outputs=("y", "h", "c"), hidden_size=5)) == [
        "float32[t, 1, n, 5]",
        "float32[1, n, 5]",
        "float32[1, n, 5]",
    ]
    assert layers(lower("GRU", {**net(3), "w": (F32, [1, 15, 3])}, hidden_size=5)) == ["GruUnpacked"]
    batch_first = lower("RNN", net(1), outputs=("y", "h"), hidden_size=5, layout=1)
    assert types(batch_first) == ["float32[t, n, 1, 5]", "float32[t, 1, 5]"]
    with pytest.raises(UnsupportedError, match="activation 'Cubic' of a recurrent layer is not supported"):
        lower("RNN", net(1), hidden_size=5, activations=["Cubic"])
    with pytest.raises(InvalidModelError, match="do not fit"):
        lower("GRU", net(4), hidden_size=5)
    with pytest.raises(UnsupportedError, match=r"axis 2 of float32\[t, n, features\] has to be 3\n.*--dim features=3"):
        lower("GRU", net(3, x=(F32, ["t", "n", "features"])), hidden_size=5)


def test_scales_for_an_open_axis() -> None:
    scales = {"scale": np.ones(3, F32), "zero": np.zeros(3, np.int8)}
    with pytest.raises(UnsupportedError, match=r"axis 1 of float32\[n, c\] has to be 3\n.*--dim c=3"):
        lower("QuantizeLinear", {"x": (F32, ["n", "c"]), **scales})
    with pytest.raises(InvalidModelError, match="3 scales for an axis of size 4"):
        lower("QuantizeLinear", {"x": (F32, ["n", 4]), **scales})


BOUNDS = [-(2**63), 1 - 2**63, -(2**31), 1 - 2**31, -7, -3, -1, 0, 1, 2, 5, 9, 2**31 - 1, 2**32 - 1, 2**63 - 1]


def sliced_by_the_text(n: int, start: int, end: int, step: int) -> list[int]:
    """The positions that the text of ONNX Slice gives: bounds are wrapped once, then clamped."""
    first, last = (v + n if v < 0 else v for v in (start, end))
    if step > 0:
        return list(range(min(max(first, 0), n), min(max(last, 0), n), step))
    return list(range(min(max(first, 0), n - 1), min(max(last, -1), n - 1), step)) if n else []


@pytest.mark.parametrize("step", [1, 2, -1, -3])
def test_slices_of_an_open_axis_are_right_for_every_size(step: int) -> None:
    for start, end in itertools.product(BOUNDS, BOUNDS):
        found = slice_range(symbol("n"), start, end, step)
        assert found is not None
        for n in range(9):
            low, count = (evaluate(d, {"n": n}) for d in found)
            positions = [low + k * step for k in range(count)]
            assert positions == sliced_by_the_text(n, start, end, step), (n, start, end, step)


@pytest.mark.parametrize("everything", [2**31 - 1, 2**63 - 1])
def test_no_size_is_compared_with_the_end_of_the_integers(everything: int) -> None:
    n = symbol("n")
    for bounds in ((0, everything, 1), (-everything - 1, everything, 1)):
        assert slice_range(n, *bounds) == (0, n)
    for bounds in ((-1, -everything, -1), (everything, -everything - 1, -1)):
        low, count = slice_range(n, *bounds) or (None, None)
        assert (str(low), count) == ("max(0, n - 1)", n)
    assert [str(d) for d in slice_range(n, 2, -everything, -1) or ()] == [
        "max(0, min(2, n - 1))",
        "min(max(0, min(2, n - 1)) + 1, n)",
    ]


def test_axes_of_flatten_count_from_the_end_since_opset_11() -> None:
    assert types(lower("Flatten", {"x": (F32, [2, 3, 4])}, 11, axis=-1)) == ["float32[6, 4]"]
    with pytest.raises(InvalidModelError, match="axis -1 is outside"):
        lower("Flatten", {"x": (F32, [2, 3, 4])}, 9, axis=-1)
