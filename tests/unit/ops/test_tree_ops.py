"""Ensembles of trees: what is refused, in which words, and what is known of the results."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "conformance"))
from forests import forest, regressor

from onnx2rust import importer
from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.conversion.support import operators
from onnx2rust.ir.program import Program
from onnx2rust.ops import tree_tables

STUMP: dict[str, Any] = {
    "nodes_treeids": [0, 0, 0],
    "nodes_nodeids": [0, 1, 2],
    "nodes_featureids": [1, 0, 0],
    "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
    "nodes_truenodeids": [1, 0, 0],
    "nodes_falsenodeids": [2, 0, 0],
    "nodes_values": [0.5, 0.0, 0.0],
}
WEIGHTS = {"treeids": [0, 0], "nodeids": [1, 2], "ids": [0, 0], "weights": [1.0, -2.0]}
"""Of the two leaves."""


NOUGHT = numpy_helper.from_array(np.zeros(1))


def model(op: str, attributes: dict[str, Any], shape: Any = ("n", 2), version: int = 1, dtype: int = TensorProto.FLOAT) -> Any:
    """A model of one node."""
    outputs = ["y"] if op == "TreeEnsembleRegressor" else ["y", "z"]
    given = {k: v for k, v in attributes.items() if v is not None}
    node = helper.make_node(op, ["x"], outputs, name="trees", domain="ai.onnx.ml", **given)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", dtype, shape)], [onnx.ValueInfoProto(name=o) for o in outputs]
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", version)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def lower(*arguments: Any, **more: Any) -> Program:
    """Its program before any pass."""
    return importer.read(model(*arguments, **more), Options())


def of_leaves(what: str, **changed: Any) -> dict[str, Any]:
    """The attributes of a stump."""
    return STUMP | {f"{what}_{k}": v for k, v in (WEIGHTS | changed).items()}


def regression(**changed: Any) -> dict[str, Any]:
    """The attributes of a regressor of one target."""
    return of_leaves("target") | {"n_targets": 1} | changed


def classification(**changed: Any) -> dict[str, Any]:
    """The attributes of a classifier of two classes."""
    return of_leaves("class") | {"classlabels_int64s": [0, 1]} | changed


def refusal(*arguments: Any, **more: Any) -> tuple[str, str]:
    """The class of the error, and what it says."""
    with pytest.raises(Onnx2RustError) as info:
        lower(*arguments, **more)
    (problem,) = info.value.problems
    assert problem.where.startswith("node 0 'trees' (ai.onnx.ml::TreeEnsemble")
    return type(info.value).__name__, problem.what


INVALID, UNSUPPORTED = "InvalidModelError", "UnsupportedError"
LEAF = "BRANCH_LEQ", "LEAF", "LEAF"


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"nodes_truenodeids": [3, 0, 0]}, "the true child of node 0 of tree 0, 3, does not exist"),
        ({"nodes_falsenodeids": [-1, 0, 0]}, "the false child of node 0 of tree 0, -1, does not exist"),
        ({"nodes_truenodeids": [0, 0, 0]}, "node 0 of tree 0, the first of its tree and so the root, is another node's child"),
        ({"nodes_truenodeids": [2, 0, 0]}, "node 2 of tree 0 is the child of two branches"),
        ({"nodes_nodeids": [0, 1, 1]}, "node 1 of tree 0 is there twice"),
        ({"nodes_treeids": [0, 1, 0]}, "the true child of node 0 of tree 0, 1, does not exist"),
        ({"nodes_modes": ["LEAF", "LEAF", "LEAF"]}, "node 1 of tree 0 cannot be reached from the root of its tree"),
        ({"nodes_featureids": [2, 0, 0]}, "a node reads column 2, x is float32[n, 2]"),
        ({"nodes_featureids": [-1, 0, 0]}, "node 0 of tree 0 reads column -1"),
        ({"nodes_featureids": [2**40, 0, 0]}, f"node 0 of tree 0 reads column {2**40}"),
        ({"target_nodeids": [1, 1]}, "node 1 of tree 0 has two weights for target 0"),
        ({"target_nodeids": [1, 7]}, "a weight belongs to node 7 of tree 0, which does not exist"),
        ({"target_nodeids": [1, 0]}, "node 2 of tree 0, a leaf, has no weight"),
        ({"target_ids": [0, 1]}, "a weight is for target 1; there are 1"),
        ({"target_ids": [0, -1]}, "a weight is for target -1; there are 1"),
        ({"nodes_values": [0.5]}, "nodes_values has 1 elements, nodes_nodeids 3"),
        ({"target_treeids": [0]}, "target_treeids has 1 elements, target_weights 2"),
        ({"nodes_modes": ["BRANCH_MEMBER", "LEAF", "LEAF"]}, "nodes_modes has 'BRANCH_MEMBER', which is no mode"),
        ({"n_targets": None}, "n_targets is None"),
        ({"base_values": [1.0, 2.0]}, "2 base_values for 1 targets"),
        ({"aggregate_function": "MEDIAN"}, "aggregate_function='MEDIAN'; it is one of SUM, AVERAGE, MIN, MAX"),
        ({"post_transform": "TANH"}, "post_transform='TANH'; it is one of NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO, PROBIT"),
        ({"nodes_count": 3}, "unknown attribute 'nodes_count' of TreeEnsembleRegressor"),
        ({"base_values_as_tensor": NOUGHT}, "unknown attribute 'base_values_as_tensor' of TreeEnsembleRegressor"),
    ],
    ids=lambda v: str(v)[:40],
)  # fmt: skip
def test_nodes_that_are_no_trees(changed: dict[str, Any], what: str) -> None:
    assert refusal("TreeEnsembleRegressor", regression(**changed)) == (INVALID, what)


def test_a_cycle_cannot_be_reached() -> None:
    """Nodes 3 and 4 have each other for children, beside a tree that ends."""
    cycle = {
        "nodes_treeids": [0] * 7,
        "nodes_nodeids": [0, 1, 2, 3, 4, 5, 6],
        "nodes_featureids": [0] * 7,
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_LEQ", "BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_truenodeids": [1, 0, 0, 4, 3, 0, 0],
        "nodes_falsenodeids": [2, 0, 0, 5, 6, 0, 0],
        "nodes_values": [0.0] * 7,
    }
    found = refusal("TreeEnsembleRegressor", regression(**cycle))
    assert found == (INVALID, "node 3 of tree 0 cannot be reached from the root of its tree")


def test_a_tree_that_stands_in_two_places() -> None:
    parts = {
        **{k: [*v, *v, *v] for k, v in STUMP.items()},
        "nodes_treeids": [0] * 3 + [1] * 3 + [0] * 3,
        "nodes_nodeids": [0, 1, 2, 0, 1, 2, 3, 4, 5],
        "nodes_truenodeids": [1, 0, 0, 1, 0, 0, 4, 0, 0],
        "nodes_falsenodeids": [2, 0, 0, 2, 0, 0, 5, 0, 0],
    }
    assert refusal("TreeEnsembleRegressor", regression(**parts)) == (INVALID, "the nodes of a tree do not stand together")


def test_a_tree_without_end_is_too_deep() -> None:
    n = 2 * tree_tables.MOST_LEVELS + 3
    inner = np.arange(n) % 2 == 0
    inner[-1] = False
    following = np.where(inner, np.arange(n) + 2, 0)
    deep = {
        "nodes_treeids": [0] * n,
        "nodes_nodeids": list(range(n)),
        "nodes_featureids": [0] * n,
        "nodes_modes": ["BRANCH_LEQ" if i else "LEAF" for i in inner],
        "nodes_truenodeids": np.where(inner, np.arange(n) + 1, 0).tolist(),
        "nodes_falsenodeids": following.tolist(),
        "nodes_values": [0.0] * n,
    }
    assert refusal("TreeEnsembleRegressor", regression(**deep)) == (INVALID, "a tree has more than 4096 levels")


def test_leaves_of_very_different_sizes() -> None:
    """One leaf with a weight for each of many targets would make the table of all leaves as wide."""
    leaves, targets = 600, 5000
    nodes = forest(np.random.default_rng(0), leaves, 0, 1, 1).attributes("target")
    nodes |= {
        "target_treeids": [*nodes["target_treeids"], *[0] * (targets - 1)],
        "target_nodeids": [*nodes["target_nodeids"], *[nodes["target_nodeids"][0]] * (targets - 1)],
        "target_ids": [*nodes["target_ids"], *range(1, targets)],
        "target_weights": [*nodes["target_weights"], *[1.0] * (targets - 1)],
        "n_targets": targets,
    }
    assert refusal("TreeEnsembleRegressor", nodes) == (INVALID, "leaves have from 1 to 5000 weights")


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"classlabels_int64s": None}, (INVALID, "one of classlabels_int64s and classlabels_strings must be given")),
        ({"classlabels_int64s": [3]}, (UNSUPPORTED, "a classifier of one class is not supported")),
        ({"class_ids": [0, 1]}, (UNSUPPORTED, "some rows are given no weight for class 0")),
        (
            {"class_ids": [0, 1], "classlabels_int64s": [3, 4]},
            (UNSUPPORTED, "weights for classes 0, 1 of two, and 0 base_values"),
        ),
        ({"class_ids": [1, 1]}, (UNSUPPORTED, "weights for classes 1 of two, and 0 base_values")),
        ({"base_values": [0.0, 1.0]}, (UNSUPPORTED, "weights for classes 0 of two, and 2 base_values")),
        ({"post_transform": "PROBIT"}, (UNSUPPORTED, "PROBIT of one score for two classes")),
        ({"classlabels_int64s": [0, 1, 2]}, (UNSUPPORTED, "some rows are given no weight for class 1")),
        ({"classlabels_int64s": [0, 1, 2], "base_values": [1.0]}, (INVALID, "1 base_values for 3 classes")),
    ],
    ids=str,
)
def test_classes_of_which_nobody_knows_the_score(changed: dict[str, Any], what: tuple[str, str]) -> None:
    assert refusal("TreeEnsembleClassifier", classification(**changed)) == what


@pytest.mark.parametrize(
    "more", [{"aggregate_function": "MIN"}, {"aggregate_function": "MAX"}, {"base_values": [0.0, 1.0]}], ids=str
)
def test_a_target_that_some_rows_are_not_given(more: dict[str, Any]) -> None:
    found = refusal("TreeEnsembleRegressor", regression(target_ids=[0, 1], n_targets=2, **more))
    assert found == (UNSUPPORTED, "some rows are given no weight for target 0")


def test_samples_are_rows_with_a_known_number_of_columns() -> None:
    found = refusal("TreeEnsembleRegressor", regression(), ("n", "columns"))
    assert found == (UNSUPPORTED, "the number of columns of float32[n, columns] is not known at conversion")
    found = refusal("TreeEnsembleRegressor", regression(), ("n", 2, 2))
    assert found == (UNSUPPORTED, "samples are the rows of a matrix, not of float32[n, 2, 2]")
    assert [str(v.type) for v in lower("TreeEnsembleRegressor", regression(), (2,)).outputs] == ["float32[1, 1]"]


def test_a_tree_of_another_domain_is_none_of_onnx() -> None:
    proto = model("TreeEnsembleRegressor", regression())
    proto.graph.node[0].domain = "com.example"
    with pytest.raises(Onnx2RustError) as info:
        importer.read(proto, Options())
    assert info.value.problems[0].what == "there is no operator 'TreeEnsembleRegressor' in domain 'com.example' at opset 1"


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_the_version_is_that_of_the_domain(version: int) -> None:
    """Not that of ONNX itself, 17 here: version 1 of the operator until 2, then version 3, which may have doubles."""
    wide = {"nodes_values": None, "nodes_values_as_tensor": numpy_helper.from_array(np.array([0.5, 0, 0]))}
    if version < 3:
        found = refusal("TreeEnsembleRegressor", regression(**wide), version=version)
        assert found == (INVALID, "unknown attribute 'nodes_values_as_tensor' of TreeEnsembleRegressor")
        return
    (step,) = [
        s for s in lower("TreeEnsembleRegressor", regression(**wide), version=version).steps if s.layer.rust.startswith("tree")
    ]
    assert step.layer.generics() == ("f64",)


def test_a_deprecated_version_is_refused() -> None:
    found = refusal("TreeEnsembleRegressor", regression(), version=5)
    assert found == (UNSUPPORTED, "operator TreeEnsembleRegressor version 5 is not supported (supported versions: [1, 3])")


def test_attributes_given_twice() -> None:
    twice = {"nodes_values_as_tensor": numpy_helper.from_array(np.array([0.5, 0, 0]))}
    found = refusal("TreeEnsembleRegressor", regression(**twice), version=3)
    assert found == (INVALID, "nodes_values and nodes_values_as_tensor are both given")
    whole = {"nodes_values": None, "nodes_values_as_tensor": numpy_helper.from_array(np.array([1, 0, 0]))}
    found = refusal("TreeEnsembleRegressor", regression(**whole), version=3)
    assert found == (INVALID, "nodes_values_as_tensor is int64; it is float or double")


def test_thresholds_are_those_of_the_model_bit_by_bit() -> None:
    values = [float(np.float32(v)) for v in (0.1, -0.0, 1e-45, 3.4028235e38)]
    nodes = forest(np.random.default_rng(1), 5, 3, 2, 1, values=values)
    program = importer.read(_regression_of(nodes), Options())
    (layer,) = [s.layer for s in program.steps if s.layer.rust == "tree::TreeEnsemble"]
    stated = [v for v, mode in zip(nodes.values, nodes.modes, strict=True) if mode != "LEAF"]
    thresholds = layer.thresholds.array[(layer.branches.array[:, 0] & 1).astype(bool)]  # type: ignore[attr-defined]
    assert sorted(thresholds.view(np.uint32)) == sorted(np.array(stated, np.float32).view(np.uint32))


def _regression_of(nodes: Any) -> onnx.ModelProto:
    graph = helper.make_graph(
        [regressor(nodes.attributes("target"), 1)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [onnx.ValueInfoProto(name="y")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("ai.onnx.ml", 1)], ir_version=8)


def test_ops_lists_the_domain() -> None:
    (one,) = [s for s in operators() if s.name == "TreeEnsembleClassifier"]
    assert (one.domain, one.versions, one.types) == ("ai.onnx.ml", (1, 3), ("int32", "int64", "float32", "float64"))
    assert str(one) == "ai.onnx.ml::TreeEnsembleClassifier opset  1 to 4   int32, int64, float32, float64"
