"""A small model for each operator and each version of it: `MODELS[operator](version)` gives forms that the version has.

Where a version brought something (an attribute that became an input, a new attribute, a new default), the forms use it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from cases import Arrays

BOOL, I32, U8, I8 = np.bool_, np.int32, np.uint8, np.int8


@dataclass(frozen=True)
class Form:
    """One use of an operator: nodes, inputs, tensors known at conversion. The first axis of the first input is open."""

    nodes: list[onnx.NodeProto]
    inputs: Arrays
    known: Arrays = field(default_factory=dict)
    outputs: Sequence[str] = ("y",)
    fixed: bool = False


Forms = Iterator[Form]
MODELS: dict[str, Callable[[int], Forms]] = {}


def model(*operators: str) -> Callable[[Callable[[str, int], Forms]], Callable[[str, int], Forms]]:
    """The decorated function gives the forms of these operators."""

    def register(function: Callable[[str, int], Forms]) -> Callable[[str, int], Forms]:
        for operator in operators:
            MODELS[operator] = functools.partial(function, operator)
        return function

    return register


def vector(*values: int) -> np.ndarray[Any, Any]:
    """Sizes, axes, positions."""
    return np.array(values, np.int64)


def scalar(value: float, dtype: Any = np.float32) -> np.ndarray[Any, Any]:
    """A tensor without axes."""
    return np.array(value, dtype)


def setting(name: str, value: np.ndarray[Any, Any], as_input: bool) -> tuple[list[str], Arrays, dict[str, Any]]:
    """A list that is an attribute in old versions and an input in new ones: (inputs, known, attributes)."""
    return ([name], {name: value}, {}) if as_input else ([], {}, {name: value.tolist()})
