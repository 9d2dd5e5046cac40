"""What generated code leaves out: a build without warnings has no variable that nobody reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx2rust import emit
from onnx2rust.base.naming import Names
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.emit import cutting, literals, rustfmt
from onnx2rust.emit.code import Code, Do, Length, Local
from onnx2rust.emit.lines import Printer
from onnx2rust.emit.scope import Scope
from onnx2rust.emit.sizes import SizeTable
from onnx2rust.emit.weights import WeightTable
from onnx2rust.frontends import Loaded
from onnx2rust.ir.dims import broadcast, minimum, symbol
from onnx2rust.ir.layer import Layer
from onnx2rust.ir.program import Program
from onnx2rust.layers.movement import Slice
from onnx2rust.plan import planner


@pytest.fixture(autouse=True)
def one_line_a_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements as they are written, before they are broken into lines (`test_layout.py`)."""
    monkeypatch.setattr(rustfmt, "formatted", lambda text: text)


def rendered(
    nodes: Sequence[onnx.NodeProto], outputs: Sequence[str], known: dict[str, Any], shape: Sequence[int | str] = ("n", 3)
) -> dict[str, str]:
    """The files of the crate of these nodes over x, and sizes [2] where a node reads it."""
    infos = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    if any("sizes" in n.input for n in nodes):
        infos.append(helper.make_tensor_value_info("sizes", TensorProto.INT64, [2]))
    initializers = [numpy_helper.from_array(np.asarray(a), n) for n, a in known.items()]
    graph = helper.make_graph(list(nodes), "lines", infos, [onnx.ValueInfoProto(name=o) for o in outputs], initializers)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = Options(name="Lines", binary_classification=False)
    program = pipeline.lower(Loaded(proto, "onnx", "onnx", ()), options)
    context = emit.Context("lines.onnx")
    return emit.render(planner.plan(program, options), options, context).files


