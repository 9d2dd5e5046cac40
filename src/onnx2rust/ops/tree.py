"""Ensembles of decision trees: TreeEnsembleRegressor and TreeEnsembleClassifier.

Where the specification says nothing (which weights stand for the second of two classes, what a single score is turned into), this
is what onnxruntime computes (docs/adr/0017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper

from onnx2rust.base.errors import Problem, Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Variant
from onnx2rust.ir.program import Value
from onnx2rust.layers.binary import Div
from onnx2rust.layers.tree import TreeEnsemble
from onnx2rust.model.schemas import ML
from onnx2rust.ops import scores, tree_branches
from onnx2rust.ops.binary import binary
from onnx2rust.ops.indexing import gather
from onnx2rust.ops.tree_tables import LEAF, MODES, Nodes, Tables, Weights, tables
from onnx2rust.registry import Attributes, onnx_op

Array = np.ndarray[Any, Any]
_NUMBERED = ("AVERAGE", "SUM", "MIN", "MAX")
_AGGREGATES = {"SUM": "Sum", "AVERAGE": "Sum", "MIN": "Min", "MAX": "Max"}
_RULE = "the specification leaves open what that means"


@dataclass(frozen=True)
class TreeAttributes(Attributes):
    """What both operators say of their nodes."""

    base_values: list[float] | None = None
    base_values_as_tensor: TensorProto | None = None
    nodes_falsenodeids: list[int] | None = None
    nodes_featureids: list[int] | None = None
    nodes_hitrates: list[float] | None = None
    nodes_hitrates_as_tensor: TensorProto | None = None
    nodes_missing_value_tracks_true: list[int] | None = None
    nodes_modes: list[str] | None = None
    nodes_nodeids: list[int] | None = None
    nodes_treeids: list[int] | None = None
    nodes_truenodeids: list[int] | None = None
    nodes_values: list[float] | None = None
    nodes_values_as_tensor: TensorProto | None = None
    post_transform: str = "NONE"


@dataclass(frozen=True)
class Targets(Attributes):
    """What a regressor says of its leaves."""

    target_ids: list[int] | None = None
    target_nodeids: list[int] | None = None
    target_treeids: list[int] | None = None
    target_weights: list[float] | None = None
    target_weights_as_tensor: TensorProto | None = None


@dataclass(frozen=True)
class Classes(Attributes):
    """What a classifier says of its leaves and classes."""

    class_ids: list[int] | None = None
    class_nodeids: list[int] | None = None
    class_treeids: list[int] | None = None
    class_weights: list[float] | None = None
    class_weights_as_tensor: TensorProto | None = None
    classlabels_int64s: list[int] | None = None
    classlabels_strings: list[str] | None = None


@dataclass(frozen=True)
class _Model:
    """The trees of a node, in the type that it computes in."""

    nodes: Nodes
    weights: Weights
    base: Array


def _model(trees: TreeAttributes, leaves: Targets | Classes, x: Value) -> _Model:
    """The node's lists, checked for their lengths. It computes in the type of x or the wider one of
    its own numbers; whole numbers are compared as float32."""
    what = "target" if isinstance(leaves, Targets) else "class"
    values, base = _floats(trees, "nodes_values"), _floats(trees, "base_values")
    weights = _floats(leaves, f"{what}_weights")
    ids, modes = trees.nodes_nodeids or [], trees.nodes_modes or []
    missing = trees.nodes_missing_value_tracks_true or [0] * len(ids)
    names = ("nodes_falsenodeids", "nodes_featureids", "nodes_treeids", "nodes_truenodeids")
    of_nodes = {name: getattr(trees, name) or [] for name in names}
    of_nodes |= {"nodes_modes": modes, "nodes_values": values, "nodes_missing_value_tracks_true": missing}
    problems = [f"{n} has {len(v)} elements, nodes_nodeids {len(ids)}" for n, v in of_nodes.items() if len(v) != len(ids)]
    owners = {n: getattr(leaves, n) or [] for n in (f"{what}_treeids", f"{what}_nodeids", f"{what}_ids")}
    problems += [f"{n} has {len(v)} elements, {what}_weights {len(weights)}" for n, v in owners.items() if len(v) != len(weights)]
    problems += [f"nodes_modes has {mode!r}, which is no mode" for mode in sorted(set(modes) - set(MODES))]
    problems += [] if ids else ["there are no nodes"]
    if problems:
        raise Refuse([Problem(p) for p in problems], invalid=True)
    kind = np.result_type(values, weights, base, np.float64 if x.dtype is DType.F64 else np.float32)
    nodes = Nodes(
        np.array(trees.nodes_treeids, np.int64),
        np.array(ids, np.int64),
        np.array([MODES.index(mode) for mode in modes], np.int64),
        np.array(trees.nodes_featureids, np.int64),
        values.astype(kind),
        np.array(trees.nodes_truenodeids, np.int64),
        np.array(trees.nodes_falsenodeids, np.int64),
        np.array(missing, np.int64) == 1,
    )
    trees_, numbers, targets = (np.array(v, np.int64) for v in owners.values())
    return _Model(nodes, Weights(trees_, numbers, targets, weights.astype(kind)), base.astype(kind))


def _floats(attributes: Attributes, name: str) -> Array:
    """An attribute that is a list of floats or (version 3) a tensor."""
    floats, tensor = getattr(attributes, name), getattr(attributes, f"{name}_as_tensor")
    if tensor is None:
        return np.array(floats or [], np.float32)
    if floats:
        raise Refuse(f"{name} and {name}_as_tensor are both given", invalid=True)
    array = numpy_helper.to_array(tensor)
    if array.dtype not in (np.float32, np.float64):
        raise Refuse(f"{name}_as_tensor is {array.dtype}; it is float or double", invalid=True)
    return array.reshape(-1)


def _tables(model: _Model, x: Value, targets: int, *, adds: bool = True) -> Tables:
    """The tables of an ensemble that reads the rows of x. Raises Refuse."""
    columns = x.shape[-1]
    if not isinstance(columns, int):
        raise Refuse(f"the number of columns of {x.type} is not known at conversion", "fix it with --dim")
    found = tables(model.nodes, model.weights, targets, adds=adds)
    if found.columns_read > columns and (model.nodes.modes != LEAF).any():
        raise Refuse(f"a node reads column {found.columns_read - 1}, x is {x.type}", invalid=True)
    return found


def _ensemble(g: Builder, x: Value, found: Tables, targets: int, aggregate: str) -> Value:
    """What the trees say of x [rows, columns]: [rows, targets]."""

    def weight(name: str, array: Array) -> Any:
        return g.weight(Value(f"{g.origin.node or g.origin.op}.{name}", x.type), array=array)

    layer = TreeEnsemble(
        targets,
        found.columns_read,
        found.depth,
        found.weights_per_leaf,
        Variant("tree::Aggregate", aggregate),
        Variant("tree::Questions", "Special" if found.special else "Plain"),
        weight("roots", found.roots),
        weight("branches", found.branches),
        weight("thresholds", found.thresholds),
        weight("leaves", found.leaves),
        None if found.leaf_targets is None else weight("leaf_targets", found.leaf_targets),
        weight("leaf_weights", found.leaf_weights),
        x.shape,
    )
    return g.step(layer, [x], x.tensor.with_shape(x.shape[0], targets))


_TENSORS = "base_values_as_tensor nodes_hitrates_as_tensor nodes_values_as_tensor"


@onnx_op("TreeEnsembleRegressor", since=(1, 3), domain=ML, added={3: f"{_TENSORS} target_weights_as_tensor"})
def tree_ensemble_regressor(
    g: Builder, X: Value, *, trees: TreeAttributes, leaves: Targets, aggregate_function: str = "SUM", n_targets: int | None = None
) -> Value:
    """y = what the trees give each target, added up; thresholds and weights are float32, or the tensors' type"""
    if aggregate_function not in _AGGREGATES:
        raise Refuse(f"aggregate_function={aggregate_function!r}; it is one of {', '.join(_AGGREGATES)}", invalid=True)
    how = scores.transform(trees.post_transform)
    return _aggregated(g, X, _model(trees, leaves, X), aggregate_function, n_targets, how)


