"""What is drawn for an input is what its operators can take."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx2rust import importer, samples
from onnx2rust.base.errors import ToolError
from onnx2rust.base.options import Options
from onnx2rust.model.reference import Reference
from onnx2rust.samples import usage

I64, I32, F32, BOOL = TensorProto.INT64, TensorProto.INT32, TensorProto.FLOAT, TensorProto.BOOL
Drawn = list[dict[str, np.ndarray[Any, Any]]]


def model(nodes: Any, inputs: Any, outputs: Any, constants: Any = (), opset: int = 18) -> onnx.ModelProto:
    """An ONNX model from nodes; inputs {name: (code, shape)}, outputs {name: code}."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, t, s) for n, (t, s) in inputs.items()],
        [helper.make_tensor_value_info(n, t, None) for n, t in outputs.items()],
        [numpy_helper.from_array(a, n) for n, a in dict(constants).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def draws(proto: onnx.ModelProto, sizes: dict[str, int], count: int = 30) -> Drawn:
    """Inputs of many draws, each of which onnxruntime can run."""
    program = importer.read(proto, Options())
    uses = usage.of_inputs(proto, program)
    reference = Reference(proto)
    rng = np.random.default_rng(0)
    found = [usage.draw_all(program, uses, sizes, rng) for _ in range(count)]
    for feeds in found:
        reference.run(feeds)
    return found


def values(found: Drawn, name: str) -> set[Any]:
    """All elements that an input had."""
    return {v for feeds in found for v in feeds[name].reshape(-1).tolist()}


def test_ids_stay_within_their_table_through_casts_and_reshapes() -> None:
    nodes = [
        helper.make_node("Cast", ["ids"], ["c"], to=I64),
        helper.make_node("Reshape", ["c", "shape"], ["r"]),
        helper.make_node("Gather", ["big", "r"], ["g1"]),
        helper.make_node("Gather", ["small", "r"], ["y"], axis=1),
    ]
    constants = {"big": np.zeros((50, 2), "f"), "small": np.zeros((2, 5), "f"), "shape": np.array([-1])}
    found = draws(model(nodes, {"ids": (I32, ["n", 4])}, {"y": F32}, constants), {"n": 200}, 1)
    assert found[0]["ids"].dtype == np.int32
    assert values(found, "ids") == {0, 1, 2, 3, 4}


def test_ids_stay_within_an_axis_that_the_run_computes() -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["table"]), helper.make_node("Gather", ["table", "ids"], ["y"], axis=1)]
    proto = model(nodes, {"x": (F32, ["n", 3]), "ids": (I64, [40])}, {"y": F32}, {"w": np.zeros((3, 11), "f")})
    assert values(draws(proto, {"n": 2}), "ids") == set(range(11))


def test_ids_leave_room_for_what_is_added_to_them() -> None:
    nodes = [helper.make_node("Add", ["positions", "two"], ["p"]), helper.make_node("Gather", ["table", "p"], ["y"])]
    proto = model(nodes, {"positions": (I64, ["n"])}, {"y": F32}, {"two": np.array(2), "table": np.zeros((6, 2), "f")})
    assert values(draws(proto, {"n": 100}, 1), "positions") == {0, 1, 2, 3}


def test_ids_of_several_axes_stay_within_each() -> None:
    proto = model([helper.make_node("GatherND", ["x", "ids"], ["y"])], {"x": (F32, [2, 9, 4]), "ids": (I64, [50, 2])}, {"y": F32})
    (found,) = draws(proto, {}, 1)
    assert found["ids"].max(axis=0).tolist() == [1, 8]


