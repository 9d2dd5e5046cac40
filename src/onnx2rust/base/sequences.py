"""The content of a sequence: a one-dimensional array whose elements are its tensors, themselves arrays. An optional tensor's is a
sequence of one item at most. The content of a map: an array of pairs, with the fields `keys` and `values`."""

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


def pairs(keys: Array, values: Array) -> Array:
    """The map of these keys to these values; of a key that stands there twice the last value counts."""
    found = np.empty(keys.shape, [("keys", keys.dtype), ("values", values.dtype)])
    found["keys"], found["values"] = keys, values
    return found


def is_sequence(content: Array) -> bool:
    """Whether an array is the content of a sequence. (Strings are objects too.)"""
    return content.dtype == object and content.ndim == 1 and all(isinstance(item, np.ndarray) for item in content)


def tensors(content: Array) -> list[Array]:
    """The items of a sequence, or the tensor itself."""
    return list(content) if is_sequence(content) else [content]


def flat(contents: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays by name, those of a sequence's items `name/0`, `name/1`, …, those of a map `name/keys` and `name/values`. Sequences
    and maps may be the rows of a table, one a sample: then each array holds all samples."""
    found: dict[str, Array] = {}
    for name, content in contents.items():
        if is_sequence(content):
            found |= {f"{name}/{k}": item for k, item in enumerate(content)}
        elif content.dtype == object and content.ndim == 2 and all(map(is_sequence, content)):
            found |= {f"{name}/{k}": np.stack(list(items)) for k, items in enumerate(content.T)}
        elif content.dtype.names:
            found |= {f"{name}/{part}": content[part] for part in content.dtype.names}
        else:
            found[name] = content
    return found


def gathered(arrays: Mapping[str, Array], name: str) -> Array:
    """The sequence whose items are called so."""
    places = itertools.takewhile(lambda place: place in arrays, (f"{name}/{k}" for k in itertools.count()))
    return sequence(arrays[place] for place in places)


def of_engine(content: Any, optional: bool) -> Array:
    """What onnxruntime or onnx's evaluator give: lists for sequences (and for sequences of maps), None for an optional tensor
    that is not there."""
    if optional:
        return sequence([] if content is None else [content])
    listed = isinstance(content, list) and not any(isinstance(item, dict) for item in content)
    return sequence(content) if listed else np.asarray(content)


def for_engine(content: Array, optional: bool) -> Any:
    """What they take; of an optional tensor that is there, the tensor itself will do."""
    if optional and is_sequence(content):
        return content[0] if len(content) else None
    if content.dtype.names:
        return dict(zip(content["keys"].tolist(), content["values"].tolist(), strict=True))
    return list(content) if is_sequence(content) else content
