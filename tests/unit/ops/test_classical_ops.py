"""Operators of ai.onnx.ml other than trees: strings as places in a table, what is refused, and the layers that carry them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx2rust import emit, importer
from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.conversion import pipeline
from onnx2rust.frontends.base import Loaded
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Labels, Program
from onnx2rust.oracle import Oracle
from onnx2rust.plan import planner

HOSTILE = ('a"b', "x\u202e*/", "\\n${y}", "line\nbreak", "ä", "")
"""Names that would end a string, a comment or a line."""


def model(nodes: list[onnx.NodeProto], outputs: list[str], inputs: Any = None, known: Any = None, ml: int = 4) -> onnx.ModelProto:
    """A model of these nodes; x is float32 [n, 3] unless `inputs` says otherwise."""
    given = inputs or {"x": (TensorProto.FLOAT, ["n", 3])}
    infos = [helper.make_tensor_value_info(n, t, s) for n, (t, s) in given.items()]
    weights = [numpy_helper.from_array(a, n) for n, a in (known or {}).items()]
    graph = helper.make_graph(nodes, "g", infos, [onnx.ValueInfoProto(name=o) for o in outputs], weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", ml)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def node(op: str, inputs: list[str], outputs: list[str], **attributes: Any) -> onnx.NodeProto:
    """A node of ai.onnx.ml."""
    return helper.make_node(op, inputs, outputs, name=op, domain="ai.onnx.ml", **attributes)


def classifier(labels: tuple[str, ...], outputs: tuple[str, str] = ("label", "scores")) -> onnx.NodeProto:
    """Three classes with names; or as many as there are."""
    rng = np.random.default_rng(len(labels))
    return node(
        "LinearClassifier",
        ["x"],
        list(outputs),
        coefficients=rng.normal(size=3 * len(labels)).tolist(),
        intercepts=rng.normal(size=len(labels)).tolist(),
        classlabels_strings=list(labels),
        post_transform="SOFTMAX",
    )


def read(proto: onnx.ModelProto) -> Program:
    """The program before any pass."""
    return importer.read(proto, Options())


def source(proto: onnx.ModelProto) -> str:
    """`src/model.rs` of its crate."""
    options = Options(name="Case", binary_classification=False)
    program = pipeline.lower(Loaded(proto, "onnx", "onnx", ()), options)
    return emit.render(planner.plan(program, options), options, emit.Context("case", module=True)).files["src/model.rs"]


def refusal(*arguments: Any, **more: Any) -> str:
    """What the first problem says."""
    with pytest.raises(Onnx2RustError) as info:
        read(model(*arguments, **more))
    return info.value.problems[0].what


def test_names_of_classes_are_a_table_in_the_crate_whatever_they_hold() -> None:
    keys = [f"key {k}" for k in range(len(HOSTILE))]
    nodes = [classifier(HOSTILE), node("ZipMap", ["scores"], ["map"], classlabels_strings=keys)]
    program = read(model(nodes, ["label", "map"]))
    assert [str(v.type) for v in program.outputs] == ["string[n]", "float32[n, 6]"]
    assert program.labels == (Labels(HOSTILE, False), Labels(tuple(keys), True))
    text = source(model(nodes, ["label", "map"]))
    assert "    /// `[n]`, places in [`CaseModel::LABEL_NAMES`]\n    pub label: TensorView<'a, i64, 1>," in text
    table = r"""["a\"b", "x\u{202e}*/", "\\n${y}", "line\u{a}break", "\u{e4}", ""]"""
    assert "pub const LABEL_NAMES: &'static [&'static str] =" in text
    assert table in " ".join(text.split()).replace("[ ", "[").replace(", ]", "]")
    assert "/// What the columns of `map` stand for.\n    pub const MAP_COLUMNS: &'static [&'static str]" in text


def test_a_table_has_a_name_that_nothing_else_has() -> None:
    """Outputs that are called like the constants of the border."""
    outputs = ("inputs", "symbols")
    text = source(model([classifier(("a", "b", "c"), outputs)], list(outputs)))
    assert "pub const INPUTS_NAMES: " in text


def test_columns_with_numbers() -> None:
    zipped = node("ZipMap", ["x"], ["map"], classlabels_int64s=[7, -(2**63), 0])
    text = source(model([zipped], ["map"]))
    assert "pub const MAP_COLUMNS: &'static [i64] = &[7, -9223372036854775808, 0];" in text


def test_onnxruntimes_strings_and_maps_are_compared_as_numbers() -> None:
    nodes = [classifier(HOSTILE), node("ZipMap", ["scores"], ["map"], classlabels_strings=[f"k{k}" for k in range(6)])]
    proto = model(nodes, ["label", "map"])
    onnxruntime.set_default_logger_severity(4)
    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    oracle = Oracle(proto, read(proto))
    answer = oracle.run({"x": x})
    assert answer.reference is not None
    assert answer.referee is not None
    for found in (answer.reference, answer.referee):
        assert found[0].dtype == np.int64
        assert found[1].shape == (20, 6)
        np.testing.assert_array_equal(found[0], found[1].argmax(axis=1))
    assert len(np.unique(answer.reference[0])) > 2
    assert oracle.agreed(answer)


def test_strings_move_with_their_table() -> None:
    """scikit-learn's nearest neighbours: the class of the greatest count is looked up among names."""
    nodes = [
        helper.make_node("ArgMax", ["x"], ["best"], axis=1, keepdims=0),
        node("ArrayFeatureExtractor", ["classes", "best"], ["found"]),
        helper.make_node("Reshape", ["found", "flat"], ["label"]),
    ]
    known = {"classes": np.array(["b", "a", "b"], object), "flat": np.array([-1])}
    program = read(model(nodes, ["label"], known=known))
    assert program.labels == (Labels(("b", "a"), False),)
    (gather,) = [s for s in program.steps if type(s.layer).__name__ == "Gather"]
    assert gather.inputs[0] is not None
    np.testing.assert_array_equal(gather.inputs[0].array, [0, 1, 0])