def loop(keep: str) -> onnx.NodeProto:
    """y = x after some additions of x; z = the mean of x in each iteration."""
    body = helper.make_graph(
        [
            helper.make_node("Add", ["state", "x"], ["next"]),
            helper.make_node("ReduceMean", ["next"], ["mean"], keepdims=0),
            helper.make_node("Less", ["mean", "one"], ["small"]),
            helper.make_node("Identity", ["going"], ["same"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, ["n", 3]),
        ],
        [onnx.ValueInfoProto(name=n) for n in (keep, "next", "mean")],
    )
    return helper.make_node("Loop", ["count", "", "x"], ["y", "z"], body=body)


@pytest.mark.parametrize("keep", ["same", "small"])
def test_a_loop_has_the_variables_that_it_needs(keep: str) -> None:
    text = rendered([loop(keep)], ["y", "z"], {"count": np.int64(4), "one": np.float32(1)})["src/model.rs"]
    assert ("let mut keep_1 = true;" in text) == (keep == "small")
    assert ("let keep_1 = true;" in text) == (keep == "same")
    # a loop that only its count ends has as many rows as that says
    assert ("let iterations = i_1;" in text) == (keep == "small")
    # a row of one element
    assert "fit(i_1 + 1)?[i_1..]" in text


def growing(reads_behind: bool) -> dict[str, str]:
    """A loop whose state becomes as long as x; y is the state in the end, z is as long as one more addition makes it."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["same"]), helper.make_node("Add", ["state", "x"], ["next"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, ["m"]),
        ],
        [onnx.ValueInfoProto(name=n) for n in ("same", "next")],
    )
    nodes = [
        helper.make_node("Loop", ["count", "", "one"], ["y"], body=body),
        helper.make_node("Add", ["y", "x"], ["z"]),
    ]
    known = {"count": np.int64(4), "one": np.ones(1, np.float32)}
    return rendered(nodes if reads_behind else nodes[:1], ["z" if reads_behind else "y"], known, shape=("n",))


@pytest.mark.parametrize("reads_behind", [False, True])
def test_a_size_of_a_loop_is_computed_again_behind_it_where_something_reads_it(reads_behind: bool) -> None:
    assert growing(reads_behind)["src/model.rs"].count('let next_0 = size("next_0", ') == 1 + reads_behind


def test_a_model_without_inputs_reads_all_that_it_is_given() -> None:
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["y"], value_floats=[1.0, 2.0])], "lines", [], [onnx.ValueInfoProto(name="y")]
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = Options(name="Lines")
    program = pipeline.lower(Loaded(proto, "onnx", "onnx", ()), options)
    files = emit.render(planner.plan(program, options), options, emit.Context("lines.onnx")).files
    assert "let Inputs {} = inputs;" in files["src/model.rs"]
    assert "let _ = (npz, sample);" in files["src/arrays.rs"]


def test_a_size_that_nobody_reads_has_no_name() -> None:
    split = helper.make_node("Split", ["x", "sizes"], ["first", "second"], axis=1)
    assert "let [part_0, _] = " in rendered([split], ["first"], {})["src/model.rs"]
    assert "let [part_0, part_1] = " in rendered([split], ["first", "second"], {})["src/model.rs"]


def test_a_sum_of_sizes_alone_has_no_parentheses() -> None:
    node = helper.make_node("Concat", ["x", "x", "b"], ["y"], axis=0)
    text = rendered([node, helper.make_node("Relu", ["y"], ["z"])], ["z"], {"b": np.ones((2, 3), np.float32)})["src/model.rs"]
    assert ".fit((n * 2 + 2) * 3)?" in text
    whole = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Add", ["s", "k"], ["t"]),
        helper.make_node("ConstantOfShape", ["t"], ["y"]),
    ]
    assert ".fit(n + 2)?" in rendered(whole, ["y"], {"k": np.array([2, -2])})["src/model.rs"]


def test_a_node_whose_name_is_no_identifier_is_called_after_its_operator() -> None:
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="__")
    assert "pub mat_mul: Dense" in rendered([node], ["y"], {"w": np.ones((3, 2), np.float32)})["src/layers.rs"]


def test_samples_of_one_value_are_counted_by_the_length_alone() -> None:
    text = rendered([helper.make_node("Relu", ["x"], ["y"])], ["y"], {}, shape=("n",))["src/model.rs"]
    assert 'let n = open_size("x", self.x.len(), &[])?;' in text
    text = rendered([helper.make_node("Relu", ["x"], ["y"])], ["y"], {}, shape=("n", 3))["src/model.rs"]
    assert 'let n = open_size("x", self.x.len(), &[3])?;' in text


def test_a_size_of_the_run_is_snake_case_whatever_the_operator_calls_it() -> None:
    k = helper.make_node("ReduceSum", ["sizes"], ["k"])
    text = rendered([k, helper.make_node("TopK", ["x", "k"], ["y", "places"], axis=0)], ["y"], {})["src/model.rs"]
    assert "let [k] = " in text
    assert "shape: [k, 3]" in text


def test_parentheses_stand_where_rust_needs_them() -> None:
    table = SizeTable({"a": "a", "b": "b_size"}, Names())
    a, b = symbol("a"), symbol("b")
    (wide,) = broadcast([(a,), (b,)])
    texts = {
        wide: "if a as i64 == 1 { b_size as i64 } else { a as i64 }",
        minimum(4, wide): "4_i64.min(if a as i64 == 1 { b_size as i64 } else { a as i64 })",
        minimum(-4, a - b): "(-4_i64).min(a as i64 - b_size as i64)",
        4 // wide: "4_i64.checked_div_euclid(if a as i64 == 1 { b_size as i64 } else { a as i64 }).unwrap_or(0)",
        wide * 2 + a: "a as i64 + (if a as i64 == 1 { b_size as i64 } else { a as i64 }) * 2",
        (a - 3) // 2 * (b - 1): "(a as i64 - 3).div_euclid(2) * (b_size as i64) - (a as i64 - 3).div_euclid(2)",
        minimum((a - 3) // 2, b): "(a as i64 - 3).div_euclid(2).min(b_size as i64)",
        -a - 3: "-(a as i64) - 3",
    }
    for dim, text in texts.items():
        assert table.signed(dim).text == text
    assert table.usize(a * b * 4 + 2).text == "a * b_size * 4 + 2"
    assert table.length(Length((a + 2, 3, b * 2), Local("i"), 1)) == "(i + 1) * (a + 2) * b_size * 6"
    assert table.length(Length((1, 1), Local("i"), 1)) == "i + 1"
    nothing = Length((0, b * 2), Local("i"))
    assert table.length(nothing) == "0"
    assert Printer(table).reads([Do(Code((nothing,)))]) == set()


def test_a_size_that_only_the_run_knows_is_no_literal() -> None:
    layer = Slice(steps=(1, symbol("n")), shape=(2, 2), start=(0, 0), size=(2, 2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^Slice: `steps` is part of the layer's literal, and n is only known at run time$"):
        literals.struct(layer, WeightTable(Program("p", (), (), (), ())), Scope())


def test_methods_take_what_they_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of nodes and inputs that look like variables are none."""
    monkeypatch.setattr(cutting, "BLOCK", 2)
    monkeypatch.setattr(cutting, "FEW", 1)
    split = helper.make_node("Split", ["x", "sizes"], ["first", "second"], axis=1)
    names = ["first", "n", "inputs", "cpu", "y"]
    nodes = [split, *(helper.make_node("Sigmoid", [a], [b], name=b) for a, b in pairwise(names))]
    text = rendered(nodes, ["y"], {})["src/model.rs"]
    assert re.findall(r"struct Dims {([^}]*)}", text) == ["\n    n: usize,\n    part_0: usize,\n"]
    taken = re.findall(r"fn run_\w+\(&self, (.*)\) -> Result", text)
    both = ["d: &mut Dims, inputs: Inputs<'_>", "d: &Dims, inputs: Inputs<'_>, ws: &mut Workspace"]
    assert taken == [*both, "l: &Block, d: &Dims, ws: &mut Workspace"]


def test_layers_that_could_have_weights_and_have_none() -> None:
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1]),
        helper.make_node("Sub", ["x", "mean"], ["d"]),
        helper.make_node("Mul", ["d", "d"], ["square"]),
        helper.make_node("ReduceMean", ["square"], ["variance"], axes=[1]),
        helper.make_node("Add", ["variance", "epsilon"], ["v"]),
        helper.make_node("Sqrt", ["v"], ["root"]),
        helper.make_node("Div", ["d", "root"], ["y"]),
    ]
    text = rendered(nodes, ["y"], {"epsilon": np.float32(1e-3)})["src/layers.rs"]
    assert "LayerNormalization<'w>" in text
    assert "pub const fn new(_: &Weights) -> Self" in text


