"""Operators of ai.onnx.ml in float64: those of onnx's evaluator compute in float32, or are unlike
onnxruntime where the specification is silent."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference.op_run import OpRun

Array = np.ndarray[Any, Any]
_HOLDS: dict[str, Callable[[Array, Any], Array]] = {
    "BRANCH_LEQ": operator.le,
    "BRANCH_LT": operator.lt,
    "BRANCH_GTE": operator.ge,
    "BRANCH_GT": operator.gt,
    "BRANCH_EQ": operator.eq,
    "BRANCH_NEQ": operator.ne,
}


class _Classical(OpRun):
    """An operator of the domain."""

    op_domain = "ai.onnx.ml"

    def given(self) -> dict[str, Any]:
        """The attributes that the node states, text as such."""
        found = {}
        for attribute in self.onnx_node.attribute:
            value = onnx.helper.get_attribute_value(attribute)
            if isinstance(value, onnx.TensorProto):
                value = numpy_helper.to_array(value)
            elif isinstance(value, list) and value and isinstance(value[0], bytes):
                value = [v.decode() for v in value]
            found[attribute.name.removesuffix("_as_tensor")] = value.decode() if isinstance(value, bytes) else value
        return found


def _wide(x: Array) -> Array:
    """Samples as rows of doubles; whole numbers are float32 first, as onnxruntime compares them."""
    wide = (x if x.dtype.kind == "f" else x.astype(np.float32)).astype(np.float64)
    return wide.reshape(1, -1) if x.ndim == 1 else wide


def transformed(scores: Array, how: str) -> Array:
    """`post_transform` of scores [rows, n]."""
    if how == "LOGISTIC":
        return np.asarray(1 / (1 + np.exp(-scores)))
    if how == "PROBIT":
        y = 2 * scores - 1
        log = np.log((1 - y) * (1 + y))
        half = 2 / (np.pi * 0.147) + log / 2
        return np.asarray(np.sqrt(2) * np.sign(y) * np.sqrt(np.sqrt(half**2 - log / 0.147) - half))
    if how in ("SOFTMAX", "SOFTMAX_ZERO"):
        greatest = scores.max(axis=1, keepdims=True)
        counted = np.abs(scores) > 1e-7 if how == "SOFTMAX_ZERO" else np.ones(scores.shape, bool)
        e = np.where(counted, np.exp(scores - greatest), scores * np.exp(-greatest))
        return np.asarray(e / e.sum(axis=1, keepdims=True, where=counted))
    return scores


class _Trees(_Classical):
    """Walks through trees node by node."""

    def leaves(self, x: Array, given: dict[str, Any]) -> list[list[tuple[int, int]]]:
        """Of each tree and row the leaf, as numbers of tree and node."""
        keys = list(zip(given["nodes_treeids"], given["nodes_nodeids"], strict=True))
        place = {key: k for k, key in enumerate(keys)}
        missing = given.get("nodes_missing_value_tracks_true") or [0] * len(keys)
        roots = dict.fromkeys(given["nodes_treeids"])
        for tree, number in reversed(keys):
            roots[tree] = number
        found = []
        for tree, root in roots.items():
            reached = np.full(len(x), place[tree, root])
            pending = [(place[tree, root], np.arange(len(x)))]
            while pending:
                k, rows = pending.pop()
                reached[rows] = k
                holds = _HOLDS.get(given["nodes_modes"][k])
                if holds is None or not rows.size:
                    continue
                values = x[rows, given["nodes_featureids"][k]]
                yes = holds(values, float(given["nodes_values"][k])) | (np.isnan(values) & (missing[k] == 1))
                pending.append((place[tree, given["nodes_truenodeids"][k]], rows[yes]))
                pending.append((place[tree, given["nodes_falsenodeids"][k]], rows[~yes]))
            found.append([keys[k] for k in reached])
        return found

    def totals(self, x: Array, given: dict[str, Any], what: str, targets: int, aggregate: str) -> Array:
        """What the trees say of each row [rows, targets], 0 where they say nothing."""
        weights: dict[tuple[int, int], list[tuple[int, float]]] = {}
        lists = (given[f"{what}_{name}"] for name in ("treeids", "nodeids", "ids", "weights"))
        for tree, number, target, weight in zip(*lists, strict=True):
            weights.setdefault((tree, number), []).append((target, float(weight)))
        said: list[list[list[float]]] = [[[] for _ in range(targets)] for _ in x]
        trees = self.leaves(x, given)
        for leaves in trees:
            for row, leaf in zip(said, leaves, strict=True):
                for target, weight in weights[leaf]:
                    row[target].append(weight)
        combine = {"MIN": min, "MAX": max}.get(aggregate, sum)
        total = np.array([[float(combine(v)) if v else 0.0 for v in row] for row in said]).reshape(len(x), targets)
        return total / len(trees) if aggregate == "AVERAGE" else total


class TreeEnsembleRegressor(_Trees):
    """What the trees give each target, and the base values."""

    def _run(self, x: Array, **_: Any) -> tuple[Array]:
        given, x = self.given(), _wide(x)
        targets, how = given["n_targets"], given.get("post_transform", "NONE")
        y = self.totals(x, given, "target", targets, given.get("aggregate_function", "SUM"))
        y = y + np.array(given.get("base_values", 0.0), np.float64)
        return (transformed(y, how) if targets > 1 or how == "PROBIT" else y,)


class TreeEnsembleClassifier(_Trees):
    """The class that the trees give most, and the scores of all. Of two classes the weights, all
    for class 0, are the score of the second."""

    def _run(self, x: Array, **_: Any) -> tuple[Array, Array]:
        given, x = self.given(), _wide(x)
        labels, how = np.array(given["classlabels_int64s"]), given.get("post_transform", "NONE")
        base = np.array(given.get("base_values", 0.0), np.float64)
        if len(labels) > 2:
            z = self.totals(x, given, "class", len(labels), "SUM") + base
            return labels[z.argmax(axis=1)], transformed(z, how)
        if len(labels) < 2 or set(given["class_ids"]) != {0}:
            raise NotImplementedError("two classes with weights each")
        score = self.totals(x, given, "class", 1, "SUM") + base
        positive = min(given["class_weights"]) >= 0
        chosen = labels[(score[:, 0] > (0.5 if positive else 0)).astype(int)]
        if how == "LOGISTIC":
            return chosen, transformed(np.hstack([-score, score]), how)
        return chosen, np.hstack([1 - score if positive else -score, score])
