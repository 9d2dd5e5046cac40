"""The model in float64: every official test, and what onnxruntime computes for older versions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.backend.test.case.node as official
import pytest
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parent / "ops"))
from build import model

from onnx2rust.model.reference import session
from onnx2rust.oracle.referee import NoRefereeError, Referee

RNG = np.random.default_rng(5)
DEPARTS = {
    **dict.fromkeys(
        ["bitcast_float32_to_int32", "bitcast_2d_float32_to_int32", "bitcast_scalar_float32_to_int32"], "bits of an f32"
    ),
    "bitcast_int32_to_float32": "bits of an f32",
    "dynamicquantizelinear": "the middle of two steps",
    "dynamicquantizelinear_expanded": "the middle of two steps",
    "mvn": "its function body has a constant in single precision",
    "scan_sum": "Scan of opset 8",
}
"""Official tests that the referee does not pass, and why that is right or no matter."""


@pytest.mark.slow
def test_the_official_tests_give_their_answers_in_float64() -> None:
    wrong = set()
    compared = 0
    for case in official.collect_testcases(None):
        name = case.name.removeprefix("test_")
        if name.startswith(("bernoulli", "dropout_random", "training_dropout")):
            continue  # random numbers
        assert case.model is not None
        for inputs, outputs in case.data_sets or ():
            arrays = [np.asarray(a) for a in inputs if not isinstance(a, list | dict) and a is not None]
            expected = [np.asarray(a) for a in outputs if not isinstance(a, list | dict) and a is not None]
            if (
                len(arrays) != len(inputs)
                or len(expected) != len(outputs)
                or any(a.dtype.kind not in "biuf" for a in arrays + expected)
            ):
                continue
            compared += 1
            feeds = {i.name: a for i, a in zip(case.model.graph.input, arrays, strict=True)}
            try:
                found = Referee(case.model).run(feeds)
            except NoRefereeError:
                wrong.add(name)
                continue
            for a, b in zip(found, expected, strict=True):
                assert b.dtype.kind != "f" or a.dtype.kind == "f"
                near = np.allclose(a.astype(np.float64), b.astype(np.float64), max(case.rtol, 1e-3), 1e-5, equal_nan=True)
                if a.shape != b.shape or not near:
                    wrong.add(name)
    assert compared > 1500
    assert wrong == set(DEPARTS)


def both(proto: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> None:
    """Holds the referee against onnxruntime, which may be off by what single precision is."""
    expected = session(proto).run(None, feeds)
    for a, b in zip(Referee(proto).run(feeds), expected, strict=True):
        assert a.shape == b.shape
        assert a.dtype == (np.float64 if b.dtype.kind == "f" else b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("operator", ["Softmax", "LogSoftmax", "Hardmax"])
@pytest.mark.parametrize(("opset", "axis"), [(9, None), (9, 2), (12, -1), (12, 0), (13, None), (13, 1)])
def test_softmax_took_several_axes_before_opset_13(operator: str, opset: int, axis: int | None) -> None:
    attributes: dict[str, Any] = {} if axis is None else {"axis": axis}
    node = helper.make_node(operator, ["x"], ["y"], **attributes)
    both(model([node], {"x": (2, 3, 4)}, ["y"], opset=opset), {"x": RNG.standard_normal((2, 3, 4)).astype("f")})


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"pads": [1, 2, 0, 1], "strides": [2, 1]},
        {"auto_pad": "SAME_UPPER", "strides": [3, 2]},
        {"auto_pad": "SAME_LOWER", "strides": [3, 2]},
        {"auto_pad": "VALID", "dilations": [2, 1]},
        {"group": 2},
        {"group": 4},
    ],
    ids=str,
)
def test_convolutions(attributes: dict[str, Any]) -> None:
    group = int(attributes.get("group", 1))
    w, b = RNG.standard_normal((8, 4 // group, 3, 2)).astype("f"), RNG.standard_normal(8).astype("f")
    x = {"x": RNG.standard_normal((2, 4, 9, 7)).astype("f")}
    both(model([helper.make_node("Conv", ["x", "w", "b"], ["y"], **attributes)], {"x": (2, 4, 9, 7)}, ["y"], {"w": w, "b": b}), x)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"pads": [1, 0, 0, 1], "strides": [2, 3], "output_padding": [1, 0]},
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        {"output_shape": [11, 13], "strides": [2, 2]},
        {"group": 2, "dilations": [2, 1]},
    ],
    ids=str,
)
def test_transposed_convolutions(attributes: dict[str, Any]) -> None:
    w, b = RNG.standard_normal((4, 3, 3, 2)).astype("f"), RNG.standard_normal(3 * int(attributes.get("group", 1))).astype("f")
    node = helper.make_node("ConvTranspose", ["x", "w", "b"], ["y"], **attributes)
    both(model([node], {"x": (2, 4, 5, 6)}, ["y"], {"w": w, "b": b}), {"x": RNG.standard_normal((2, 4, 5, 6)).astype("f")})


@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 1, 0, 1]])
@pytest.mark.parametrize("count_include_pad", [0, 1])
def test_pools(ceil_mode: int, pads: list[int], count_include_pad: int) -> None:
    shared: dict[str, Any] = {"kernel_shape": [3, 2], "strides": [2, 2], "pads": pads, "ceil_mode": ceil_mode}
    nodes = [
        helper.make_node("MaxPool", ["x"], ["m"], **shared),
        helper.make_node("MaxPool", ["x"], ["n", "places"], **shared),
        helper.make_node("AveragePool", ["x"], ["a"], count_include_pad=count_include_pad, **shared),
    ]
    proto = model(nodes, {"x": (2, 3, 8, 7)}, ["m", "n", "places", "a"])
    both(proto, {"x": RNG.standard_normal((2, 3, 8, 7)).astype("f")})


@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 3, 4, 5), (2, 3, 2, 4, 3)])
@pytest.mark.parametrize("operator", ["GlobalMaxPool", "GlobalAveragePool"])
def test_global_pools_of_any_rank(operator: str, shape: tuple[int, ...]) -> None:
    proto = model([helper.make_node(operator, ["x"], ["y"])], {"x": shape}, ["y"])
    both(proto, {"x": RNG.standard_normal(shape).astype("f")})


@pytest.mark.parametrize("layout", [0])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(("operator", "gates"), [("RNN", 1), ("LSTM", 4), ("GRU", 3)])
def test_recurrent_layers(operator: str, gates: int, direction: str, layout: int) -> None:
    directions, hidden, width, steps, batch = (2 if direction == "bidirectional" else 1), 5, 3, 6, 4
    weights = {
        "w": RNG.standard_normal((directions, gates * hidden, width)).astype("f"),
        "r": RNG.standard_normal((directions, gates * hidden, hidden)).astype("f"),
        "b": RNG.standard_normal((directions, 2 * gates * hidden)).astype("f"),
        "lengths": np.array([6, 1, 3, 4], np.int32),
        "h": RNG.standard_normal((directions, batch, hidden)).astype("f"),
    }
    outputs = ["y", "last"]
    inputs = ["x", "w", "r", "b", "lengths", "h"]
    more: dict[str, Any] = {"clip": 2.0} if operator != "LSTM" else {}
    if operator == "LSTM":
        weights |= {
            "c": RNG.standard_normal((directions, batch, hidden)).astype("f"),
            "p": RNG.random((directions, 3 * hidden)).astype("f"),
        }
        inputs += ["c", "p"]
        outputs.append("cell")
    if operator == "GRU":
        more["linear_before_reset"] = 1
    node = helper.make_node(operator, inputs, outputs, hidden_size=hidden, direction=direction, layout=layout, **more)
    both(
        model([node], {"x": (steps, batch, width)}, outputs, weights),
        {"x": RNG.standard_normal((steps, batch, width)).astype("f")},
    )


def test_a_loop_stacks_its_rows_and_an_absent_condition_holds() -> None:
    body = helper.make_graph(
        [
            helper.make_node("Add", ["s", "step"], ["t"]),
            helper.make_node("Identity", ["c"], ["d"]),
            helper.make_node("ReduceSum", ["t"], ["row"], keepdims=0),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("s", TensorProto.FLOAT, [2]),
        ],
        [
            helper.make_tensor_value_info("d", TensorProto.BOOL, []),
            helper.make_tensor_value_info("t", TensorProto.FLOAT, [2]),
            helper.make_tensor_value_info("row", TensorProto.FLOAT, []),
        ],
    )
    nodes = [helper.make_node("Loop", ["n", "", "x"], ["last", "rows"], body=body)]
    graph = helper.make_graph(
        nodes,
        "loop",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2]), helper.make_tensor_value_info("n", TensorProto.INT64, [])],
        [
            helper.make_tensor_value_info("last", TensorProto.FLOAT, [2]),
            helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["k"]),
        ],
        [numpy_helper.from_array(np.array([1, 2], np.float32), "step")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for trips in (0, 1, 4):
        both(proto, {"x": np.array([3, 4], np.float32), "n": np.array(trips)})


@pytest.mark.parametrize("dynamic", [False, True])
def test_what_is_quantised_is_computed_with_whole_numbers_and_noise_is_seeded(dynamic: bool) -> None:
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])
        if dynamic
        else helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ]
    proto = model(nodes, {"x": (1000,)}, ["y"], {} if dynamic else {"s": np.float32(0.1), "z": np.uint8(7)})
    x = {"x": RNG.standard_normal(1000).astype("f")}
    both(proto, x)
    referee = Referee(proto)
    (plain,), (noisy,), (again,) = referee.run(x), referee.run(x, 1e-3, 1), referee.run(x, 1e-3, 1)
    np.testing.assert_array_equal(noisy, again)
    off = np.abs(plain - noisy)
    # dynamic steps are some 0.03, so that the noise of 0.003 moves more numbers, and each value a little with its step
    assert 0 < np.count_nonzero(off > 0.02) < (200 if dynamic else 100)
    assert off.max() < (0.05 if dynamic else 0.11)
    np.testing.assert_array_equal(referee.run(x)[0], plain)


@pytest.mark.parametrize("x", [[0, 0, 0], [np.nan, 1, -2]])
def test_the_range_of_zeros_and_of_what_is_no_number(x: list[float]) -> None:
    # as a byte NaN may be anything
    outputs = ["q", "s", "z"] if np.isfinite(x).all() else ["s", "z"]
    proto = model([helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])], {"x": (3,)}, outputs)
    both(proto, {"x": np.array(x, np.float32)})


def test_what_the_evaluator_lacks_is_said() -> None:
    node = helper.make_node("Nothing", ["x"], ["y"], domain="nobody")
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", 1, [1])], [helper.make_tensor_value_info("y", 1, [1])]
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("nobody", 1)])
    with pytest.raises(NoRefereeError, match="'Nothing' from domain 'nobody' is unknown"):
        Referee(proto)


@pytest.mark.parametrize(("op", "opset", "more"), [("LayerNormalization", 13, ["b"]), ("SimplifiedLayerNormalization", 13, [])])
def test_onnxruntimes_own_operators(op: str, opset: int, more: list[str]) -> None:
    """Its optimiser writes them into models, where onnx has none of that name."""
    weights = {"s": np.linspace(0.5, 1.5, 8, dtype=np.float32), "b": np.ones(8, np.float32)}
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [3, 8]) for n in "xy"]
    node = helper.make_node(op, ["x", "s", *more], ["y"], epsilon=1e-3)
    known = [numpy_helper.from_array(a, n) for n, a in weights.items()]
    graph = helper.make_graph([node], "g", infos[:1], infos[1:], known)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    feeds = {"x": RNG.standard_normal((3, 8)).astype(np.float32)}
    np.testing.assert_allclose(Referee(proto).run(feeds)[0], session(proto).run(None, feeds)[0], 1e-5, 1e-6)


@pytest.mark.parametrize(
    "window", [{}, {"ceil_mode": 1}, {"pads": [1, 2]}, {"kernel_shape": [256], "strides": [256], "ceil_mode": 1}]
)
@pytest.mark.parametrize("p", [1, 2, 3])
def test_the_norm_of_windows_that_reach_beyond_the_image(window: dict[str, Any], p: int) -> None:
    """onnx's evaluator finds 3 for the norm of three times 1.5, and 0 where the window is much larger."""
    attributes: dict[str, Any] = {"kernel_shape": [4], "strides": [3], "p": p} | window
    node = helper.make_node("LpPool", ["x"], ["y"], **attributes)
    proto = model([node], {"x": (2, 3, 9)}, ["y"], opset=20)
    x = RNG.standard_normal((2, 3, 9)).astype(np.float32)
    (found,), (expected,) = Referee(proto).run({"x": x}), session(proto).run(None, {"x": x})
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_halves_of_integer_products_round_to_even_before_the_zero_point_is_added() -> None:
    """x · w / 2 for x = 1, 3, 5 is 0.5, 1.5, 2.5; onnx's evaluator rounds 7.5, 8.5 and 9.5."""
    x = np.array([1, 3, 5], np.uint8)
    scales = {"s": np.array(1, np.float32), "t": np.array(1, np.float32), "u": np.array(2, np.float32)}
    points = {"z": np.array(0, np.uint8), "o": np.array(7, np.uint8)}
    for op, shape in (("QLinearMatMul", (3, 1)), ("QLinearConv", (3, 1, 1, 1))):
        constants: dict[str, Any] = {**scales, **points, "w": np.ones((1,) * len(shape), np.uint8)}
        node = helper.make_node(op, ["x", "s", "z", "w", "t", "z", "u", "o"], ["y"])
        inputs = [helper.make_tensor_value_info("x", TensorProto.UINT8, shape)]
        output = helper.make_tensor_value_info("y", TensorProto.UINT8, None)
        graph = helper.make_graph([node], "g", inputs, [output], [numpy_helper.from_array(a, n) for n, a in constants.items()])
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        feeds = {"x": x.reshape(shape)}
        assert Referee(proto).run(feeds)[0].ravel().tolist() == [7, 9, 9]
        assert session(proto).run(None, feeds)[0].ravel().tolist() == [7, 9, 9]


@pytest.mark.parametrize("axis", [None, 0, 1, -2])
@pytest.mark.parametrize("ordered", [0, 1])
@pytest.mark.parametrize("outputs", [1, 4])
def test_distinct_slices_as_they_come_first(axis: int | None, ordered: int, outputs: int) -> None:
    """onnx's evaluator sorts where only they are an output, and takes those of the first axis whatever the axis is."""
    x = np.array([[3, 1, 3, 1, -2], [0, 5, 0, 5, 0], [3, 1, 3, 1, -2]], np.float32)
    given: dict[str, Any] = {"sorted": ordered} | ({} if axis is None else {"axis": axis})
    names = ["y", "first", "inverse", "counts"][:outputs]
    both(model([helper.make_node("Unique", ["x"], names, **given)], {"x": (3, 5)}, names, opset=18), {"x": x})