def test_a_model_without_parameters_holds_no_layers() -> None:
    files = rendered([helper.make_node("Add", ["x", "x"], ["y"])], ["y"], {})
    assert " layers: &" not in files["src/model.rs"]
    assert "EMBEDDED" not in files["src/layers.rs"]
    files = rendered([helper.make_node("Add", ["x", "b"], ["y"])], ["y"], {"b": np.ones(3, np.float32)})
    assert " layers: &" in files["src/model.rs"]
    assert "EMBEDDED" in files["src/layers.rs"]


@pytest.mark.parametrize(("rows", "shared"), [("n", True), (2, False)])
def test_long_programs_share_sizes_where_there_are_any(rows: str | int, shared: bool) -> None:
    nodes = [helper.make_node("Softmax", [f"v{i}" if i else "x"], [f"v{i + 1}"]) for i in range(100)]
    code = rendered(nodes, ["v100"], {}, [rows, 3])["src/model.rs"]
    assert code.count("fn run_") == 4
    assert ("struct Dims" in code) == ("Dims {" in code) == shared


def test_methods_are_called_after_the_scopes_that_they_run() -> None:
    def block(k: int) -> list[onnx.NodeProto]:
        names = [f"v{k}.{i}" for i in range(29)]
        return [
            helper.make_node("Sigmoid", [a], [b], name=f"jit_main/net/block_{k}/layer_{i // 10}/Sigmoid__{k * 28 + i}")
            for i, (a, b) in enumerate(pairwise(names))
        ]

    nodes = [node for k in range(4) for node in block(k)]
    nodes[0].input[0] = "x"
    for k in range(3):
        nodes[28 * (k + 1)].input[0] = f"v{k}.28"
    text = rendered(nodes, ["v3.28"], {})["src/model.rs"]
    assert re.findall(r"fn (run_\w+)", text) == ["run_block_0", "run_block"]
    assert "/// `block_0`: 28 steps." in text
    assert "/// One of the alike blocks, `block_1`, …, `block_3`: 28 steps each." in text