def test_names_become_numbers() -> None:
    encode = node("LabelEncoder", ["label"], ["y"], keys_strings=["c", "a", "z"], values_int64s=[30, 10, 99], default_int64=-5)
    program = read(model([classifier(("a", "b", "c")), encode], ["y"]))
    assert [str(v.type) for v in program.outputs] == ["int64[n]"]
    (gather,) = [s for s in program.steps if type(s.layer).__name__ == "Gather"]
    assert gather.inputs[0] is not None
    np.testing.assert_array_equal(gather.inputs[0].array, [10, -5, 30])


def test_numbers_become_names() -> None:
    encode = node("LabelEncoder", ["x"], ["y"], keys_int64s=[4, 2], values_strings=["four", "two"], default_string="?")
    program = read(model([encode], ["y"], {"x": (TensorProto.INT64, ["n"])}))
    assert program.labels == (Labels(("two", "four", "?"), False),)
    old = node("LabelEncoder", ["x"], ["y"], classes_strings=["zero", "one"])
    program = read(model([old], ["y"], {"x": (TensorProto.INT64, ["n"])}, ml=1))
    assert program.labels == (Labels(("zero", "one", "_Unused"), False),)


@pytest.mark.parametrize(
    ("after", "what"),
    [
        (helper.make_node("Equal", ["label", "label"], ["y"]), "input 0 (A) cannot be of type string"),
        (helper.make_node("Cast", ["label"], ["y"], to=1), "a cast of strings is not supported"),
        (helper.make_node("Add", ["label", "label"], ["y"]), "input 0 (A) cannot be of type string"),
        (helper.make_node("Unique", ["label"], ["y"]), "operator Unique of strings is not supported"),
    ],
    ids=lambda v: getattr(v, "op_type", ""),
)
def test_strings_are_no_numbers(after: onnx.NodeProto, what: str) -> None:
    """What computes with the places of names in their table would compute something else than the model says."""
    problems = refusal([classifier(("a", "b", "c")), after], ["y"])
    assert what in problems


def test_strings_leave_a_branch_as_such() -> None:
    """The two branches may have different tables."""
    inner = helper.make_graph([helper.make_node("Identity", ["label"], ["l"])], "b", [], [onnx.ValueInfoProto(name="l")])
    choice = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    inputs = {"x": (TensorProto.FLOAT, ["n", 3]), "c": (TensorProto.BOOL, [])}
    program = read(model([classifier(("a", "b", "c")), choice], ["y"], inputs))
    assert [(str(v.type), v.dtype) for v in program.outputs] == [("string[n]", DType.STRING)]
    assert program.labels == (None,)


