"""Strings through generated code, against onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator
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


def _join(a: str = "a", b: str = "b", into: str = "y") -> onnx.NodeProto:
    return node("StringConcat", a, b, into=[into])


def _joined() -> Iterator[harness.Case]:
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((2, 3), (2, 3)), ((), ()), ((3,), ()), ((), (2, 3)), ((2, 1, 3), (4, 1)), ((1,), (4, 3)), ((4, 3), (1, 3)),
        ((0, 3), (1, 3)), ((3, 0), (1,)),
    ]  # fmt: skip
    for k, (a, b) in enumerate(shapes):
        yield case(f"join_{k}", [_join()], {"a": texts(*a), "b": texts(*b)}, opset=20)
    for k, (a, b) in enumerate((((4, 3), (4, 3)), ((4, 3), (1, 3)), ((1, 3), (4, 3)))):
        sizes = {"a": ["n", 3], "b": ["m", 3]}
        yield case(f"join_open_{k}", [_join()], {"a": texts(*a), "b": texts(*b)}, opset=20, open_axes=sizes)
    # one that is known is a place in a table until it is joined; both known are folded
    yield case("join_known", [_join("k", "a")], {"a": X}, opset=20, known={"k": texts(3)}, open_axes={"a": ["n", 3]})
    both = {"k": texts(3), "j": texts(2, 1)}
    yield case("join_folded", [_join("k", "j", "c"), _join("c", "a")], {"a": X}, opset=20, known=both)
    # an operand that is read again is not written over, on neither side
    chain = [_join(into="c"), _join("c", "c", "d"), _join("b", "d", "e"), _join("d", "b", "f"), _join("e", "f")]
    yield case(
        "join_again", chain, {"a": X, "b": texts(2, 3)}, opset=20, outputs=("y", "d"), open_axes={"a": ["n", 3], "b": ["n", 3]}
    )
    yield case("join_left_over", [_join(into="c"), _join("c", "b")], {"a": X, "b": texts(3)}, opset=20)
    yield case("join_right_over", [_join(into="c"), _join("b", "c")], {"a": X, "b": texts(3)}, opset=20)
    turned = [node("Transpose", "a", into=["t"], perm=[1, 0]), _join("t", "b")]
    yield case("join_transposed", turned, {"a": X, "b": texts(3, 2)}, opset=20)
    chosen = [node("Gather", "k", "i", into=["g"]), _join("g", "g", "h"), _join("h", "a")]
    yield case(
        "join_chosen", chosen, {"i": ints(4, low=-5, high=5), "a": texts(4)}, opset=20, known={"k": np.array(KEYS, object)}
    )


CASES = [
    *_joined(),
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
