"""Tensors whose rank only the run decides through generated code, against onnxruntime."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np
import onnx
import pytest
from cases import case, floats, ints, node
from onnx import TensorProto, helper

from onnx2rust.base.errors import UnsupportedError
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.frontends import Loaded
from onnx2rust.model.schemas import schema
from onnx2rust.ops import all_facts, operators
from onnx2rust.registry.facts import Ranks

FLAGS = (np.array(True), np.array(False))
Array = np.ndarray[Any, Any]


def _graph(name: str, nodes: list[onnx.NodeProto], dtype: Any = np.float32) -> onnx.GraphProto:
    """A branch whose output states no shape."""
    kind = helper.make_tensor_value_info(nodes[-1].output[0], helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), None)
    return helper.make_graph(nodes, name, [], [kind])


def _either(x: str, into: str = "u", dtype: Any = np.float32) -> onnx.NodeProto:
    """x as it is, or with an axis in front: of any rank."""
    then = _graph("then", [node("Identity", x, into=[f"{into}_t"])], dtype)
    other = _graph("else", [node("Unsqueeze", x, "front", into=[f"{into}_e"])], dtype)
    return node("If", "f", into=[into], then_branch=then, else_branch=other)


def _both(name: str, nodes: list[onnx.NodeProto], inputs: dict[str, Any], **more: Any) -> list[harness.Case]:
    """The model with both values of the flag."""
    known = {"front": np.array([0]), **more.pop("known", {})}
    any_rank = more.pop("any_rank", ("y",))
    return [
        case(f"{name}_{'then' if flag else 'else'}", nodes, {**inputs, "f": flag}, known=known, any_rank=any_rank, **more)
        for flag in FLAGS
    ]


X = floats(2, 3)
CASES = [
    *_both("handed_out", [_either("x", "y")], {"x": X}),
    *_both("without_elements", [_either("x", "y")], {"x": floats(2, 0)}),
    *_both("scalar", [_either("x", "y")], {"x": floats()}),
    *_both("open_sizes", [_either("x", "y")], {"x": X}, open_axes={"x": ["n", "m"]}),
    *_both("of_strings", [_either("x", "y", object)], {"x": np.array([["a", "naïve"], ["", "b"]], object)}),
    *_both("of_halves", [_either("x", dtype=np.float16), node("Mul", "u", "u")], {"x": floats(2, 3, dtype=np.float16)},
           rtol=2e-3),
    *_both("twice_chosen", [_either("x"), _either("u", "y")], {"x": X}),
    *_both("shape", [_either("x"), node("Shape", "u")], {"x": X}),
    *_both("part_of_shape", [_either("x"), node("Shape", "u", start=-2, end=5)], {"x": X}, opset=15),
    *_both("no_part_of_shape", [_either("x"), node("Shape", "u", start=2, end=1)], {"x": X}, opset=15),
    *_both("size", [_either("x"), node("Size", "u")], {"x": X}),
    *_both("flattened", [_either("x"), node("Reshape", "u", "s"), node("MatMul", "y", "w", into=["z"])], {"x": X},
           known={"s": np.array([-1, 3]), "w": floats(3, 2)}, outputs=("y", "z")),
    *_both("reshaped_by_data", [_either("x"), node("Reshape", "u", "s")], {"x": X, "s": np.array([3, -1])}),
    *_both("reshaped_keeping", [_either("x"), node("Reshape", "u", "s")], {"x": floats(1, 3)},
           known={"s": np.array([0, -1])}),
    *_both("reshaped_to_its_shape", [_either("x"), node("Shape", "u", into=["s"]), node("Mul", "u", "u", into=["v"]),
                                     node("Reshape", "v", "s")], {"x": X}),
    *_both("expanded", [_either("x"), node("Expand", "u", "s")], {"x": floats(2, 1)}, known={"s": np.array([4, 1, 1, 3])}),
    *_both("expanded_by_its_shape", [_either("x"), node("Shape", "u", into=["s"]), node("Expand", "w", "s")],
           {"x": floats(2, 4)}, known={"w": floats(2, 1)}),
    *_both("filled", [_either("x"), node("Shape", "u", into=["s"]), node("ConstantOfShape", "s",
           value=onnx.numpy_helper.from_array(np.array([7], np.int32)))], {"x": X}),
    *_both("squeezed", [_either("x"), node("Squeeze", "u", into=["v"]), node("Neg", "v")], {"x": floats(1, 3, 1)}),
    *_both("squeezed_by_axes", [_either("x"), node("Squeeze", "u", "a")], {"x": floats(1, 3, 1)}, known={"a": np.array([0, -1])}),
    *_both("unsqueezed", [_either("x"), node("Unsqueeze", "u", "a")], {"x": X}, known={"a": np.array([-1, 1])}),
    *_both("added", [_either("x"), node("Add", "u", "w")], {"x": X}, known={"w": floats(3)}),
    *_both("added_scalar", [_either("x"), node("Add", "w", "u")], {"x": X}, known={"w": floats()}),
    *_both("added_to_scalar", [_either("x"), node("Add", "w", "u")], {"x": floats()}, known={"w": floats(1)}),
    *_both("added_wider", [_either("x"), node("Sub", "w", "u")], {"x": floats(1, 3), "w": floats(4, 2, 1)}),
    *_both("added_to_another", [_either("x"), _either("z", "v"), node("Mul", "u", "v")], {"x": X, "z": floats(4, 1, 3)}),
    *_both("chosen", [_either("x"), node("Where", "c", "u", "w")], {"x": X, "c": np.array([[True], [False]])},
           known={"w": floats(2, 2, 3)}),
    *_both("clipped", [_either("x"), node("Clip", "u", "low", "high")], {"x": X},
           known={"low": np.float32(-0.5), "high": np.float32(1)}),
    *_both("cast", [_either("x"), node("Cast", "u", to=TensorProto.INT64)], {"x": X}),
    *_both("reduced", [_either("x"), node("ReduceMax", "u", keepdims=0)], {"x": X}),
    *_both("in_a_sequence", [_either("x"), node("SequenceConstruct", "x", "u", into=["s"]), node("SequenceInsert", "s", "u", "k",
           into=["t"]), node("SequenceAt", "t", "k", into=["z"]), node("Identity", "t")], {"x": X},
           known={"k": np.array(1)}, outputs=("y", "z"), any_rank=("z",)),
    *_both("optional", [_either("x"), node("Optional", "u", into=["o"]), node("OptionalGetElement", "o")], {"x": X}, opset=18),
    case("squeezed_open", [node("Squeeze", "x")], {"x": floats(1, 3, 2)}, open_axes={"x": ["n", 3, "m"]}, any_rank=("y",)),
    case("squeezed_open_of_known_rank", [node("Squeeze", "x")], {"x": floats(1, 3, 2)}, open_axes={"x": ["n", 3, "m"]}),
    case("squeezed_by_data", [node("Squeeze", "x", "a")], {"x": floats(1, 3, 1), "a": np.array([-1])}),
    case("unsqueezed_by_data", [node("Unsqueeze", "x", "a"), node("Neg", "y", into=["z"])],
         {"x": floats(3, 2), "a": np.array([2, 0])}, outputs=("y", "z")),
    case("reshaped_to_any", [node("Reshape", "x", "s")], {"x": X, "s": np.array([1, 0, -1, 2])[[0, 2, 3]]},
         open_axes={"s": ["r"]}, any_rank=("y",)),
    case("reshaped_to_scalar", [node("Reshape", "x", "s")], {"x": floats(1, 1), "s": np.array([], np.int64)},
         open_axes={"s": ["r"]}, any_rank=("y",)),
    case("reshaped_of_nothing", [node("Reshape", "x", "s", allowzero=1)], {"x": floats(0, 3), "s": np.array([3, 0, 2])},
         open_axes={"x": ["n", 3], "s": ["r"]}),
    case("expanded_to_any", [node("Expand", "x", "s")], {"x": floats(3, 1), "s": np.array([2, 1, 4])}, open_axes={"s": ["r"]}),
    case("item", [node("SequenceAt", "s", "k")], {"s": [floats(2), floats(1, 3), floats()], "k": np.array(-2)}, any_rank=("y",)),
    case("input", [node("Relu", "x")], {"x": floats(2, 3, 2)}, any_rank=("x", "y")),
]  # fmt: skip


def _of_loops() -> list[harness.Case]:
    """Loops whose state gets an axis more in every iteration, or loses its axes."""
    count, go = (helper.make_tensor_value_info(n, t, []) for n, t in (("i", TensorProto.INT64), ("c", TensorProto.BOOL)))
    again = helper.make_tensor_value_info("d", TensorProto.BOOL, [])
    kept = node("Identity", "c", into=["d"])

    def loop(change: list[onnx.NodeProto]) -> onnx.NodeProto:
        states = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("s", "t")]
        body = helper.make_graph([kept, *change], "body", [count, go, states[0]], [again, states[1]])
        return node("Loop", "m", "", "x", body=body)

    grown = loop([node("Unsqueeze", "s", "front", into=["u"]), node("Add", "u", "one", into=["t"])])
    summed = [node("Shape", "s", into=["n"]), node("ReduceSum", "s", keepdims=0, into=["r"])]
    joined = loop([*summed, node("Expand", "r", "n", into=["e"]), node("Unsqueeze", "e", "front", into=["t"])])
    known = {"front": np.array([0]), "one": np.float32(1)}
    taken = _both("loop_taken", [_either("x", "w"), loop([node("Identity", "w", into=["t"])])], {"x": X, "m": np.array(2)})
    return taken + [
        case(f"loop_{name}_{m}", [nodes], {"x": X, "m": np.array(m)}, known=known, any_rank=("y",))
        for name, nodes in (("grown", grown), ("joined", joined))
        for m in (0, 1, 3)
    ]


_ARRAYS: dict[str, Array] = {
    "float": floats(2, 3),
    "bool": np.array([[True, False, True], [False, False, True]]),
    "int64": ints(2, 3),
    "uint8": ints(2, 3, low=1, high=9, dtype=np.uint8),
}
"""Inputs by their element type."""
_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "BitShift": {"direction": "LEFT"},
    "Mod": {"fmod": 1},
    "Cast": {"to": TensorProto.INT32},
}


def _of_operators() -> list[harness.Case]:
    """Every operator that is said to work element by element: of a tensor of any rank, and of one with others."""
    names = sorted(n for (domain, n), known in all_facts().items() if known.ranks is Ranks.EACH and not domain)
    found = []
    for name in names:
        newest = schema(name, "", 22)
        if newest is None or newest.since_version not in operators().get(("", name), {}):
            continue
        inputs = [i for i in newest.inputs if i.option != onnx.defs.OpSchema.FormalParameterOption.Optional]
        kinds = [next(k for k in _ARRAYS if f"tensor({k})" in i.types) for i in inputs]
        if newest.max_input > len(newest.inputs):
            kinds *= 2
        one, *others = [_ARRAYS[k] for k in kinds]
        more = {f"w{k}": other[:1] for k, other in enumerate(others)}
        nodes = [_either("x", dtype=one.dtype), node(name, "u", *more, **_ATTRIBUTES.get(name, {}))]
        known = {"front": np.array([0])}
        inputs_ = {"x": one, **more, "f": np.array(False)}
        found.append(case(f"operator_{name}", nodes, inputs_, known=known, any_rank=("y",), opset=22))
    return found


CASES += _of_loops() + _of_operators()


@pytest.fixture(scope="module")
def results() -> dict[str, str]:
    return harness.run(CASES)


@pytest.mark.slow
@pytest.mark.parametrize("name", [c.name for c in CASES])
def test_unranked(results: dict[str, str], name: str) -> None:
    assert results[name] == ""


def _lowered(nodes: list[onnx.NodeProto], inputs: list[onnx.ValueInfoProto], opset: int = 17, **known: Any) -> None:
    initializers = [onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in known.items()]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_empty_tensor_value_info("y")], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    pipeline.lower(Loaded(model, "onnx", "onnx", ()), Options(name="Case"))


def test_an_operator_that_needs_the_rank_refuses() -> None:
    with pytest.raises(UnsupportedError) as caught:
        _lowered([node("Softmax", "x")], [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)])
    assert str(caught.value.problems[0]) == (
        "node 0 'y' (Softmax, opset 17) on (float32 of any rank): "
        "operator Softmax of a tensor whose rank is known only at run time is not supported\n"
        "    → give it a rank before: Reshape it, or let the model state the value's shape (value_info)"
    )


def test_slices_of_a_loop_have_a_rank() -> None:
    count, go = (helper.make_tensor_value_info(n, t, []) for n, t in (("i", TensorProto.INT64), ("c", TensorProto.BOOL)))
    body = helper.make_graph(
        [node("Identity", "c", into=["d"]), node("Identity", "x", into=["s"])],
        "body",
        [count, go],
        [helper.make_tensor_value_info("d", TensorProto.BOOL, []), helper.make_tensor_value_info("s", TensorProto.FLOAT, None)],
    )
    with pytest.raises(UnsupportedError, match="slices collected by Loop are no tensors of a known rank"):
        _lowered([node("Loop", "m", "", body=body)], [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)], m=3)
