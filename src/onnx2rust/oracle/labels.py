"""Strings and maps, as onnxruntime gives them, as the numbers that a crate gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from onnx2rust.base.sequences import is_sequence, sequence
from onnx2rust.ir.program import Labels

Array = np.ndarray[Any, Any]


def numbers(outputs: Sequence[Array], labels: Sequence[Labels | None]) -> list[Array]:
    """The outputs: strings that are places in a table as such, −1 for those that are not in it; a sequence of maps with a column
    for each key; other strings as numpy's own."""
    pairs = zip(outputs, labels or [None] * len(outputs), strict=True)
    return [_texts(a) if t is None else _number(a, t) for a, t in pairs]


def _texts(content: Array) -> Array:
    if is_sequence(content):
        return sequence(map(_texts, content))
    return content.astype(np.str_) if content.dtype == object else content


def _number(output: Array, labels: Labels) -> Array:
    if labels.columns:
        if output.dtype != object:
            return output
        rows = [[row[name] for name in labels.names] for row in output]
        return np.array(rows, np.float32).reshape(len(rows), len(labels.names))
    places = {name: k for k, name in enumerate(labels.names)}
    return np.array([places.get(str(text), -1) for text in output.ravel()], np.int64).reshape(output.shape)