def test_sizes_of_a_product_have_names() -> None:
    node = helper.make_node("MatMul", ["x", "sizes"], ["y"])
    shapes: dict[str, Any] = {"x": ["b", "m", 3], "sizes": ["b", 3, 4]}
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
    graph = helper.make_graph([node], "g", infos, [onnx.ValueInfoProto(name="y")])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    program = pipeline.lower(Loaded(proto, "onnx", "onnx", ()), Options())
    text = emit.render(planner.plan(program, Options()), Options(), emit.Context("m.onnx")).files["src/model.rs"]
    expected = "Matrices { batch: [b], m, k: 3, n: 4, a_batch: [m * 3], a_steps: [3, 1], b_batch: [12], b_steps: [4, 1] }"
    assert f"(cpu, {expected}, inputs.x, inputs.sizes_2, ws.s0.fit(b * m * 4)" in text
    assert "use tf_layers::matrices::Matrices;" in text


@pytest.mark.parametrize(
    ("op", "dtype", "shapes", "fails"),
    [
        ("Add", TensorProto.FLOAT, (["n", 3], ["n", 3]), False),
        ("Add", TensorProto.FLOAT, (["n", 3], [3]), False),
        ("Mul", TensorProto.INT64, (["n", 1], [1, "m"]), False),
        ("Div", TensorProto.FLOAT, (["n", 3], ["n", 1]), False),
        ("Less", TensorProto.FLOAT, (["n", 3], ["n", 3]), False),
        ("Pow", TensorProto.FLOAT, (["n", 3], [1]), False),
        ("Where", TensorProto.FLOAT, (["n", 3], ["n", 3]), False),
        ("Concat", TensorProto.FLOAT, (["n", 3], ["n", 4]), False),
        # what is known only at run time can fail
        ("Concat", TensorProto.FLOAT, (["n", 3], ["m", 4]), True),
        ("Add", TensorProto.FLOAT, (["n", 3], ["m", 3]), True),
        ("Where", TensorProto.FLOAT, (["n", 3], ["m", 3]), True),
        ("Less", TensorProto.FLOAT, (["n"], [4]), True),
        ("Div", TensorProto.INT64, (["n", 3], ["n", 3]), True),
        ("Mod", TensorProto.INT64, (["n", 3], ["n", 3]), True),
    ],
)
def test_shapes_that_fit_cannot_fail(op: str, dtype: int, shapes: tuple[list[Any], list[Any]], fails: bool) -> None:
    """A step returns a Result only if its sizes or its divisors are for the run to tell."""
    infos = [helper.make_tensor_value_info(n, dtype, s) for n, s in zip("ab", shapes, strict=True)]
    attributes: dict[str, Any] = {"axis": 1} if op == "Concat" else {}
    nodes = [helper.make_node(op, ["a", "b"], ["y"], **attributes)]
    if op == "Where":
        nodes = [helper.make_node("Less", ["a", "a"], ["c"]), helper.make_node("Where", ["c", "a", "b"], ["y"])]
    graph = helper.make_graph(nodes, "lines", infos, [onnx.ValueInfoProto(name="y")])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = Options(name="Lines", binary_classification=False)
    program = pipeline.lower(Loaded(proto, "onnx", "onnx", ()), options)
    text = emit.render(planner.plan(program, options), options, emit.Context("lines.onnx")).files["src/model.rs"]
    call = re.search(rf"{type(program.steps[-1].layer).__name__}\s*\.run(_known)?(_in_place)?\(.*?;", text, re.DOTALL)
    assert call is not None
    assert ("map_err" in call[0]) == fails
    assert (call[1] is None) == fails