def test_ids_stay_within_their_table_through_a_sum_of_products_with_masks() -> None:
    nodes = [
        helper.make_node("Less", ["ids", "zero"], ["negative"]),
        helper.make_node("Cast", ["negative"], ["n"], to=I64),
        helper.make_node("Not", ["negative"], ["other"]),
        helper.make_node("Cast", ["other"], ["p"], to=I64),
        helper.make_node("Add", ["ids", "size"], ["wrapped"]),
        helper.make_node("Mul", ["n", "wrapped"], ["a"]),
        helper.make_node("Mul", ["ids", "p"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["i"]),
        helper.make_node("Gather", ["table", "i"], ["y"]),
    ]
    constants = {"table": np.zeros((6, 2), "f"), "zero": np.array(0), "size": np.array(6)}
    proto = model(nodes, {"ids": (I64, ["n"])}, {"y": F32}, constants)
    assert values(draws(proto, {"n": 100}, 1), "ids") == set(range(6))


def test_masks_are_zero_or_one_and_mask_never_everything() -> None:
    nodes = [
        helper.make_node("Cast", ["m"], ["b"], to=BOOL),
        helper.make_node("Where", ["b", "x", "attention_mask"], ["y"]),
    ]
    found = draws(model(nodes, {"m": (I64, [9, 9]), "x": (F32, [9, 9]), "attention_mask": (F32, [9, 9])}, {"y": F32}), {}, 1)
    for name in ("m", "attention_mask"):
        assert values(found, name) == {0, 1}
        assert (found[0][name][:, 0] == 1).all()
    assert len(values(found, "x")) == 81


def test_lengths_are_positive_and_not_longer_than_the_sequence() -> None:
    node = helper.make_node("LSTM", ["x", "w", "r", "", "lens"], ["y"], hidden_size=2)
    weights = {"w": np.zeros((1, 8, 3), "f"), "r": np.zeros((1, 8, 2), "f")}
    proto = model([node], {"x": (F32, ["t", "b", 3]), "lens": (I32, ["b"])}, {"y": F32}, weights)
    assert values(draws(proto, {"t": 5, "b": 100}, 1), "lens") == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("op", ["ReduceSum", "ReduceMax"])
def test_axes_of_a_reduction_exist_and_differ(op: Any) -> None:
    proto = model([helper.make_node(op, ["x", "axes"], ["y"])], {"x": (F32, [2, 3, 4]), "axes": (I64, [2])}, {"y": F32})
    found = draws(proto, {})
    assert values(found, "axes") == set(range(-3, 3))
    assert all(len({a % 3 for a in feeds["axes"]}) == 2 for feeds in found)


def test_the_axis_of_a_running_sum_exists() -> None:
    proto = model([helper.make_node("CumSum", ["x", "axis"], ["y"])], {"x": (F32, [2, 3]), "axis": (I32, [])}, {"y": F32})
    assert values(draws(proto, {}), "axis") == {-2, -1, 0, 1}


def test_sizes_of_a_reshape_have_the_product() -> None:
    proto = model([helper.make_node("Reshape", ["x", "s"], ["y"])], {"x": (F32, ["n", 6]), "s": (I64, [3])}, {"y": F32})
    found = draws(proto, {"n": 5})
    assert {math.prod(feeds["s"].tolist()) for feeds in found} == {30}
    assert len({tuple(feeds["s"]) for feeds in found}) > 5


def test_sizes_of_an_expansion_fit() -> None:
    proto = model([helper.make_node("Expand", ["x", "s"], ["y"])], {"x": (F32, [3, 1]), "s": (I64, [3])}, {"y": F32})
    found = draws(proto, {})
    assert {feeds["s"][1] for feeds in found} == {1, 3}
    assert len({feeds["s"][2] for feeds in found}) > 1


def test_parts_sum_to_the_axis() -> None:
    node = helper.make_node("Split", ["x", "parts"], ["a", "b", "c"], axis=1)
    proto = model([node], {"x": (F32, [2, 7]), "parts": (I64, [3])}, {"a": F32, "b": F32, "c": F32})
    assert {feeds["parts"].sum() for feeds in draws(proto, {})} == {7}


def test_a_range_counts_upwards() -> None:
    proto = model(
        [helper.make_node("Range", ["a", "b", "d"], ["y"])], {"a": (I64, []), "b": (I64, []), "d": (I64, [])}, {"y": I64}
    )
    for feeds in draws(proto, {}):
        assert 0 <= feeds["a"] < feeds["b"] <= 8
        assert feeds["d"] in (1, 2)


@pytest.mark.parametrize("op", ["Div", "Mod"])
def test_integers_are_not_divided_by_zero(op: Any) -> None:
    proto = model([helper.make_node(op, ["a", "b"], ["y"])], {"a": (I64, [90]), "b": (I64, [90])}, {"y": I64})
    found = draws(proto, {})
    assert 0 in values(found, "a")
    assert values(found, "b") == set(range(1, 8))


def test_bytes_use_their_whole_range() -> None:
    nodes = [helper.make_node("Cast", ["q"], ["f"], to=F32), helper.make_node("Cast", ["s"], ["g"], to=F32)]
    proto = model(
        [*nodes, helper.make_node("Concat", ["f", "g"], ["y"], axis=0)], {"q": (2, [4000]), "s": (3, [4000])}, {"y": F32}
    )
    (found,) = draws(proto, {}, 1)
    assert (found["q"].min(), found["q"].max(), found["s"].min(), found["s"].max()) == (0, 255, -128, 127)


# -- sizes -----------------------------------------------------------------------------------------------------------


def decoder(total: str) -> onnx.ModelProto:
    """A decoder's inputs: ids, what is past, and a mask over both; positions count what is not masked, in a table of 20."""
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["x"]),
        helper.make_node("Concat", ["past_key", "x"], ["keys"], axis=1),
        helper.make_node("CumSum", ["attention_mask", "one"], ["counted"]),
        helper.make_node("Sub", ["counted", "one"], ["positions"]),
        helper.make_node("Gather", ["places", "positions"], ["p"]),
        helper.make_node("Add", ["keys", "p"], ["y"]),
    ]
    inputs = {
        "input_ids": (I64, ["batch", "sequence_length"]),
        "past_key": (F32, ["batch", "past_sequence_length", 4]),
        "attention_mask": (I64, ["batch", total]),
    }
    constants = {"words": np.ones((50, 4), "f"), "places": np.ones((20, 4), "f"), "one": np.array(1)}
    return model(nodes, inputs, {"y": F32}, constants)


