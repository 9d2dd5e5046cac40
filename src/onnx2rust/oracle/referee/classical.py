"""Operators of ai.onnx.ml in float64: those of onnx's evaluator compute in float32, or are unlike
onnxruntime where the specification is silent."""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
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


def _of_targets(scores: Array, how: str) -> Array:
    """`post_transform` of a regressor's scores: of a single one, onnxruntime has PROBIT only."""
    return transformed(scores, how) if scores.shape[1] > 1 or how == "PROBIT" else scores


def _labels(given: dict[str, Any], integers: str) -> Array:
    """The labels of all classes: integers, or strings."""
    return np.array(given[integers], np.int64) if given.get(integers) else np.array(given["classlabels_strings"], object)


class ZipMap(_Classical):
    """The columns: which key has which is known to whoever compares them."""

    def _run(self, x: Array, **_: Any) -> tuple[Array]:
        return (x.reshape(1, -1) if x.ndim == 1 else x,)


class DictVectorizer(_Classical):
    """The values of the words of a vocabulary."""

    def _run(self, x: dict[Any, Any], **_: Any) -> tuple[Array]:
        given = self.given()
        zero = type(next(iter(x.values()), 0.0))()
        return (np.array([[x.get(w, zero) for w in given.get("string_vocabulary") or given["int64_vocabulary"]]]),)


class CastMap(_Classical):
    """The values in the order of their keys, or each at its place."""

    def _run(self, x: dict[int, Any], **_: Any) -> tuple[Array]:
        given = self.given()
        sparse, last = given.get("map_form") == "SPARSE", given.get("max_map", 1)
        values = [x.get(k, 0.0) for k in range(last)] if sparse else [x[k] for k in sorted(x)]
        kind = {"TO_INT64": np.int64, "TO_STRING": object}.get(given.get("cast_to", ""), np.float64)
        return (np.array([values]).astype(kind),)


class Scaler(_Classical):
    """(x − offset) · scale"""

    def _run(self, x: Array, **_: Any) -> tuple[Array]:
        given = self.given()
        wide = x if x.dtype.kind == "f" else x.astype(np.float32)
        return ((wide.astype(np.float64) - np.array(given["offset"])) * np.array(given["scale"]),)


class Normalizer(_Classical):
    """Each row divided by its norm, if that is not 0."""

    def _run(self, x: Array, **_: Any) -> tuple[Array]:
        rows = _wide(x)
        how = self.given().get("norm", "MAX")
        if how == "MAX":
            norm = np.fmax.reduce(rows, axis=1, keepdims=True)
        else:
            norm = np.abs(rows).sum(axis=1, keepdims=True) if how == "L1" else np.sqrt((rows**2).sum(axis=1, keepdims=True))
        return (np.where(norm == 0, rows, rows / norm).reshape(x.shape),)


class Imputer(_Classical):
    """x, but where it is the replaced value the imputed one."""

    def _run(self, x: Array, **_: Any) -> tuple[Array]:
        given, kind = self.given(), "float" if x.dtype.kind == "f" else "int64"
        replaced = given.get(f"replaced_value_{kind}", 0)
        missing = np.isnan(x) if np.isnan(replaced) else x == replaced
        return (np.where(missing, np.array(given[f"imputed_value_{kind}s"], x.dtype), x),)


class FeatureVectorizer(_Classical):
    """All columns side by side."""

    def _run(self, *x: Array, **_: Any) -> tuple[Array]:
        return (np.hstack([_wide(a) for a in x]),)


class OneHotEncoder(_Classical):
    """1 at the category of x, else 0."""

    def _run(self, x: Array, **_: Any) -> tuple[Array]:
        categories = np.array(self.given()["cats_int64s"], np.int64)
        return ((x.astype(np.int64)[..., None] == categories).astype(np.float64),)