def lstm(inputs: Sequence[str], outputs: Sequence[str]) -> str:
    """The text of a crate of one LSTM over x [3, n, 2]."""
    known: dict[str, Any] = {"w": np.ones((1, 16, 2), np.float32), "r": np.ones((1, 16, 4), np.float32)}
    if "h" in inputs:
        known |= {"lens": np.array([1, 2], np.int32), "h": np.ones((1, 2, 4), np.float32), "c": np.ones((1, 2, 4), np.float32)}
    node = helper.make_node("LSTM", inputs, outputs, hidden_size=4)
    return rendered([node], [o for o in outputs if o], known, (3, 2 if "h" in inputs else "n", 2))["src/model.rs"]


def test_optional_inputs_and_outputs_of_recurrent_layers_have_names() -> None:
    text = lstm(["x", "w", "r"], ["", "y_h"])
    assert "(cpu, LstmInputs { steps: 3, batch: n, x: inputs.x, ..Default::default() }, LstmOutputs { y_h: Some(" in text
    assert "), ..Default::default() }, &mut ws.scratch)" in text
    # where everything is used, there is nothing to leave out
    text = lstm(["x", "w", "r", "", "lens", "h", "c"], ["y", "y_h", "y_c"])
    assert "LstmInputs { steps: 3, batch: 2, x: inputs.x, sequence_lens: Some(" in text
    assert "initial_c: Some(" in text
    assert "y_c: Some(" in text
    assert "Default" not in text[text.index("LstmInputs { steps") : text.index("&mut ws.scratch)")]
    assert "None, " not in text


@pytest.mark.parametrize(
    ("node", "known", "sizes"),
    [
        (
            helper.make_node("Gather", ["x", "ids"], ["y"], axis=1),
            {"ids": np.array([0, 2])},
            "AlongAxis { outer: n, axis: 4, inner: 3 }",
        ),
        (
            helper.make_node("GatherND", ["x", "ids"], ["y"], batch_dims=1),
            {"ids": np.zeros((2, 5, 1), np.int64)},
            "GatherSlices { batch: 2, axes: [4], inner: 3, n: 5 }",
        ),
        (
            helper.make_node("ScatterND", ["x", "ids", "rows"], ["y"]),
            {"ids": np.zeros((1, 2), np.int64), "rows": np.ones((1, 3), np.float32)},
            "ScatterSlices { axes: [n, 4], inner: 3, n: 1 }",
        ),
        (helper.make_node("Softmax", ["x"], ["y"], axis=1), {}, "Softmax.run(cpu, AlongAxis { outer: n, axis: 4, inner: 3 }, "),
        (helper.make_node("Hardmax", ["x"], ["y"]), {}, "AlongAxis::last([n * 4, 3])"),
        (helper.make_node("LpNormalization", ["x"], ["y"], axis=1), {}, "AlongAxis { outer: n, axis: 4, inner: 3 }"),
        (helper.make_node("ArgMin", ["x"], ["y"], axis=0), {}, "AlongAxis { outer: 1, axis: n, inner: 12 }"),
        (
            helper.make_node("CumSum", ["x", "axis"], ["y"]),
            {"axis": np.array(1)},
            "AlongAxis { outer: n, axis: 4, inner: 3 }",
        ),
        (helper.make_node("Concat", ["x", "x"], ["y"], axis=1), {}, "JoinedParts { outer: n, parts: [12, 12] }"),
        (helper.make_node("Tile", ["x", "r"], ["y"]), {"r": np.array([1, 2, 1])}, "repeats: [1, 2, 1] }"),
        (
            helper.make_node("TopK", ["x", "k"], ["y"], axis=1),
            {"k": np.array([2])},
            "Ranked { outer: n, axis: 4, inner: 3, k: 2 }",
        ),
        (helper.make_node("GlobalMaxPool", ["x"], ["y"]), {}, "Images { batch: n, size: [3], channels: 4 }"),
        (helper.make_node("Trilu", ["x"], ["y"]), {}, "MatrixStack { batch: n, rows: 4, columns: 3 }"),
        (
            helper.make_node("ReverseSequence", ["x", "lens"], ["y"], batch_axis=1, time_axis=0),
            {"lens": np.array([1, 1, 1, 1])},
            "Sequences { batch: 4, steps: n, inner: 3 }",
        ),
        (helper.make_node("Pad", ["x", "pads"], ["y"]), {"pads": np.array([0, 1, 0, 0, -1, 2])}, "after: [0, -1, 2] }"),
        (
            helper.make_node("Slice", ["x", "one", "three", "one"], ["y"]),
            {"one": np.array([1]), "three": np.array([3])},
            "SlicedPart { shape: [n, 4, 3], start: [0, 1, 0], size: [n, 2, 3] }",
        ),
        (
            helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest"),
            {"scales": np.array([1, 2, 1], np.float32)},
            "ResizedAxis { outer: n, axis: 4, inner: 3, out: 8 }",
        ),
    ],
    ids=lambda v: v.op_type if isinstance(v, onnx.NodeProto) else "",
)
def test_sizes_have_names(node: onnx.NodeProto, known: dict[str, Any], sizes: str) -> None:
    shape = (2 if node.op_type == "GatherND" else "n", 4, 3)
    text = rendered([node], ["y"], known, shape)["src/model.rs"]
    assert sizes in text, text[text.index("let Sizes") if "let Sizes" in text else 0 :]


