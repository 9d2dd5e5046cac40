"""The content of a sequence: a one-dimensional array whose elements are its tensors, themselves arrays."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def sequence(items: Iterable[Any]) -> Array:
    """The sequence of these tensors."""
    tensors = [np.asarray(item) for item in items]
    found = np.empty(len(tensors), object)
    for k, tensor in enumerate(tensors):
        found[k] = tensor
    return found


def is_sequence(content: Array) -> bool:
    """Whether an array is the content of a sequence. (Strings are objects too.)"""
    return content.dtype == object and content.ndim == 1 and all(isinstance(item, np.ndarray) for item in content)


def tensors(content: Array) -> list[Array]:
    """The items of a sequence, or the tensor itself."""
    return list(content) if is_sequence(content) else [content]


def flat(contents: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays by name, those of a sequence's items `name/0`, `name/1`, … Sequences may be the rows of a table, one a sample:
    then each item's array holds all samples."""
    found: dict[str, Array] = {}
    for name, content in contents.items():
        if is_sequence(content):
            found |= {f"{name}/{k}": item for k, item in enumerate(content)}
        elif content.dtype == object and content.ndim == 2 and all(map(is_sequence, content)):
            found |= {f"{name}/{k}": np.stack(list(items)) for k, items in enumerate(content.T)}
        else:
            found[name] = content
    return found


def gathered(arrays: Mapping[str, Array], name: str) -> Array:
    """The sequence whose items are called so."""
    places = itertools.takewhile(lambda place: place in arrays, (f"{name}/{k}" for k in itertools.count()))
    return sequence(arrays[place] for place in places)


def of_engine(content: Any) -> Array:
    """What onnxruntime or onnx's evaluator give: lists for sequences (and for sequences of maps)."""
    listed = isinstance(content, list) and not any(isinstance(item, dict) for item in content)
    return sequence(content) if listed else np.asarray(content)


def for_engine(content: Array) -> Any:
    """What they take."""
    return list(content) if is_sequence(content) else content