@onnx_op("TreeEnsembleClassifier", since=(1, 3), domain=ML, added={3: f"{_TENSORS} class_weights_as_tensor"})
def tree_ensemble_classifier(g: Builder, X: Value, *, trees: TreeAttributes, leaves: Classes) -> tuple[Value, Value]:
    """The class that the trees give most, and what they give each class, computed as by TreeEnsembleRegressor"""
    names = "classlabels_int64s", "classlabels_strings"
    labels = scores.class_labels(leaves.classlabels_int64s, leaves.classlabels_strings, names)
    how = scores.transform(trees.post_transform)
    model = _model(trees, leaves, X)
    x = _samples(g, X, model)
    classes = len(labels)
    if classes > 2:
        index, z = _of_many(g, x, model, classes)
    elif classes == 2:
        index, z, how = _of_two(g, x, model, how, labels)
    else:
        raise Refuse("a classifier of one class is not supported")
    return scores.labelled(g, index, labels), scores.transformed(g, z, how)


@onnx_op("TreeEnsemble", since=5, domain=ML)
def tree_ensemble(
    g: Builder,
    X: Value,
    *,
    aggregate_function: int = 1,
    leaf_targetids: list[int],
    leaf_weights: TensorProto,
    membership_values: TensorProto | None = None,
    n_targets: int | None = None,
    nodes_falseleafs: list[int],
    nodes_falsenodeids: list[int],
    nodes_featureids: list[int],
    nodes_hitrates: TensorProto | None = None,
    nodes_missing_value_tracks_true: list[int] | None = None,
    nodes_modes: TensorProto,
    nodes_splits: TensorProto,
    nodes_trueleafs: list[int],
    nodes_truenodeids: list[int],
    post_transform: int = 0,
    tree_roots: list[int],
) -> Value:
    """y = what the trees give each target, added up; branches and leaves have lists of their own"""
    if not 0 <= aggregate_function < len(_NUMBERED):
        raise Refuse(f"aggregate_function={aggregate_function}; it is 0 to {len(_NUMBERED) - 1}", invalid=True)
    if not 0 <= post_transform < len(scores.TRANSFORMS):
        raise Refuse(f"post_transform={post_transform}; it is 0 to {len(scores.TRANSFORMS) - 1}", invalid=True)
    kind = np.float64 if X.dtype is DType.F64 else np.float32
    splits, weights, modes = (numpy_helper.to_array(t).reshape(-1) for t in (nodes_splits, leaf_weights, nodes_modes))
    members = None if membership_values is None else numpy_helper.to_array(membership_values).reshape(-1).astype(kind)
    rows = tree_branches.Rows(
        list(nodes_featureids),
        modes.tolist(),
        splits.astype(kind).tolist(),
        list(nodes_truenodeids),
        list(nodes_falsenodeids),
        nodes_trueleafs,
        nodes_falseleafs,
        list(nodes_missing_value_tracks_true or [0] * len(modes)),
    )
    leaves = np.array(leaf_targetids, np.int64), weights.astype(kind)
    found = tree_branches.nodes(rows, *leaves, np.array(tree_roots, np.int64), members)
    model = _Model(*found, np.zeros(0, kind))
    how = scores.TRANSFORMS[post_transform]
    return _aggregated(g, X, model, _NUMBERED[aggregate_function], n_targets, how, X.dtype)