ELEMENTS = {"ids": np.zeros((1, 4, 3), np.int64), "rows": np.ones((1, 4, 3), np.float32)}


@pytest.mark.parametrize(
    ("node", "known", "call"),
    [
        (
            helper.make_node("Add", ["x", "w"], ["y"]),
            {"w": np.ones((4, 1))},
            r"Add\.run_known\(cpu, \[n, 4, 3\], inputs\.x, \[1, 4, 1\], l\.w, ",
        ),
        (
            helper.make_node("Where", ["c", "x", "w"], ["y"]),
            {"c": np.array([[True], [False], [True], [True]]), "w": np.ones(1)},
            r"Where\.run_known\(cpu, WhereInputs { condition_shape: \[1, 4, 1\], condition: l\.c, a_shape: \[n, 4, 3\], a: "
            r"inputs\.x, b_shape: ",
        ),
        (
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"]),
            {"s": np.array(0.5), "z": np.array(3, np.uint8)},
            r"LinearInputs { x_shape: \[n \* 12\], x: inputs\.x, scale_shape: \[1\], scale: l\.s, zero_shape: \[1\], zero: "
            r"l\.z }, ",
        ),
        (
            helper.make_node("Expand", ["x", "shape"], ["y"]),
            {"shape": np.array([5, 1, 1, 1])},
            r"Expand\.run\(cpu, \[1, n \* 12\], inputs\.x, \[5, n \* 12\], ws\.",
        ),
        (
            helper.make_node("GatherElements", ["x", "ids"], ["y"], axis=1),
            ELEMENTS,
            r"l\.y\.run\(cpu, \[n, 4, 3\], inputs\.x, \[1, 4, 3\], l\.ids, ",
        ),
        (
            helper.make_node("ScatterElements", ["x", "ids", "rows"], ["y"], axis=1),
            ELEMENTS,
            r"l\.y\.run\(cpu, \[n, 4, 3\], inputs\.x, ScatterUpdates { indices_shape: \[1, 4, 3\], indices: l\.ids, updates: "
            r"l\.rows }, ",
        ),
    ],
    ids=lambda v: v.op_type if isinstance(v, onnx.NodeProto) else "",
)
def test_operands_stand_behind_their_shapes(node: onnx.NodeProto, known: dict[str, Any], call: str) -> None:
    """Two shapes in a row do not say what they are the shapes of."""
    node.name = "y"
    known = {n: a.astype(np.float32) if a.dtype == np.float64 else a for n, a in known.items() if n in node.input}
    text = rendered([node], ["y"], known, ("n", 4, 3))["src/model.rs"]
    assert re.search(call, text), text[text.index("let l = ") :] if "let l = " in text else text[text.index("let cpu") :]