FLOATS, WHOLE = {"x": (TensorProto.FLOAT, ["n", 3])}, {"x": (TensorProto.INT64, ["n", 3])}


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "what"),
    [
        ("Scaler", FLOATS, {"scale": [1.0, 2.0], "offset": [0.0, 1.0]}, "offset has 2 elements for the columns of float32[n, 3]"),
        ("Scaler", FLOATS, {"scale": [1.0]}, "0 offsets and 1 scales for float32[n, 3]"),
        ("Normalizer", FLOATS, {"norm": "L3"}, "norm='L3'; it is one of MAX, L1, L2"),
        ("Imputer", FLOATS, {"imputed_value_int64s": [1]}, "float32[n, 3] needs imputed_value_floats"),
        (
            "Imputer",
            WHOLE,
            {"imputed_value_int64s": [1, 2]},
            "imputed_value_int64s has 2 elements for the columns of int64[n, 3]",
        ),
        ("Binarizer", WHOLE, {}, "Binarizer of int64 is not supported"),
        ("FeatureVectorizer", FLOATS, {"inputdimensions": [2]}, "inputs with 3 columns are to be given 2"),
        ("FeatureVectorizer", FLOATS, {}, "inputdimensions has 0 elements for 1 inputs"),
        ("OneHotEncoder", WHOLE, {"cats_int64s": [1], "zeros": 0}, "an unknown category is an error with zeros=0"),
        ("OneHotEncoder", WHOLE, {}, "one of cats_int64s and cats_strings must be given"),
        ("LabelEncoder", WHOLE, {"keys_int64s": [1, 1], "values_int64s": [2, 3]}, "a key is given twice"),
        ("LabelEncoder", WHOLE, {"keys_int64s": [1], "values_int64s": [2, 3]}, "1 keys for 2 values"),
        ("LabelEncoder", WHOLE, {"keys_floats": [1.0], "values_int64s": [2]}, "keys of type float32 for int64[n, 3]"),
        ("LabelEncoder", WHOLE, {"keys_int64s": [1]}, "0 lists of values are given; it must be one"),
        ("LinearRegressor", FLOATS, {"coefficients": [1.0, 2.0]}, "2 coefficients for 1 targets and float32[n, 3]"),
        ("LinearRegressor", FLOATS, {}, "0 coefficients for 1 targets"),
        ("ZipMap", FLOATS, {"classlabels_int64s": [1, 2]}, "2 keys for the columns of float32[n, 3]"),
        ("ZipMap", FLOATS, {"classlabels_int64s": [1, 2, 1]}, "two columns have one key"),
    ],
    ids=str,
)
def test_what_does_not_fit(op: str, inputs: Any, attributes: dict[str, Any], what: str) -> None:
    assert refusal([node(op, ["x"], ["y"], **attributes)], ["y"], inputs) == what


def test_a_classifier_whose_lists_do_not_fit() -> None:
    def linear(**changed: Any) -> str:
        given = {"coefficients": [1.0] * 9, "intercepts": [0.0] * 3, "classlabels_ints": [1, 2, 3]} | changed
        given = {k: v for k, v in given.items() if v != []}
        return refusal([node("LinearClassifier", ["x"], ["y", "z"], **given)], ["y", "z"])

    assert linear(intercepts=[0.0, 0.0]) == "2 intercepts for 3 classes"
    assert linear(coefficients=[1.0] * 8) == "8 coefficients for 3 targets"
    assert linear(classlabels_ints=[]) == "one of classlabels_ints and classlabels_strings must be given"
    assert linear(classlabels_ints=[], classlabels_strings=["a", "a", "b"]) == "two classes have one name"
    assert linear(classlabels_ints=[1], intercepts=[0.0]) == "a classifier of one class is not supported"


MACHINE: dict[str, Any] = {
    "kernel_type": "RBF",
    "kernel_params": [0.5, 0.0, 0.0],
    "support_vectors": [1.0] * 9,
    "coefficients": [1.0, -1.0, 0.5],
    "rho": [0.25],
}


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"kernel_type": "COSINE"}, "kernel_type='COSINE'; it is one of LINEAR, POLY, RBF, SIGMOID"),
        ({"kernel_params": [1.0]}, "kernel_params has 1 elements; they are gamma, coef0 and degree"),
        ({"support_vectors": [1.0] * 8}, "support_vectors has 8 elements for 3 vectors and float32[n, 3]"),
        ({"coefficients": [1.0]}, "1 coefficients for 3 support vectors"),
        ({"rho": [1.0, 2.0]}, "2 rho, 3 coefficients, 3 supports"),
        ({"post_transform": "LOGISTIC"}, "post_transform='LOGISTIC' of a regressor is not supported"),
    ],
    ids=str,
)
def test_a_machine_whose_lists_do_not_fit(changed: dict[str, Any], what: str) -> None:
    assert refusal([node("SVMRegressor", ["x"], ["y"], n_supports=3, **(MACHINE | changed))], ["y"]) == what


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"vectors_per_class": [1, 1, 1]}, "vectors_per_class has 3 elements; 2 are needed"),
        ({"rho": [1.0, 2.0]}, "rho has 2 elements; 1 are needed"),
        ({"prob_a": [1.0]}, "prob_b has 0 elements; 1 are needed"),
        ({"vectors_per_class": [0, 0]}, "a machine without support vectors, or of one class, is not supported"),
        ({"post_transform": "PROBIT"}, "PROBIT of one score for two classes"),
    ],
    ids=str,
)
def test_pairs_of_classes_that_do_not_fit(changed: dict[str, Any], what: str) -> None:
    given = MACHINE | {"classlabels_ints": [1, 2], "vectors_per_class": [1, 2]} | changed
    assert refusal([node("SVMClassifier", ["x"], ["y", "z"], **given)], ["y", "z"]) == what
