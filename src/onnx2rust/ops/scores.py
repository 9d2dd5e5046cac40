"""Scores of classical models: what they are turned into, and the class that they speak for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onnx2rust.base.errors import Refuse
from onnx2rust.builder import Builder
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers.binary import Add, Greater, Sub
from onnx2rust.layers.movement import Concat
from onnx2rust.layers.rank import ArgMax
from onnx2rust.layers.scores import Probit, SoftmaxZero
from onnx2rust.layers.softmax import Softmax
from onnx2rust.layers.unary import Neg
from onnx2rust.ops.activation import activate
from onnx2rust.ops.binary import binary
from onnx2rust.ops.indexing import gather

TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


def transformed(g: Builder, scores: Value, how: str, dtype: DType = DType.F32) -> Value:
    """The scores [rows, n] after `post_transform`, which computes in float32, in an element type."""
    if how != "NONE":
        scores = g.cast(scores, DType.F32)
    if how == "SOFTMAX":
        rows, count = scores.shape
        scores = g.step(Softmax(rows, count, 1), [scores], scores.type)
    elif how == "LOGISTIC":
        scores = activate(g, scores, "Sigmoid")
    elif how == "SOFTMAX_ZERO":
        scores = g.step(SoftmaxZero(scores.shape), [scores], scores.type)
    elif how == "PROBIT":
        scores = g.step(Probit(), [scores], scores.type)
    return g.cast(scores, dtype)


def transform(how: str) -> str:
    """The name of a transformation, checked."""
    if how not in TRANSFORMS:
        raise Refuse(f"post_transform={how!r}; it is one of {', '.join(TRANSFORMS)}", invalid=True)
    return how


def of_two(g: Builder, score: Value, how: str, *, positive: bool) -> tuple[Value, str]:
    """Both scores [rows, 2] and what they are turned into, from the score of the second of two classes [rows, 1]. The first has
    what is missing to 1 (`positive`), or the opposite, as it always has where LOGISTIC makes probabilities of them."""
    if how == "PROBIT":
        raise Refuse("PROBIT of one score for two classes", "the specification leaves open what that means")
    if positive and how != "LOGISTIC":
        other = binary(g, Sub, g.constant(np.ones((1, 1), score.dtype.numpy)), score)
    else:
        other = g.elementwise(lambda _: Neg(), [score], score.dtype)
    both = g.step(Concat(score.shape[0], (1, 1)), [other, score], score.tensor.with_shape(score.shape[0], 2))
    return both, how if how == "LOGISTIC" else "NONE"


def above(g: Builder, score: Value, threshold: float) -> Value:
    """The class [rows] of scores [rows, 1]: 1 where they are greater, else 0."""
    limit = g.constant(np.full((1, 1), threshold, score.dtype.numpy))
    return g.view(g.cast(binary(g, Greater, score, limit, DType.BOOL), DType.I64), score.shape[0])


def greatest(g: Builder, scores: Value) -> Value:
    """The class [rows] with the greatest of the scores [rows, n]; the first of equal ones."""
    rows, count = scores.shape
    best: Value = g.step(ArgMax(rows, count, 1, False), [scores], TensorType(DType.I64, (rows, 1)))
    return g.view(best, rows)


def class_labels(integers: Sequence[int] | None, strings: Sequence[str] | None, names: tuple[str, str]) -> list[int] | list[str]:
    """The labels of all classes, of which one of two attributes (with these `names`) has a list. Raises Refuse."""
    if bool(integers) == bool(strings):
        raise Refuse(f"one of {names[0]} and {names[1]} must be given", invalid=True)
    return list(integers or ()) or list(strings or ())


def labelled(g: Builder, index: Value, labels: Sequence[int] | Sequence[str]) -> Value:
    """The labels of classes [rows]; strings are places in their table."""
    if isinstance(labels[0], str):
        names = tuple(str(label) for label in labels)
        if len(set(names)) < len(names):
            raise Refuse("two classes have one name", invalid=True)
        return g.step(View(), [index], TensorType(DType.I64, index.shape, names))
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