def test_operands_that_are_overwritten_stand_behind_their_shapes() -> None:
    nodes = [helper.make_node("Sigmoid", ["x"], ["a"]), helper.make_node("Sub", ["w", "a"], ["y"])]
    text = rendered(nodes, ["y"], {"w": np.ones((4, 1), np.float32)}, ("n", 4, 3))["src/model.rs"]
    assert re.search(r"Sub\.run_known_in_place_right\(cpu, \[1, 4, 1\], l\.w, \[n, 4, 3\], ws\.s0\.fit\(n \* 12\)\?\)", text)


def test_the_places_of_unique_slices_have_names() -> None:
    node = helper.make_node("Unique", ["x"], ["y", "", "", "counts"], axis=0)
    text = rendered([node], ["y", "counts"], {})["src/model.rs"]
    assert ".sizes(cpu, AlongAxis { outer: 1, axis: n, inner: 3 }, inputs.x)" in text
    assert re.search(r"inputs\.x, ws\.s\d\.fit\(.*\)\?, UniquePlaces \{ counts: Some\(.*\), \.\.Default::default\(\) \}", text)


W = np.ones((3, 3), np.float32)
K = np.ones((2, 3, 3, 3), np.float32)
ROW = np.ones(3, np.float32)


def _residual(first: onnx.NodeProto) -> list[onnx.NodeProto]:
    """x² + first(x), with x² needed once more: nothing can be overwritten."""
    last = [helper.make_node("Add", ["z", "s"], ["t"]), helper.make_node("Mul", ["t", "s"], ["y"])]
    return [helper.make_node("Exp", ["x"], ["s"]), first, *last]