def _aggregated(
    g: Builder, X: Value, model: _Model, aggregate_function: str, n_targets: int | None, how: str, dtype: DType = DType.F32
) -> Value:
    """What the trees say of each target, with the base values, and after `how`."""
    targets = 0 if n_targets is None else n_targets
    if targets < 1:
        raise Refuse(f"n_targets is {n_targets}", invalid=True)
    if len(model.base) not in (0, targets):
        raise Refuse(f"{len(model.base)} base_values for {targets} targets", invalid=True)
    x = _samples(g, X, model)
    aggregate = _AGGREGATES[aggregate_function]
    found = _tables(model, x, targets, adds=aggregate == "Sum")
    if not found.always.all() and (aggregate != "Sum" or model.base.any()):
        raise Refuse(f"some rows are given no weight for target {np.argmin(found.always)}", _RULE)
    y = _ensemble(g, x, found, targets, aggregate)
    if aggregate_function == "AVERAGE":
        y = binary(g, Div, y, g.constant(np.full((1, 1), len(found.roots), y.dtype.numpy)))
    y = scores.plus(g, y, model.base)
    # onnxruntime turns a single score into nothing but a z-score
    return scores.transformed(g, y, how if targets > 1 or how == "PROBIT" else "NONE", dtype)


def _samples(g: Builder, X: Value, model: _Model) -> Value:
    """X as rows, in the type that the node computes in."""
    return g.cast(scores.rows_of(g, X), DType.F64 if model.nodes.thresholds.dtype == np.float64 else DType.F32)


def _of_many(g: Builder, x: Value, model: _Model, classes: int) -> tuple[Value, Value]:
    """The class with the greatest score, and all scores."""
    if len(model.base) not in (0, classes):
        raise Refuse(f"{len(model.base)} base_values for {classes} classes", invalid=True)
    found = _tables(model, x, classes)
    if not found.always.all() and not len(model.base):
        raise Refuse(f"some rows are given no weight for class {np.argmin(found.always)}", "it has no score there: " + _RULE)
    z = scores.plus(g, _ensemble(g, x, found, classes, "Sum"), model.base)
    return scores.greatest(g, z), z


def _of_two(g: Builder, x: Value, model: _Model, how: str, labels: list[int] | list[str]) -> tuple[Value, Value, str]:
    """The class, both scores, and what they are turned into, from weights for one class: those are of the second, whatever their
    number. Where none is negative they are probabilities, unless LOGISTIC makes them such. Of weights for both, those of the
    second decide (onnxruntime then calls the classes 0 and 1, unless they have names)."""
    ids = np.unique(model.weights.targets)
    if ids.tolist() == [0, 1] and not len(model.base) and (labels == [0, 1] or isinstance(labels[0], str)):
        found = _tables(model, x, 2)
        if not found.always.all():
            raise Refuse(f"some rows are given no weight for class {np.argmin(found.always)}", "it has no score there: " + _RULE)
        z = _ensemble(g, x, found, 2, "Sum")
        return scores.above(g, gather(g, z, g.constant(np.array([1])), axis=1), 0.0), z, how
    if ids.tolist() != [0] or len(model.base) > 1:
        what = f"weights for classes {', '.join(map(str, ids[:4]))} of two, and {len(model.base)} base_values"
        raise Refuse(what, f"{_RULE}; exporters write weights for class 0, or for both of 0 and 1")
    positive = not (model.weights.weights < 0).any()
    score = scores.plus(g, _ensemble(g, x, _tables(model, x, 1), 1, "Sum"), model.base)
    both, how = scores.of_two(g, score, how, positive=positive)
    return scores.above(g, score, 0.5 if positive else 0.0), both, how
