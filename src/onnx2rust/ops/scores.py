"""Scores of classical models: what they are turned into, and the class that they speak for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.program import TensorType, Value
from onnx2rust.layers.elementwise import Add, Greater, Neg, Sub
from onnx2rust.layers.movement import Concat
from onnx2rust.layers.rank import ArgMax
from onnx2rust.layers.reduce import Softmax
from onnx2rust.layers.scores import Probit, SoftmaxZero
from onnx2rust.ops.activation import activate
from onnx2rust.ops.binary import binary
from onnx2rust.ops.indexing import gather

TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


def transformed(g: Builder, scores: Value, how: str) -> Value:
    """The scores [rows, n], as float32, after `post_transform`."""
    scores = g.cast(scores, DType.F32)
    if how == "SOFTMAX":
        rows, count = scores.shape
        return g.step(Softmax(rows, count, 1), [scores], scores.type)
    if how == "LOGISTIC":
        return activate(g, scores, "Sigmoid")
    if how == "SOFTMAX_ZERO":
        return g.step(SoftmaxZero(scores.shape), [scores], scores.type)
    return g.step(Probit(), [scores], scores.type) if how == "PROBIT" else scores


def transform(how: str) -> str:
    """The name of a transformation, checked."""
    if how not in TRANSFORMS:
        raise Refuse(f"post_transform={how!r}; it is one of {', '.join(TRANSFORMS)}", invalid=True)
    return how


def two_columns(g: Builder, score: Value, positive: bool) -> Value:
    """[rows, 2] from the score of the second of two classes [rows, 1]: 1 − score beside it where it
    is a probability (`positive`), else −score."""
    if positive:
        other = binary(g, Sub, g.constant(np.ones((1, 1), score.dtype.numpy)), score)
    else:
        other = g.elementwise(lambda _: Neg(), [score], score.dtype)
    layer = Concat(score.shape[0], (1, 1))
    return g.step(layer, [other, score], score.type.with_shape(score.shape[0], 2))


def above(g: Builder, score: Value, threshold: float) -> Value:
    """The class [rows] of scores [rows, 1]: 1 where they are greater, else 0."""
    limit = g.constant(np.full((1, 1), threshold, score.dtype.numpy))
    return g.view(g.cast(binary(g, Greater, score, limit, DType.BOOL), DType.I64), score.shape[0])


def greatest(g: Builder, scores: Value) -> Value:
    """The class [rows] with the greatest of the scores [rows, n]; the first of equal ones."""
    rows, count = scores.shape
    best: Value = g.step(ArgMax(False, rows, count, 1), [scores], TensorType(DType.I64, (rows, 1)))
    return g.view(best, rows)


def labelled(g: Builder, index: Value, labels: Sequence[int]) -> Value:
    """The labels of classes [rows]."""
    if list(labels) == list(range(len(labels))):
        return index
    return gather(g, g.constant(np.array(labels, np.int64)), index)


def plus(g: Builder, scores: Value, base: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Value:
    """scores [rows, n] + base [n]"""
    if not base.any():
        return scores
    return binary(g, Add, scores, g.constant(base.astype(scores.dtype.numpy).reshape(1, -1)))


def rows_of(g: Builder, x: Value) -> Value:
    """The samples [rows, columns] that ai.onnx.ml's operators take: a tensor of one axis is one sample."""
    if x.rank not in (1, 2):
        raise Refuse(f"samples are the rows of a matrix, not of {x.type}", invalid=x.rank == 0)
    return g.view(x, 1, *x.shape) if x.rank == 1 else x