@pytest.mark.parametrize(
    ("nodes", "known", "shape", "call"),
    [
        ([helper.make_node("MatMul", ["x", "w"], ["y"])], {"w": W}, ("n", 3), ".run(cpu, n, inputs.x, ws."),
        (_residual(helper.make_node("MatMul", ["x", "w"], ["z"])), {"w": W}, ("n", 3), ".run_adding(cpu, n, inputs.x, ws."),
        (
            [helper.make_node("Conv", ["x", "k"], ["y"])],
            {"k": K},
            (1, 3, 8, 8),
            ".run(cpu, ImageStack { batch: 1, size: [8, 8] }, ",
        ),
        (
            [helper.make_node("Mul", ["x", "w"], ["k"]), helper.make_node("Conv", ["c", "k"], ["y"])],
            {"w": K, "c": np.ones((1, 3, 4, 4), np.float32)},
            (2, 3, 3, 3),
            "ConvDynamicInputs { batch: 1, size: [4, 4], channels: [3, 2], ",
        ),
        ([helper.make_node("LayerNormalization", ["x", "s"], ["y"])], {"s": ROW}, ("n", 3), ".run(cpu, [n, 3], inputs.x, ws."),
        (
            [helper.make_node("LayerNormalization", ["x", "s"], ["y", "", "i"])],
            {"s": ROW},
            ("n", 3),
            ".run_with_statistics(cpu, [n, 3], inputs.x, ",
        ),
        ([helper.make_node("Trilu", ["x"], ["y"])], {}, ("n", 3), " rows: n, columns: 3 }, inputs.x, ws."),
        ([helper.make_node("Trilu", ["x", "k"], ["y"])], {"k": np.array(1)}, ("n", 3), ".run_with_k(cpu, "),
        ([helper.make_node("Pad", ["x", "p"], ["y"])], {"p": np.array([0, 1, 0, 1])}, ("n", 3), ".run(cpu, Border {"),
        (
            [helper.make_node("Pad", ["x", "p", "v"], ["y"])],
            {"p": np.array([0, 1, 0, 1]), "v": np.array(5, np.float32)},
            ("n", 3),
            ".run_with_value(cpu, Border {",
        ),
        ([helper.make_node("Pad", ["x", "sizes"], ["y"])], {}, ("n",), ".run(cpu, [n], inputs.x, inputs.sizes_2, "),
        (
            [helper.make_node("Pad", ["x", "sizes", "v"], ["y"])],
            {"v": np.array(5, np.float32)},
            ("n",),
            ".run_with_value(cpu, [n], inputs.x, inputs.sizes_2, ",
        ),
        (
            [helper.make_node("Slice", ["x", "sizes", "e"], ["y"])],
            {"e": np.array([3, 3])},
            ("n", 3),
            ".sizes(cpu, [n, 3], SliceBounds { starts: inputs.sizes_2, ends: l.e, ..Default::default() }",
        ),
        (
            [helper.make_node("Slice", ["x", "sizes", "e", "", "b"], ["y"])],
            {"e": np.array([3, 3]), "b": np.array([2, 2])},
            ("n", 3),
            ".run(cpu, [n, 3], inputs.x, SliceBounds { starts: inputs.sizes_2, ends: l.e, steps: Some(",
        ),
    ],
    ids=lambda v: v[0].op_type if isinstance(v, list) else "",
)
def test_an_operand_that_is_absent_chooses_the_method(
    nodes: list[onnx.NodeProto], known: dict[str, Any], shape: tuple[int | str, ...], call: str
) -> None:
    outputs = [o for o in nodes[-1].output if o]
    text = rendered(nodes, outputs, known, shape)["src/model.rs"]
    assert call in text, text[text.index("pub fn predict") :]
    assert not re.search(r"\bNone[,)]", text[text.index("pub fn predict") :])


def every_layer(base: type[Layer] = Layer) -> list[type[Layer]]:
    """All layers of tf-layers."""
    return [found for c in base.__subclasses__() for found in (c, *every_layer(c)) if found.rust]


def test_what_may_be_absent_has_a_field_or_chooses_the_method() -> None:
    for layer in every_layer():
        assert not layer.optional_inputs() & set(layer.chooses), layer


def test_scratch_that_cannot_be_had_is_an_error() -> None:
    for node, known, shape in (
        (helper.make_node("Conv", ["x", "k"], ["y"]), {"k": K}, (1, 3, 8, 8)),
        (helper.make_node("MatMul", ["x", "x"], ["y"]), {}, ("n", "n")),
        (helper.make_node("ConvTranspose", ["x", "k"], ["y"]), {"k": np.ones((3, 2, 3, 3), np.float32)}, (1, 3, 8, 8)),
    ):
        text = rendered([node], ["y"], known, shape)["src/model.rs"]
        assert text.count("&mut ws.scratch)") == text.count("&mut ws.scratch)?;") == 1, node.op_type
    # so is room that a layer must have for itself
    text = rendered([helper.make_node("Unique", ["x"], ["y"])], ["y"], {}, ("n",))["src/model.rs"]
    assert text.count('.map_err(|e| e.at("y"))?;') == 2
    # one that can fail for other reasons says where
    assert "&mut ws.scratch).map_err(|e| e.at(" in lstm(["x", "w", "r"], ["", "y_h"])


def test_sizes_that_stand_by_their_places_are_one() -> None:
    """One number, or the shape of what stands behind it. Two in a row have to be counted off: they are a struct's fields."""
    alone = [layer for layer in every_layer() if not layer.sizes_in]
    counted = {layer.__name__: layer.size_names() for layer in alone}
    beside = {layer.__name__: {*layer.input_shapes, layer.output_shape} for layer in alone}
    assert {name: sizes for name, sizes in counted.items() if len(set(sizes) - beside[name]) > 1} == {}
