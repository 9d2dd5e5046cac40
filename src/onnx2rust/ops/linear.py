"""Linear models: LinearRegressor and LinearClassifier."""

from __future__ import annotations

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import Value
from onnx2rust.model.schemas import ML
from onnx2rust.ops import scores
from onnx2rust.ops.classical import floats
from onnx2rust.ops.dense import gemm
from onnx2rust.registry import onnx_op


@onnx_op("LinearRegressor", since=1, domain=ML)
def linear_regressor(
    g: Builder,
    X: Value,
    *,
    coefficients: list[float] | None = None,
    intercepts: list[float] | None = None,
    post_transform: str = "NONE",
    targets: int = 1,
) -> Value:
    """y = x · coefficientsᵀ + intercepts"""
    how = scores.transform(post_transform)
    y = _products(g, floats(g, scores.rows_of(g, X)), coefficients or [], intercepts or [], targets)
    # onnxruntime turns a single score into nothing but a z-score
    return scores.transformed(g, y, how if targets > 1 or how == "PROBIT" else "NONE")


@onnx_op("LinearClassifier", since=1, domain=ML)
def linear_classifier(
    g: Builder,
    X: Value,
    *,
    classlabels_ints: list[int] | None = None,
    classlabels_strings: list[str] | None = None,
    coefficients: list[float],
    intercepts: list[float] | None = None,
    multi_class: int = 0,
    post_transform: str = "NONE",
) -> tuple[Value, Value]:
    """The class with the greatest score x · coefficientsᵀ + intercepts, and the scores; of two classes there may be one score,
    for the second"""
    how = scores.transform(post_transform)
    labels = scores.class_labels(classlabels_ints, classlabels_strings, ("classlabels_ints", "classlabels_strings"))
    count = len(intercepts or ())
    if count != len(labels) and (count, len(labels)) != (1, 2):
        raise Refuse(f"{count} intercepts for {len(labels)} classes", invalid=True)
    if len(labels) < 2:
        raise Refuse("a classifier of one class is not supported")
    z = _products(g, g.cast(scores.rows_of(g, X), DType.F32), coefficients, intercepts or [], count)
    if count > 1:
        index = scores.greatest(g, z)
    else:
        score = z
        z, how = scores.of_two(g, score, how, positive=True)
        index = scores.above(g, score, 0.0)
    return scores.labelled(g, index, labels), scores.transformed(g, z, how)


def _products(g: Builder, x: Value, coefficients: list[float], intercepts: list[float], targets: int) -> Value:
    """x · coefficientsᵀ + intercepts, [rows, targets]"""
    columns = x.shape[1]
    if targets < 1 or len(coefficients) % targets or not coefficients:
        raise Refuse(f"{len(coefficients)} coefficients for {targets} targets", invalid=True)
    if isinstance(columns, int) and len(coefficients) != targets * columns:
        raise Refuse(f"{len(coefficients)} coefficients for {targets} targets and {x.type}", invalid=True)
    if intercepts and len(intercepts) != targets:
        raise Refuse(f"{len(intercepts)} intercepts for {targets} targets", invalid=True)
    kind = x.dtype.numpy
    kernel = g.constant(np.array(coefficients, kind).reshape(targets, -1), f"{g.origin.node or g.origin.op}.coefficients")
    bias = g.constant(np.array(intercepts, kind), f"{g.origin.node or g.origin.op}.intercepts") if intercepts else None
    return gemm(g, x, kernel, bias, transB=1)
