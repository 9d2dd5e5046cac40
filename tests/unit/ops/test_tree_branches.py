"""`TreeEnsemble` (version 5): branches and leaves in lists of their own, sets of members, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnx2rust import importer
from onnx2rust.base.errors import Onnx2RustError
from onnx2rust.base.options import Options
from onnx2rust.ir.program import Program
from onnx2rust.layers.tree import TreeEnsemble


def array(values: list[float], dtype: Any = np.float32) -> TensorProto:
    """A tensor attribute."""
    return numpy_helper.from_array(np.array(values, dtype))


def attributes(**changed: Any) -> dict[str, Any]:
    """Two branches: x0 ≤ 0.5 leads to leaf 0, else x1 ≤ −1 to leaf 1 or 2."""
    given = {
        "n_targets": 1,
        "tree_roots": [0],
        "nodes_featureids": [0, 1],
        "nodes_modes": array([0, 0], np.uint8),
        "nodes_splits": array([0.5, -1.0]),
        "nodes_truenodeids": [0, 1],
        "nodes_trueleafs": [1, 1],
        "nodes_falsenodeids": [1, 2],
        "nodes_falseleafs": [0, 1],
        "leaf_targetids": [0, 0, 0],
        "leaf_weights": array([1.0, 2.0, 4.0]),
    }
    return {k: v for k, v in (given | changed).items() if v is not None}


def lower(dtype: int = TensorProto.FLOAT, **changed: Any) -> Program:
    """The program of the node, before any pass."""
    node = helper.make_node("TreeEnsemble", ["x"], ["y"], name="trees", domain="ai.onnx.ml", **attributes(**changed))
    x = helper.make_tensor_value_info("x", dtype, ["n", 2])
    y = helper.make_tensor_value_info("y", dtype, None)
    graph = helper.make_graph([node], "g", [x], [y])
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    return importer.read(helper.make_model(graph, opset_imports=opsets, ir_version=10), Options())


def ensemble(**changed: Any) -> TreeEnsemble:
    """The one layer of trees."""
    (layer,) = [s.layer for s in lower(**changed).steps if isinstance(s.layer, TreeEnsemble)]
    return layer


def refusal(**changed: Any) -> str:
    """What the one problem says."""
    with pytest.raises(Onnx2RustError) as info:
        lower(**changed)
    (problem,) = info.value.problems
    return problem.what


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"nodes_truenodeids": [3, 1]}, "the true child of node 0 is 3 of 3 leaves"),
        ({"nodes_falsenodeids": [2, 2]}, "the false child of node 0 is 2 of 2 branches"),
        ({"nodes_falsenodeids": [-1, 2]}, "the false child of node 0 is -1 of 2 branches"),
        ({"nodes_falsenodeids": [0, 2]}, "node 0, a root, is another node's child"),
        ({"nodes_trueleafs": [1, 0], "nodes_truenodeids": [0, 1]}, "node 1 is the child of two branches"),
        ({"tree_roots": [2]}, "tree_roots has 1 places, not all of the 2 branches"),
        ({"tree_roots": [0, 0]}, "a root is given twice"),
        ({"tree_roots": [1]}, "node 1, a root, is another node's child"),
        ({"nodes_falseleafs": [1, 1]}, "node 1 cannot be reached from the root of its tree"),
        ({"nodes_featureids": [0, 2]}, "a node reads column 2, x is float32[n, 2]"),
        ({"nodes_modes": array([0, 7], np.uint8)}, "nodes_modes has 7; it is 0 to 6"),
        ({"leaf_targetids": [0, 0, 1]}, "a weight is for target 1; there are 1"),
        ({"n_targets": None}, "n_targets is None"),
        ({"aggregate_function": 4}, "aggregate_function=4; it is 0 to 3"),
        ({"post_transform": -1}, "post_transform=-1; it is 0 to 4"),
        ({"nodes_modes": array([6, 0], np.uint8)}, "membership_values has 0 sets, each with NaN at its end, for 1 BRANCH_MEMBER"),
        (
            {"nodes_modes": array([6, 0], np.uint8), "membership_values": array([1, np.nan, 2])},
            "membership_values has 1 sets, each with NaN at its end, for 1 BRANCH_MEMBER",
        ),
        (
            {"leaf_targetids": [0, 0]},
            "lists of different lengths: 2 columns, 2 modes, 2 splits, 2 true, 2 false, 2 true_is_leaf, 2 false_is_leaf, "
            "2 missing_is_true; 2 targets and 3 weights of leaves",
        ),
    ],
    ids=lambda v: str(v)[:40],
)
def test_branches_that_are_no_trees(changed: dict[str, Any], what: str) -> None:
    assert refusal(**changed) == what


def test_a_set_is_a_row_of_branches_to_one_node() -> None:
    """x0 in {3, 7, 9}: three branches; the node behind is there once, and led to twice."""
    members = {"nodes_modes": array([6, 0], np.uint8), "membership_values": array([3, 7, 9, np.nan])}
    layer = ensemble(
        **members, nodes_trueleafs=[0, 1], nodes_truenodeids=[1, 1], nodes_falseleafs=[1, 1], nodes_falsenodeids=[0, 2]
    )
    branches = layer.branches.array.reshape(-1, 2)
    asks = branches[:, 0] & 7
    assert sorted(layer.thresholds.array[(asks & 4).astype(bool)]) == [3, 7, 9]
    places = np.arange(len(branches))
    # a node that asks nothing and is not its own child leads on
    leads = branches[(asks == 0) & (branches[:, 1] != places), 1]
    assert len(leads) == 2
    assert len(set(leads)) == 1
    assert sorted(layer.leaf_weights.array.reshape(-1).tolist()) == [1.0, 2.0, 4.0]


def test_nothing_is_a_member_of_an_empty_set() -> None:
    members = {"nodes_modes": array([6, 0], np.uint8), "membership_values": array([np.nan])}
    layer = ensemble(**members)
    assert int(layer.branches.array[0, 0]) & 1 == 0


def test_a_leaf_may_be_the_child_of_many() -> None:
    layer = ensemble(nodes_truenodeids=[0, 0], nodes_falsenodeids=[1, 0])
    assert sorted(layer.leaf_weights.array.reshape(-1).tolist()) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("dtype", [TensorProto.FLOAT, TensorProto.DOUBLE])
def test_the_result_has_the_type_of_the_samples(dtype: int) -> None:
    kind = np.float64 if dtype == TensorProto.DOUBLE else np.float32
    program = lower(dtype, nodes_splits=array([0.5, -1.0], kind), leaf_weights=array([1, 2, 4], kind))
    assert [str(v.type) for v in program.outputs] == [f"{np.dtype(kind)}[n, 1]"]