class LabelEncoder(_Classical):
    """The value of each key. Since version 4 NaN is one."""

    def _run(self, x: Array, **_: Any) -> tuple[Array]:
        given = self.given()
        if "classes_strings" in given:
            classes = list(given["classes_strings"])
            keys, values = (classes, list(range(len(classes)))) if x.dtype.kind in "OUS" else (list(range(len(classes))), classes)
        else:
            keys, values = (list(next(v for k, v in given.items() if k.startswith(what))) for what in ("keys", "values"))
        nan_is_a_key = int(self.run_params["opsets"].get(self.op_domain, 1)) >= 4
        table = {"NaN" if k != k else k: v for k, v in zip(keys, values, strict=True) if k == k or nan_is_a_key}
        kind = {str: "string", int: "int64"}.get(type(values[0]), "float")
        default = given.get(f"default_{kind}", {"string": "_Unused", "int64": -1}.get(kind, -0.0))
        default = given["default_tensor"].reshape(-1)[0] if "default_tensor" in given else default
        found = [table.get("NaN" if v != v else v, default) for v in x.ravel().tolist()]
        return (np.array(found, object if kind == "string" else np.asarray(values).dtype).reshape(x.shape),)


class LinearRegressor(_Classical):
    """x · coefficientsᵀ + intercepts"""

    def _run(self, x: Array, **_: Any) -> tuple[Array]:
        given = self.given()
        targets, how = given.get("targets", 1), given.get("post_transform", "NONE")
        y = _wide(x) @ np.array(given["coefficients"]).reshape(targets, -1).T + np.array(given.get("intercepts", 0.0))
        return (_of_targets(y, how),)


class LinearClassifier(_Classical):
    """The class with the greatest score, and all scores."""

    def _run(self, x: Array, **_: Any) -> tuple[Array, Array]:
        given = self.given()
        labels, how = _labels(given, "classlabels_ints"), given.get("post_transform", "NONE")
        intercepts = np.array(given["intercepts"])
        z = _wide(x) @ np.array(given["coefficients"]).reshape(len(intercepts), -1).T + intercepts
        if len(intercepts) > 1:
            return labels[z.argmax(axis=1)], transformed(z, how)
        chosen = labels[(z[:, 0] > 0).astype(int)]
        return chosen, transformed(np.hstack([-z, z]), how) if how == "LOGISTIC" else np.hstack([1 - z, z])


def _alike(x: Array, given: dict[str, Any], vectors: Array) -> Array:
    """What the kernel says of each row and each support vector."""
    gamma, coef0, degree = [float(v) for v in given.get("kernel_params") or (0, 0, 0)]
    how = given.get("kernel_type", "LINEAR")
    if how == "RBF":
        return np.asarray(np.exp(-gamma * ((x[:, None] - vectors) ** 2).sum(axis=2)))
    dot = x @ vectors.T
    if how == "POLY":
        return np.asarray((gamma * dot + coef0) ** degree)
    return np.asarray(np.tanh(gamma * dot + coef0)) if how == "SIGMOID" else dot


class SVMRegressor(_Classical):
    """Σ coefficient · kernel(x, vector) + rho"""

    def _run(self, x: Array, **_: Any) -> tuple[Array]:
        given, x = self.given(), _wide(x)
        count, coefficients = given.get("n_supports", 0), np.array(given["coefficients"])
        alike = _alike(x, given, np.array(given["support_vectors"]).reshape(count, -1)) if count else x
        y = (alike @ coefficients + given["rho"][0])[:, None]
        return (np.where(y > 0, 1.0, -1.0) if given.get("one_class") else y,)


