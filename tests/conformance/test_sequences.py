"""Sequences of tensors through generated code, against onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import numpy as np
import onnx
import pytest
import rust_tools
from cases import case, floats, ints, node
from onnx import TensorProto, helper

import onnx2rust
from onnx2rust.base.errors import InvalidModelError, UnsupportedError
from onnx2rust.base.options import Checks, Options
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import Loaded
from onnx2rust.verification import verify

LAST, FIRST = np.array(-1), np.array(0, np.int32)
OPEN = {"s": [None, 3]}
ROWS = [floats(2, 3), floats(1, 3), floats(4, 3)]
WORDS = np.array([["a", "naïve", ""], ["日本", "b", "c"]], object)
CASES = [
    case("handed_on", [node("Identity", "s")], {"s": ROWS}, open_axes=OPEN),
    case("nothing_given", [node("SequenceLength", "s")], {"s": []}, open_axes=OPEN),
    case("of_any_rank", [node("SequenceLength", "s", into=["n"]), node("SequenceErase", "s")],
         {"s": [floats(2), floats(), floats(2, 2)]}, outputs=("n", "y")),
    case("inserted", [node("SequenceInsert", "s", "x", "k")],
         {"s": ROWS, "x": floats(5, 3), "k": np.array(1)}, open_axes=OPEN),
    case("inserted_behind", [node("SequenceInsert", "s", "x", into=["t"]), node("SequenceInsert", "t", "x")],
         {"s": ROWS, "x": floats(5, 3)}, open_axes=OPEN),
    case("kept_after_insertion", [node("SequenceInsert", "s", "x", into=["t"]), node("SequenceInsert", "t", "x"),
                                   node("SequenceErase", "t", into=["z"])],
         {"s": ROWS, "x": floats(5, 3)}, open_axes=OPEN, outputs=("y", "z", "t")),
    case("erased", [node("SequenceErase", "s", "k")], {"s": ROWS, "k": FIRST}, open_axes=OPEN),
    case("at", [node("SequenceAt", "s", "k")], {"s": ROWS, "k": np.array(-2)}, open_axes=OPEN),
    case("at_and_on", [node("SequenceAt", "s", "k", into=["t"]), node("MatMul", "t", "w")], {"s": ROWS},
         open_axes=OPEN, known={"k": LAST, "w": floats(3, 2)}),
    case("joined", [node("ConcatFromSequence", "s", axis=-2)], {"s": ROWS}, open_axes=OPEN),
    case("joined_with_nothing", [node("ConcatFromSequence", "s", axis=0)],
         {"s": [floats(0, 0), floats(2, 3), floats(0, 5), floats(1, 3)]}, open_axes={"s": [None, None]}),
    case("joined_in_front", [node("ConcatFromSequence", "s", axis=1, new_axis=1, into=["t"]), node("Add", "t", "t")],
         {"s": [floats(2, 3), floats(2, 3)]}, open_axes={"s": [2, 3]}),
    case("constructed", [node("SequenceConstruct", "a", "b", into=["s"]), node("ConcatFromSequence", "s", axis=1)],
         {"a": floats(2, 1), "b": floats(2, 3)}, open_axes={"a": ["n", 1], "b": ["n", 3]}),
    case("constructed_of_one", [node("Transpose", "a", perm=[1, 0], into=["t"]), node("SequenceConstruct", "t", "a")],
         {"a": floats(2, 3)}),
    case("of_constants", [node("SequenceConstruct", "k", "k", into=["s"]), node("SequenceAt", "s", "i")],
         {"i": np.array(1)}, known={"k": ints(2, 2)}),
    case("split_in_ones", [node("SplitToSequence", "x", axis=1, keepdims=0)], {"x": floats(2, 3, 2)},
         open_axes={"x": ["n", 3, 2]}),
    case("split_in_equal", [node("SplitToSequence", "x", "k", axis=-2)], {"x": floats(2, 5, 2)},
         known={"k": np.array(2, np.int32)}),
    case("split_in_parts", [node("SplitToSequence", "x", "k", axis=1)], {"x": floats(2, 5), "k": np.array([0, 2, 3])}),
    case("split_open", [node("SplitToSequence", "x", into=["s"]), node("SequenceAt", "s", "k")], {"x": floats(4, 3)},
         open_axes={"x": ["n", 3]}, known={"k": LAST}),
    case("halves", [node("SplitToSequence", "x", into=["s"]), node("ConcatFromSequence", "s", axis=0, into=["t"]),
                    node("Mul", "t", "t", into=["u"]), node("SequenceConstruct", "u", "t")],
         {"x": floats(4, 3, dtype=np.float16)}, open_axes={"x": ["n", 3]}, rtol=2e-3, atol=1e-3),
    case("of_strings", [node("SplitToSequence", "x", into=["s"]),
                        node("SequenceAt", "s", "k"), node("SequenceErase", "s", into=["z"])],
         {"x": WORDS}, known={"k": LAST}, outputs=("y", "z")),
    case("optional", [node("Optional", "x", into=["p"]), node("OptionalGetElement", "p")], {"x": floats(2, 3)}, opset=18),
    case("of_integers", [node("SplitToSequence", "x", into=["s"]), node("ConcatFromSequence", "s", axis=2)],
         {"x": ints(2, 1, 3, dtype=np.int32)}),
]  # fmt: skip


def _sequence(name: str, dims: list[Any] | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_sequence_value_info(name, TensorProto.FLOAT, dims)


def _flag(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.BOOL, [])


def _of_bodies() -> list[harness.Case]:
    """A loop that collects items of growing size in a sequence that is empty first, one that takes items away; branches."""
    count = helper.make_tensor_value_info("i", TensorProto.INT64, [])
    grow = [
        node("Add", "i", "one", into=["size"]), node("Unsqueeze", "size", "zero", into=["shape"]),
        node("Expand", "v", "shape", into=["row"]), node("SequenceInsert", "s", "row", into=["t"]),
        node("Identity", "c", into=["d"]), node("SequenceLength", "s", into=["seen"]),
    ]  # fmt: skip
    seen = helper.make_tensor_value_info("seen", TensorProto.INT64, [])
    body = helper.make_graph(grow, "body", [count, _flag("c"), _sequence("s", None)], [_flag("d"), _sequence("t", None), seen])
    shrink = [
        node("SequenceErase", "s", "zero0", into=["t"]),
        node("SequenceLength", "t", into=["n"]),
        node("Greater", "n", "one", into=["d"]),
    ]
    less = helper.make_graph(shrink, "body", [count, _flag("c"), _sequence("s", None)], [_flag("d"), _sequence("t", None)])
    then = helper.make_graph([node("SequenceErase", "s", into=["o"])], "then", [], [_sequence("o", None)])
    other = helper.make_graph([node("SequenceConstruct", "x", into=["p"])], "else", [], [_sequence("p", None)])
    known = {"one": np.array(1), "zero": np.array([0]), "zero0": np.array(0), "m": np.array(4)}
    start = node("SequenceEmpty", into=["e"], dtype=1)
    branch = node("If", "f", then_branch=then, else_branch=other)
    rows = {"s": ROWS, "x": floats(5, 3)}
    return [
        case("grown", [start, node("Loop", "m", "", "e", into=["y", "k"], body=body),
                       node("ConcatFromSequence", "y", into=["z"], axis=0)],
             {"v": floats(1)}, known=known, outputs=("y", "k", "z")),
        case("grown_further", [node("Loop", "m", "", "q", into=["y", "k"], body=body)],
             {"v": floats(1), "q": [floats(7)]}, known=known, outputs=("y", "k")),
        case("shrunk", [node("Loop", "", "f", "q", body=less)],
             {"q": ROWS, "f": np.array(True)}, known=known, open_axes={"q": [None, 3]}),
        case("chosen_first", [branch], {**rows, "f": np.array(True)}, open_axes=OPEN),
        case("chosen_second", [branch], {**rows, "f": np.array(False)}, open_axes=OPEN),
    ]  # fmt: skip


CASES += _of_bodies()


@pytest.fixture(scope="module")
def results() -> dict[str, str]:
    return harness.run(CASES)


@pytest.mark.slow
@pytest.mark.parametrize("name", [c.name for c in CASES])
def test_sequence(results: dict[str, str], name: str) -> None:
    assert results[name] == ""


def _lowered(nodes: list[onnx.NodeProto], inputs: list[onnx.ValueInfoProto], opset: int = 17, **known: Any) -> None:
    initializers = [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in known.items()]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_empty_tensor_value_info("y")], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    pipeline.lower(Loaded(model, "onnx", "onnx", ()), Options(name="Case"))


def test_items_of_unknown_rank_are_not_joined() -> None:
    with pytest.raises(UnsupportedError) as caught:
        _lowered([node("ConcatFromSequence", "s", axis=0)], [_sequence("s", None)])
    assert str(caught.value.problems[0]) == (
        "node 0 'y' (ConcatFromSequence, opset 17) on (sequence of float32): "
        "the items' number of axes is known only at run time\n"
        "    → sequences whose items are all of one rank are supported"
    )


def test_an_item_of_an_empty_sequence_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="there is no item"):
        _lowered([node("SequenceEmpty", into=["s"]), node("SequenceAt", "s", "k")], [], k=0)


def test_a_sequence_where_a_tensor_is_wanted_is_invalid() -> None:
    with pytest.raises(InvalidModelError, match=r"input 0 \(X\) cannot be of type sequence of float32"):
        _lowered([node("Relu", "s")], [_sequence("s", [2])])


def test_what_holds_no_tensors_is_refused_as_an_input() -> None:
    item = helper.make_tensor_type_proto(TensorProto.FLOAT, [2])
    optional = helper.make_value_info("o", helper.make_optional_type_proto(helper.make_sequence_type_proto(item)))
    rows = helper.make_sequence_type_proto(helper.make_map_type_proto(TensorProto.INT64, item))
    table = helper.make_value_info("m", rows)
    with pytest.raises(UnsupportedError) as caught:
        _lowered([node("OptionalHasElement", "o"), node("Identity", "m", into=["z"])], [optional, table])
    supported = "tensors, sequences of tensors, optional tensors and maps are supported"
    assert [str(p) for p in caught.value.problems[:2]] == [
        f"input 'o': is of optional_type of sequence_type; {supported}",
        f"input 'm': is of sequence_type of map_type; {supported}",
    ]


def _optional(name: str, shape: list[Any]) -> onnx.ValueInfoProto:
    return helper.make_value_info(name, helper.make_optional_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, shape)))


def optional_model() -> onnx.ModelProto:
    """x where o is not there, the sum of both where it is; o handed on; whether one is there that is not there in one branch."""
    kind = helper.make_tensor_type_proto(TensorProto.FLOAT, [None, 3])
    tensor = helper.make_tensor_value_info
    there = [node("OptionalGetElement", "o", into=["e"]), node("Add", "e", "x", into=["s"])]
    then = helper.make_graph(there, "then", [], [tensor("s", TensorProto.FLOAT, [None, 3])])
    other = helper.make_graph([node("Identity", "x", into=["i"])], "else", [], [tensor("i", TensorProto.FLOAT, [None, 3])])
    one = helper.make_graph([node("Optional", "x", into=["p"])], "then", [], [_optional("p", [None, 3])])
    none = helper.make_graph([node("Optional", into=["n"], type=kind)], "else", [], [_optional("n", [None, 3])])
    nodes = [
        node("OptionalHasElement", "o", into=["has"]),
        node("If", "has", then_branch=then, else_branch=other),
        node("Not", "has", into=["not"]),
        node("If", "not", into=["q"], then_branch=one, else_branch=none),
        node("OptionalHasElement", "q", into=["h"]),
        node("Identity", "o", into=["same"]),
    ]
    outputs = [tensor("y", TensorProto.FLOAT, [None, 3]), tensor("h", TensorProto.BOOL, []), _optional("same", [None, 3])]
    inputs = [_optional("o", [None, 3]), tensor("x", TensorProto.FLOAT, ["n", 3])]
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@pytest.mark.slow
def test_optional_tensors(tmp_path: Path) -> None:
    """`verify` draws them, there and not there."""
    onnx.save(optional_model(), tmp_path / "optional.onnx")
    checks = Checks(target_dir=rust_tools.VERIFY, batches=(1, 2, 3, 2, 1, 2))
    report = verify([tmp_path / "optional.onnx"], checks=checks)
    assert report.passed, report.text()
    (found,) = report.models
    assert {o.name: o.dtype for o in found.outputs} == {"y": "float32", "h": "bool", "same": "optional float32"}


@pytest.mark.slow
def test_the_crate_of_sequences_passes_its_tests(tmp_path: Path) -> None:
    nodes = [
        node("SequenceInsert", "s", "x", into=["t"]),
        node("SequenceAt", "t", "k"),
        node("ConcatFromSequence", "t", into=["c"], axis=0),
    ]
    inputs = [_sequence("s", [None, 3]), helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])]
    outputs = [_sequence("t", [None, 3]), *(helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, 3]) for n in "yc")]
    graph = helper.make_graph(nodes, "g", inputs, outputs, [onnx.numpy_helper.from_array(LAST, "k")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "pair.onnx")
    crate = onnx2rust.convert(tmp_path / "pair.onnx", tmp_path / "pair", Options(layers=rust_tools.all_layers())).crate
    done = rust_tools.cargo(crate, "test")
    assert done.returncode == 0, done.stdout + done.stderr
