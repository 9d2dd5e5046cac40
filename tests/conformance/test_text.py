"""Strings through generated code, against onnxruntime."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np
import onnx
import pytest
from cases import case, ints, node
from onnx import TensorProto, helper

WORDS = ("", "a", "b", "Zebra", "ab", "two words", "naïve", "日本", "\u0301", "-1", "🦀", '"quoted\\"')
_rng = np.random.default_rng(5)


def texts(*shape: int, among: tuple[str, ...] = WORDS) -> np.ndarray[Any, Any]:
    """Strings of many kinds."""
    return np.asarray(np.array(among, object)[_rng.integers(0, len(among), shape)], object)


ML = {"domain": "ai.onnx.ml"}
KEYS = ["b", "a", "日本", "", "Zebra"]
VALUES = ["eins", "zwei", "", "vier", "fünf"]
X = texts(2, 3)
CASES = [
    case("join", [node("StringConcat", "a", "b")], {"a": X, "b": texts(2, 3)}, opset=20),
    case("join_scalar", [node("StringConcat", "a", "b")], {"a": texts(), "b": texts()}, opset=20),
    case("join_left", [node("StringConcat", "a", "b")], {"a": texts(2, 1, 3), "b": texts(4, 1)}, opset=20),
    case("join_right", [node("StringConcat", "a", "b")], {"a": texts(1), "b": texts(4, 3)}, opset=20),
    case("join_open", [node("StringConcat", "a", "b")], {"a": texts(4, 3), "b": texts(4, 3)}, opset=20,
         open_axes={"a": ["n", 3], "b": ["n", 3]}),
    case("join_open_by_one", [node("StringConcat", "a", "b")], {"a": texts(4, 3), "b": texts(1, 3)}, opset=20,
         open_axes={"a": ["n", 3], "b": ["m", 3]}),
    case("join_empty", [node("StringConcat", "a", "b")], {"a": texts(0, 3), "b": texts(1, 3)}, opset=20,
         open_axes={"a": ["n", 3], "b": [1, 3]}),
    case("join_thrice",
         [node("StringConcat", "a", "b", into=["c"]), node("StringConcat", "c", "c", into=["d"]), node("StringConcat", "d", "a")],
         {"a": X, "b": texts(3)}, opset=20),
    case("join_known", [node("StringConcat", "a", "b", into=["c"]), node("StringConcat", "k", "c")], {"a": X}, opset=20,
         known={"b": np.array(["-", "", "日"], object), "k": np.array("[", object)}),
    case("join_transposed", [node("Transpose", "a", into=["t"], perm=[1, 0]), node("StringConcat", "t", "b")],
         {"a": texts(2, 3), "b": texts(3, 2)}, opset=20),
    case("moved",
         [node("Transpose", "a", into=["t"], perm=[1, 0]), node("Concat", "t", "b", into=["c"], axis=0),
          node("Slice", "c", "first", "last", into=["s"]), node("Tile", "s", "twice", into=["w"]),
          node("Unsqueeze", "w", "zero", into=["u"]), node("Expand", "u", "wide")],
         {"a": texts(2, 3), "b": texts(1, 2)}, opset=20,
         known={"first": np.array([1]), "last": np.array([4]), "twice": np.array([1, 2]), "zero": np.array([0]),
                "wide": np.array([2, 3, 4])}),
    case("chosen", [node("Where", "c", "a", "b")],
         {"c": ints(2, 3, low=0, high=2, dtype=np.bool_), "a": X, "b": texts(3)}, opset=20),
    case("gathered", [node("Gather", "a", "i", axis=1)], {"a": texts(2, 5), "i": ints(4, low=-5, high=5)}, opset=20),
    case("gathered_known", [node("Gather", "k", "i", into=["g"]), node("StringConcat", "g", "g")],
         {"i": ints(4, low=0, high=3)}, opset=20, known={"k": np.array(["x", "y", "ÿ"], object)}),
    case("split", [node("Split", "a", into=["y", "z"], num_outputs=2, axis=1)], {"a": texts(2, 4)}, opset=20, outputs=("y", "z")),
    case("encoded", [node("LabelEncoder", "a", keys_strings=KEYS, values_int64s=[3, 1, 4, 1, 5], default_int64=-7, **ML)],
         {"a": texts(30)}, ml=2),
    case("renamed",
         [node("LabelEncoder", "a", keys_strings=KEYS, values_strings=VALUES, default_string="?", **ML),
          node("LabelEncoder", "y", into=["z"], keys_strings=["eins", "?"], values_floats=[1.5, -2.0], default_float=0.25, **ML)],
         {"a": texts(30)}, ml=2, outputs=("z",)),
    case("renamed_open",
         [node("LabelEncoder", "a", keys_strings=KEYS, values_strings=VALUES, default_string="?", **ML),
          node("StringConcat", "y", "a", into=["z"])],
         {"a": texts(5, 3)}, ml=2, opset=20, open_axes={"a": ["n", 3]}, outputs=("z",)),
    case("one_hot", [node("OneHotEncoder", "a", cats_strings=KEYS, zeros=1, **ML)], {"a": texts(6, 5)}, ml=1),
]  # fmt: skip


def _of_bodies() -> list[harness.Case]:
    """Loops whose states and collected slices are strings, branches that give strings, an input that is an output."""

    def flag(name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.BOOL, [])

    def words(name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.STRING, [2])

    nodes = [node("StringConcat", "s", "x", into=["t"]), node("Identity", "c", into=["d"]), node("Identity", "t", into=["u"])]
    states = [helper.make_tensor_value_info("k", TensorProto.INT64, []), flag("c"), words("s")]
    body = helper.make_graph(nodes, "body", states, [flag("d"), words("t"), words("u")])
    twice = helper.make_graph([node("StringConcat", "x", "x", into=["o"])], "then", [], [words("o")])
    same = helper.make_graph([node("Identity", "known", into=["p"])], "else", [], [words("p")])
    x, known = texts(2), {"known": np.array(["p", "日"], object)}
    loop = [node("Loop", "n", "", "x", into=["y", "z"], body=body)]
    from_known = [node("Loop", "n", "", "known", into=["y", "z"], body=body)]
    branch = [node("If", "c", then_branch=twice, else_branch=same)]
    more: dict[str, Any] = {"opset": 20, "outputs": ("y", "z")}
    return [
        *(case(f"loop_{n}", loop, {"n": np.array(n), "x": x}, **more) for n in (0, 3)),
        case("loop_from_known", from_known, {"n": np.array(2), "x": x}, known=known, **more),
        *(case(f"branch_{c}", branch, {"c": np.array(c), "x": x}, known=known, opset=20) for c in (False, True)),
        case("passed_on", [node("Identity", "x")], {"x": x}, opset=20),
    ]


CASES += _of_bodies()


@pytest.fixture(scope="module")
def results() -> dict[str, str]:
    return harness.run(CASES)


@pytest.mark.slow
@pytest.mark.parametrize("name", [c.name for c in CASES])
def test_strings_match_onnxruntime(results: dict[str, str], name: str) -> None:
    assert results[name] == ""


@pytest.mark.parametrize("op", ["ScatterElements", "ScatterND"])
def test_strings_are_not_reduced(op: str) -> None:
    shapes = {"x": [2, 3], "i": [2, 3] if op == "ScatterElements" else [2, 1], "u": [2, 3]}
    kinds = {"x": TensorProto.STRING, "i": TensorProto.INT64, "u": TensorProto.STRING}
    infos = [helper.make_tensor_value_info(n, kinds[n], shape) for n, shape in shapes.items()]
    graph = helper.make_graph([node(op, "x", "i", "u", reduction="add")], "g", infos, [onnx.ValueInfoProto(name="y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    told = harness.lower(harness.Case("reduced", model, [], 0.0, 0.0))
    assert told == "unsupported: reduction 'add' of string is not supported"
