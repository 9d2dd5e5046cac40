"""float16: where a value is rounded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

sys.path.insert(0, str(Path(__file__).parent / "ops"))
from build import layers, lower, model

from onnx2rust.base.options import Options
from onnx2rust.conversion.pipeline import convert
from onnx2rust.ir.dtypes import DType

HALF, FLOAT = TensorProto.FLOAT16, TensorProto.FLOAT
SQUARE = np.eye(8, dtype=np.float16)
node = helper.make_node


def lowered(*nodes: onnx.NodeProto, x: int = HALF, opset: int = 17) -> list[str]:
    weights: dict[str, np.ndarray[Any, Any]] = {"w": SQUARE, "row": SQUARE[:1], "shape": np.array([8, 8])}
    used = {name for n in nodes for name in n.input}
    weights = {n: a for n, a in weights.items() if n in used}
    program = lower(model(nodes, {"x": (8, 8)}, ["y"], weights, opset=opset, dtypes={"x": x}))
    (output,) = program.outputs
    assert output.dtype is DType.F16
    return layers(program)


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        # the products are one after the other in float32; a cast before and one after
        ([("MatMul", "w"), ("MatMul", "w")], ["Cast", "Dense", "Dense", "Cast"]),
        # what is moved between them, or behind them, is not rounded before
        ([("MatMul", "w"), ("Reshape", "shape"), ("Identity",), ("MatMul", "w")], ["Cast", "Dense", "Dense", "Cast"]),
        ([("MatMul", "w"), ("Concat", "row"), ("MatMul", "w")], ["Cast", "Dense", "Concat", "Dense", "Cast"]),
        ([("MatMul", "w"), ("Concat", "row")], ["Cast", "Dense", "Concat", "Cast"]),
        # nor what others choose or round to whole numbers
        ([("MatMul", "w"), ("Max", "row"), ("Round",), ("Relu",)], ["Cast", "Dense", "Max", "Activate", "Activate", "Cast"]),
        # movement of what is float16 anyway stays float16
        ([("Concat", "row")], ["Concat"]),
        ([("Concat", "row"), ("MatMul", "w")], ["Concat", "Cast", "Dense", "Cast"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("opset", [17, 18, 22])
def test_a_result_is_rounded_once_at_the_end(chain: list[tuple[str, ...]], expected: list[str], opset: int) -> None:
    nodes = []
    for k, (op, *more) in enumerate(chain):
        axis: dict[str, Any] = {"axis": 0} if op == "Concat" else {}
        nodes.append(node(op, ["x" if k == 0 else f"v{k}", *more], ["y" if k == len(chain) - 1 else f"v{k + 1}"], **axis))
    assert lowered(*nodes, opset=opset) == expected


def test_infinity_is_what_the_float16_tensor_has() -> None:
    """70000 is none in float32. Models in float16 ask, to replace what has become too large."""
    program = lower(
        model(
            [node("MatMul", ["x", "w"], ["m"]), node("IsInf", ["m"], ["y"]), node("IsNaN", ["m"], ["z"])],
            {"x": (8, 8)}, ["y", "z"], {"w": SQUARE}, opset=20, dtypes={"x": HALF},
        )
    )  # fmt: skip
    assert layers(program) == ["Cast", "Dense", "Cast", "Cast", "IsInf", "IsNaN"]


def test_casts_of_the_model_are_joined_too() -> None:
    chain = [node("Cast", ["x"], ["h"], to=HALF), node("MatMul", ["h", "w"], ["m"]), node("Cast", ["m"], ["f"], to=FLOAT)]
    assert lowered(*chain, node("Cast", ["f"], ["y"], to=HALF), x=FLOAT) == ["Dense", "Cast"]


@pytest.mark.parametrize("condition", [None, True])
def test_a_body_reads_what_is_rounded_outside(condition: bool | None) -> None:
    """Casts are not joined through the border of a body, unless the condition is known and the branch takes the node's place."""
    inner = helper.make_graph([node("MatMul", ["m", "w"], ["b"])], "then", [], [helper.make_tensor_value_info("b", HALF, None)])
    other = helper.make_graph([node("Identity", ["m"], ["e"])], "else", [], [helper.make_tensor_value_info("e", HALF, None)])
    nodes = [node("MatMul", ["x", "w"], ["m"]), node("If", ["c"], ["y"], then_branch=inner, else_branch=other)]
    weights: dict[str, np.ndarray[Any, Any]] = {"w": SQUARE} | ({} if condition is None else {"c": np.array(condition)})
    inputs: dict[str, tuple[int, ...]] = {"x": (8, 8)} | ({"c": ()} if condition is None else {})
    program = lower(model(nodes, inputs, ["y"], weights, dtypes={"x": HALF, "c": TensorProto.BOOL}))
    if condition:
        assert layers(program) == ["Cast", "Dense", "Dense", "Cast"]
        return
    assert layers(program) == ["Cast", "Dense", "Cast", "If"]
    rounded = program.steps[2].outputs[0]
    assert program.steps[3].bodies[0].steps[0].inputs == (rounded,)
    assert [type(s.layer).__name__ for s in program.steps[3].bodies[0].steps] == ["Cast", "Dense", "Cast"]