class SVMClassifier(_Classical):
    """The class that wins most pairs, and scores of the pairs or probabilities of the classes."""

    def _run(self, x: Array, **_: Any) -> tuple[Array, Array]:
        given, x = self.given(), _wide(x)
        labels, how = _labels(given, "classlabels_ints"), given.get("post_transform", "NONE")
        counts, classes = given["vectors_per_class"], len(labels)
        alike = _alike(x, given, np.array(given["support_vectors"]).reshape(sum(counts), -1))
        rows = np.array(given["coefficients"]).reshape(classes - 1, -1)
        own = [slice(sum(counts[:k]), sum(counts[: k + 1])) for k in range(classes)]
        pairs = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
        found, votes = np.empty((len(x), len(pairs))), np.zeros((len(x), classes))
        for k, (i, j) in enumerate(pairs):
            found[:, k] = alike[:, own[i]] @ rows[j - 1, own[i]] + alike[:, own[j]] @ rows[i, own[j]] + given["rho"][k]
            votes[:, i] += found[:, k] > 0
            votes[:, j] += found[:, k] <= 0
        chosen = labels[votes.argmax(axis=1)]
        if given.get("prob_a"):
            return chosen, transformed(np.array([_coupled(row, pairs, given, classes) for row in found]), how)
        if classes == 2:
            if how == "LOGISTIC":
                return chosen, transformed(np.hstack([-found, found]), how)
            return chosen, np.hstack([-found if how == "NONE" else 1 - found, found])
        return chosen, transformed(found, how)


def _coupled(found: Array, pairs: list[tuple[int, int]], given: dict[str, Any], n: int) -> Array:
    """Probabilities of classes from the scores of their pairs, as libsvm finds them (Wu, Lin and Weng 2004)."""
    r = np.zeros((n, n))
    for score, a, b, (i, j) in zip(found, given["prob_a"], given["prob_b"], pairs, strict=True):
        r[i, j] = min(max(1 / (1 + np.exp(score * a + b)), 1e-7), 1 - 1e-7)
        r[j, i] = 1 - r[i, j]
    q = -r * r.T
    np.fill_diagonal(q, (r**2).sum(axis=0))
    p = np.full(n, 1 / n)
    for _ in range(100):
        if np.abs(q @ p - p @ q @ p).max() < 0.005 / n:
            break
        for i in range(n):
            p[i] += (p @ q @ p - q[i] @ p) / q[i, i]
            p /= p.sum()
    return p


Branch = tuple[int, Callable[[Array, Any], Array], Any, Any, Hashable, Hashable]
"""The feature, what must hold of it and the threshold, whether a missing value goes there too, and the two nodes below."""


def _totals(
    x: Array, roots: Sequence[Hashable], branches: Mapping[Any, Branch], weights: Mapping[Any, list[tuple[int, float]]],
    targets: int, aggregate: str,
) -> Array:  # fmt: skip
    """What the trees say of each row [rows, targets], 0 where they say nothing. A node that is no branch is a leaf, with its
    targets and weights."""
    said: list[list[list[float]]] = [[[] for _ in range(targets)] for _ in x]
    for root in roots:
        pending = [(root, np.arange(len(x)))]
        while pending:
            node, rows = pending.pop()
            if node in branches and len(rows):
                feature, holds, threshold, missing, true, false = branches[node]
                values = x[rows, feature]
                yes = holds(values, threshold) | (np.isnan(values) & bool(missing))
                pending += [(true, rows[yes]), (false, rows[~yes])]
                continue
            for row in rows:
                for target, weight in weights[node]:
                    said[row][target].append(weight)
    combine = {"MIN": min, "MAX": max}.get(aggregate, sum)
    total = np.array([[float(combine(v)) if v else 0.0 for v in row] for row in said]).reshape(len(x), targets)
    return total / len(roots) if aggregate == "AVERAGE" else total


def _lists(given: dict[str, Any], what: str, names: str) -> Iterator[tuple[Any, ...]]:
    """The entries of a node's parallel lists of attributes; 0 for those of a list that it does not state."""
    lists = [given.get(f"{what}_{name}", []) for name in names.split()]
    return zip(*(found if len(found) else [0] * len(lists[0]) for found in lists), strict=True)