@pytest.mark.parametrize("total", ["past_sequence_length + sequence_length", "total_sequence_length"])
def test_a_mask_covers_past_and_present(total: Any) -> None:
    proto = decoder(total)
    program = importer.read(proto, Options())
    uses = usage.of_inputs(proto, program)
    reference = Reference(proto)
    tried = usage.attempts(program, uses, {"batch": 1}, samples.lengths(program), np.random.default_rng(0))
    for _, feeds in tried:
        try:
            reference.run(feeds)
        except ToolError:
            continue
        break
    else:
        pytest.fail("nothing runs")
    shapes = {name: array.shape[1] for name, array in feeds.items()}
    assert shapes["attention_mask"] == shapes["past_key"] + shapes["input_ids"]
    assert shapes["past_key"] > 0


def test_sizes_beyond_memory_are_not_tried_while_there_are_others() -> None:
    """Four open sizes of 512 each are 64 GiB."""
    proto = model([helper.make_node("Relu", ["x"], ["y"])], {"x": (F32, list("abcd"))}, {"y": F32})
    program = importer.read(proto, Options())
    tried = list(usage.attempts(program, usage.of_inputs(proto, program), {}, (64, 512, 12), np.random.default_rng(0)))
    assert tried[0][0] == dict.fromkeys("abcd", 12)
    assert all(feeds["x"].size <= usage.LARGEST for _, feeds in tried)


def test_sizes_that_need_not_be_equal_are_tried_unequal() -> None:
    """No four equal lengths of the list have a product that 14 divides, and less than 2²² elements."""
    proto = model(
        [helper.make_node("Reshape", ["x", "s"], ["y"])], {"x": (F32, list("abcd"))}, {"y": F32}, {"s": np.array([-1, 14])}
    )
    program = importer.read(proto, Options())
    lengths = samples.lengths(program)
    tried = list(usage.attempts(program, usage.of_inputs(proto, program), {}, lengths, np.random.default_rng(0)))
    assert next(len(set(sizes.values())) for sizes, _ in tried if math.prod(sizes.values()) % 14 == 0) > 1


def test_a_model_without_open_sizes_is_tried_with_other_values() -> None:
    proto = model([helper.make_node("Relu", ["x"], ["y"])], {"x": (F32, [3])}, {"y": F32})
    program = importer.read(proto, Options())
    tried = list(usage.attempts(program, usage.of_inputs(proto, program), {}, (64, 12), np.random.default_rng(0)))
    assert len({feeds["x"].tobytes() for _, feeds in tried}) == len(tried) == 5