def test_a_state_of_a_loop_is_rounded() -> None:
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [node("Identity", ["k"], ["go"]), node("MatMul", ["s", "f"], ["t"]), node("Identity", ["f"], ["g"])],
        "body",
        [info("i", TensorProto.INT64, []), info("k", TensorProto.BOOL, []), info("s", HALF, [8, 8]), info("f", HALF, [8, 8])],
        [info("go", TensorProto.BOOL, []), info("t", HALF, [8, 8]), info("g", HALF, [8, 8])],
    )
    nodes = [node("MatMul", ["x", "w"], ["m"]), node("Loop", ["n", "", "m", "m"], ["r", "q"], body=body)]
    nodes.append(node("Reshape", ["r", "shape"], ["y"]))
    inputs: dict[str, tuple[int, ...]] = {"x": (8, 8), "n": ()}
    program = lower(
        model(nodes, inputs, ["y"], {"w": SQUARE, "shape": np.array([8, 8])}, dtypes={"x": HALF, "n": TensorProto.INT64})
    )
    # the state that stays is read from outside, where it was rounded and made wide again
    assert layers(program) == ["Cast", "Dense", "Cast", "Cast", "Loop"]
    (body_,) = program.steps[4].bodies
    assert [type(s.layer).__name__ for s in body_.steps] == ["Cast", "MatMul", "Cast"]
    assert body_.steps[1].inputs[1] is program.steps[3].outputs[0]


@pytest.mark.parametrize(("x", "asked"), [(HALF, {}), (FLOAT, {"dtype": HALF}), (HALF, {"dtype": HALF})])
def test_a_type_that_an_attribute_or_the_input_says(x: int, asked: dict[str, Any]) -> None:
    """The schema ties it to no input."""
    assert lowered(node("EyeLike", ["x"], ["y"], **asked), x=x) == ["EyeLike", "Cast"]


def test_other_types_of_a_node_stay() -> None:
    inputs = {"x": (1, 2, 4, 4)}
    nodes = [node("MaxPool", ["x"], ["y", "where"], kernel_shape=[2, 2])]
    program = lower(model(nodes, inputs, ["y", "where"], dtypes={"x": HALF}))
    assert [v.dtype for v in program.outputs] == [DType.F16, DType.I64]


def test_a_crate_shows_the_type_to_its_users_and_allows_for_its_roundings(tmp_path: Path) -> None:
    nodes = [node("MatMul", ["x", "w"], ["y"])]
    onnx.save(model(nodes, {"x": ("batch", 8)}, ["y"], {"w": SQUARE}, dtypes={"x": HALF}), tmp_path / "half.onnx")
    crate = convert(tmp_path / "half.onnx", tmp_path / "out", Options(binary_classification=False)).crate
    text = (crate / "src" / "lib.rs").read_text()
    assert "pub use tf_layers::{Error, F16, TensorView, argmax, top_k};" in text
    assert "//! use half::{F16, HalfModel, Inputs};" in text
    assert "rtol: 2e-3" in (crate / "tests" / "parity.rs").read_text()
    assert "F16, " in (crate / "tests" / "behaviour.rs").read_text()
    assert np.load(crate / "testdata" / "features.npz")["x"].dtype == np.float16