def _tree_totals(x: Array, given: dict[str, Any], what: str, targets: int, aggregate: str = "SUM") -> Array:
    """`_totals` of a node whose trees have numbers, and their nodes numbers in each."""
    roots: dict[int, tuple[int, int]] = {}
    branches: dict[tuple[int, int], Branch] = {}
    nodes = _lists(given, "nodes", "treeids nodeids modes featureids values missing_value_tracks_true truenodeids falsenodeids")
    for tree, number, mode, feature, value, missing, true, false in nodes:
        roots.setdefault(tree, (tree, number))
        if mode in _HOLDS:
            branches[tree, number] = (feature, _HOLDS[mode], float(value), missing, (tree, true), (tree, false))
    weights: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for tree, number, target, weight in _lists(given, what, "treeids nodeids ids weights"):
        weights.setdefault((tree, number), []).append((target, float(weight)))
    return _totals(x, list(roots.values()), branches, weights, targets, aggregate)


class TreeEnsembleRegressor(_Classical):
    """What the trees give each target, and the base values."""

    def _run(self, x: Array, **_: Any) -> tuple[Array]:
        given, x = self.given(), _wide(x)
        targets, how = given["n_targets"], given.get("post_transform", "NONE")
        y = _tree_totals(x, given, "target", targets, given.get("aggregate_function", "SUM"))
        return (_of_targets(y + np.array(given.get("base_values", 0.0), np.float64), how),)


class TreeEnsembleClassifier(_Classical):
    """The class that the trees give most, and the scores of all. Of two classes the weights, all
    for class 0, are the score of the second."""

    def _run(self, x: Array, **_: Any) -> tuple[Array, Array]:
        given, x = self.given(), _wide(x)
        labels, how = _labels(given, "classlabels_int64s"), given.get("post_transform", "NONE")
        base = np.array(given.get("base_values", 0.0), np.float64)
        if len(labels) > 2:
            z = _tree_totals(x, given, "class", len(labels)) + base
            return labels[z.argmax(axis=1)], transformed(z, how)
        if set(given["class_ids"]) == {0, 1}:
            z = _tree_totals(x, given, "class", 2)
            return labels[(z[:, 1] > 0).astype(int)], transformed(z, how)
        score = _tree_totals(x, given, "class", 1) + base
        positive = min(given["class_weights"]) >= 0
        chosen = labels[(score[:, 0] > (0.5 if positive else 0)).astype(int)]
        if how == "LOGISTIC":
            return chosen, transformed(np.hstack([-score, score]), how)
        return chosen, np.hstack([1 - score if positive else -score, score])


class TreeEnsemble(_Classical):
    """What the trees give each target; the sets of branches stand in the order of the branches. (onnx's evaluator takes them in
    the order of its walk, and ends a set at 0.)"""

    def _run(self, x: Array, **_: Any) -> tuple[Array]:
        given, rows = self.given(), _wide(x)
        members = np.array(given.get("membership_values", []), np.float64)
        ends = iter(np.split(members, np.flatnonzero(np.isnan(members)) + 1))
        holds = [*_HOLDS.values(), np.isin]
        branches: dict[tuple[int, bool], Branch] = {}
        nodes = "modes featureids splits missing_value_tracks_true truenodeids trueleafs falsenodeids falseleafs"
        for k, (mode, feature, split, missing, true, true_ends, false, false_ends) in enumerate(_lists(given, "nodes", nodes)):
            threshold = float(split) if mode < len(_HOLDS) else next(ends)[:-1]
            children = (true, bool(true_ends)), (false, bool(false_ends))
            branches[k, False] = (feature, holds[mode], threshold, missing, *children)
        leaves = enumerate(_lists(given, "leaf", "targetids weights"))
        weights = {(k, True): [(target, float(weight))] for k, (target, weight) in leaves}
        aggregate = ("AVERAGE", "SUM", "MIN", "MAX")[given.get("aggregate_function", 1)]
        y = _totals(rows, [(k, False) for k in given["tree_roots"]], branches, weights, given["n_targets"], aggregate)
        return (_of_targets(y, ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")[given.get("post_transform", 0)]),)
