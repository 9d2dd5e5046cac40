"""Support vector machines: SVMRegressor and SVMClassifier.

Which pair of classes a score is for, and the votes of the pairs, are products with matrices that are made here: the machine
itself is one layer and some `Dense`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import Variant
from onnx2rust.ir.program import Value
from onnx2rust.layers.binary import Greater, broadcasting
from onnx2rust.layers.select import Where
from onnx2rust.layers.svm import PairwiseCoupling, SupportVectors
from onnx2rust.model.schemas import ML
from onnx2rust.ops import scores
from onnx2rust.ops.binary import binary
from onnx2rust.ops.dense import gemm
from onnx2rust.registry import Attributes, onnx_op

Array = np.ndarray[Any, Any]
KERNELS = {"LINEAR": (), "POLY": ("gamma", "coef0", "degree"), "RBF": ("gamma",), "SIGMOID": ("gamma", "coef0")}
"""And which parameters each takes."""


@dataclass(frozen=True)
class Machine(Attributes):
    """What both operators say of their vectors."""

    coefficients: list[float] | None = None
    kernel_params: list[float] | None = None
    kernel_type: str = "LINEAR"
    post_transform: str = "NONE"
    rho: list[float] | None = None
    support_vectors: list[float] | None = None


@onnx_op("SVMRegressor", since=1, domain=ML)
def svm_regressor(g: Builder, X: Value, *, machine: Machine, n_supports: int = 0, one_class: int = 0) -> Value:
    """y = Σ coefficient · kernel(x, vector) + rho over all support vectors; of one class 1 where that is above 0, else −1"""
    if scores.transform(machine.post_transform) != "NONE":
        raise Refuse(f"post_transform={machine.post_transform!r} of a regressor is not supported", "onnxruntime leaves it out")
    x = g.cast(scores.rows_of(g, X), DType.F32)
    coefficients = np.array(machine.coefficients or [], np.float32).reshape(-1, 1)
    if len(machine.rho or ()) != 1 or not len(coefficients) or n_supports < 0:
        raise Refuse(f"{len(machine.rho or ())} rho, {len(coefficients)} coefficients, {n_supports} supports", invalid=True)
    if n_supports and len(coefficients) != n_supports:
        raise Refuse(f"{len(coefficients)} coefficients for {n_supports} support vectors", invalid=True)
    alike = _alike(g, x, machine, n_supports) if n_supports else x
    if alike.shape[1] != len(coefficients):
        raise Refuse(f"{len(coefficients)} coefficients for {x.type}", invalid=isinstance(x.shape[1], int))
    y = _dense(g, alike, coefficients, machine.rho or [])
    if not one_class:
        return y
    above = binary(g, Greater, y, g.constant(np.zeros((1, 1), np.float32)), DType.BOOL)
    signs = [g.constant(np.full((1, 1), sign, np.float32)) for sign in (1, -1)]
    return g.elementwise(broadcasting(Where), [above, *signs], DType.F32)


@onnx_op("SVMClassifier", since=1, domain=ML)
def svm_classifier(
    g: Builder,
    X: Value,
    *,
    machine: Machine,
    classlabels_ints: list[int] | None = None,
    classlabels_strings: list[str] | None = None,
    prob_a: list[float] | None = None,
    prob_b: list[float] | None = None,
    vectors_per_class: list[int] | None = None,
) -> tuple[Value, Value]:
    """The class that wins most pairs, and the scores of the pairs or (with `prob_a`) the probabilities of the classes"""
    how = scores.transform(machine.post_transform)
    labels = scores.class_labels(classlabels_ints, classlabels_strings, ("classlabels_ints", "classlabels_strings"))
    classes = len(labels)
    counts = list(vectors_per_class or [])
    if classes < 2 or not sum(counts):
        raise Refuse("a machine without support vectors, or of one class, is not supported", "export it as a LinearClassifier")
    pairs = classes * (classes - 1) // 2
    wrong = [
        f"{name} has {len(found or ())} elements; {wanted} are needed"
        for name, found, wanted in (
            ("vectors_per_class", counts, classes),
            ("coefficients", machine.coefficients, (classes - 1) * sum(counts)),
            ("rho", machine.rho, pairs),
            ("prob_a", prob_a, pairs if prob_a or prob_b else 0),
            ("prob_b", prob_b, pairs if prob_a or prob_b else 0),
        )
        if len(found or ()) != wanted or (name == "vectors_per_class" and min(counts) < 0)
    ]
    if wrong:
        raise Refuse("; ".join(wrong), invalid=True)
    x = g.cast(scores.rows_of(g, X), DType.F32)
    found = _dense(g, _alike(g, x, machine, sum(counts)), _of_pairs(machine.coefficients or [], counts), machine.rho or [])
    index = _votes(g, found, classes)
    if prob_a:
        layer = PairwiseCoupling(classes, _weight(g, "prob_a", prob_a), _weight(g, "prob_b", prob_b or []), x.shape[0])
        found = g.step(layer, [found], found.tensor.with_shape(x.shape[0], classes))
    elif classes == 2:
        found, how = scores.of_two(g, found, how, positive=how != "NONE")
    return scores.labelled(g, index, labels), scores.transformed(g, found, how)


def _weight(g: Builder, name: str, values: Sequence[float] | Array) -> Any:
    array = np.array(values, np.float32)
    return g.weight(g.constant(array, f"{g.origin.node or g.origin.op}.{name}"))


def _dense(g: Builder, x: Value, kernel: Array, bias: Sequence[float]) -> Value:
    return gemm(g, x, g.constant(kernel.astype(np.float32)), g.constant(np.array(bias, np.float32)))


def _alike(g: Builder, x: Value, machine: Machine, count: int) -> Value:
    """What the kernel says of each row of x and each support vector: [rows, count]."""
    if machine.kernel_type not in KERNELS:
        raise Refuse(f"kernel_type={machine.kernel_type!r}; it is one of {', '.join(KERNELS)}", invalid=True)
    vectors = machine.support_vectors or []
    columns = x.shape[1]
    if not isinstance(columns, int):
        raise Refuse(f"the number of columns of {x.type} is not known at conversion", "fix it with --dim")
    if not columns or len(vectors) != count * columns:
        raise Refuse(f"support_vectors has {len(vectors)} elements for {count} vectors and {x.type}", invalid=True)
    given = machine.kernel_params or []
    if len(given) != 3 and (given or machine.kernel_type != "LINEAR"):
        raise Refuse(f"kernel_params has {len(given)} elements; they are gamma, coef0 and degree", invalid=True)
    parameters = dict(zip(("gamma", "coef0", "degree"), given, strict=False))
    fields = {name: parameters[name] for name in KERNELS[machine.kernel_type]}
    kernel = Variant.of("svm::Kernel", machine.kernel_type.capitalize(), **fields)
    layer = SupportVectors(columns, kernel, _weight(g, "vectors", vectors), x.shape[0])
    return g.step(layer, [x], x.tensor.with_shape(x.shape[0], count))


def _of_pairs(coefficients: Sequence[float], counts: Sequence[int]) -> Array:
    """[vectors, pairs]: what each support vector has to say to the score of each pair (i, j) of classes. The model has
    coefficients [classes − 1, vectors]: a vector of class i stands in row j − 1 for the pair with a later class j, in row j for
    an earlier one."""
    rows = np.array(coefficients, np.float32).reshape(len(counts) - 1, -1)
    begins = np.cumsum([0, *counts])
    columns = []
    for i, j in itertools.combinations(range(len(counts)), 2):
        column = np.zeros(rows.shape[1], np.float32)
        column[begins[i] : begins[i + 1]] = rows[j - 1, begins[i] : begins[i + 1]]
        column[begins[j] : begins[j + 1]] = rows[i, begins[j] : begins[j + 1]]
        columns.append(column)
    return np.stack(columns, axis=1)


def _votes(g: Builder, found: Value, classes: int) -> Value:
    """The class that wins most pairs; of equal ones the first. Wins are a bit for each pair times what they change, exact in
    float32."""
    won = binary(g, Greater, found, g.constant(np.zeros((1, 1), np.float32)), DType.BOOL)
    changes, lost = [], np.zeros(classes, np.float32)
    for i, j in itertools.combinations(range(classes), 2):
        row = np.zeros(classes, np.float32)
        row[i], row[j] = 1, -1
        changes.append(row)
        lost[j] += 1
    return scores.greatest(g, _dense(g, g.cast(won, DType.F32), np.stack(changes), lost.tolist()))
