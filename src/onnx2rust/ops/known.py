"""Arithmetic on arrays of sizes that are known as symbols only, for `onnx_facts(sizes=…)`: `Shape →
Gather → Concat → Reshape` melts away.

An array holds ints and dims.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from onnx2rust.ir import dims
from onnx2rust.registry.facts import Arithmetic


def number(value: Any) -> Any:
    """An int, or the dim."""
    return value.item() if isinstance(value, np.generic) else value


def numbers(array: Any) -> list[int] | None:
    """The elements, None if one is no number."""
    values = [] if array is None else [number(v) for v in np.asarray(array).ravel().tolist()]
    return values if all(isinstance(v, int) for v in values) else None


def axes_of(arrays: list[Any], attributes: dict[str, Any]) -> list[int] | None:
    """The axes, an attribute or (later versions) the second input; None if there are none, or they are not known."""
    if "axes" in attributes:
        return list(attributes["axes"])
    return numbers(arrays[1]) if len(arrays) > 1 and arrays[1] is not None else None


def elementwise(function: Callable[[Any, Any], Any]) -> Arithmetic:
    """A function of two numbers, over all inputs from left to right."""

    def handler(arrays: list[Any], attributes: dict[str, Any]) -> Any:
        each = np.frompyfunc(lambda a, b: function(number(a), number(b)), 2, 1)
        return functools.reduce(each, arrays)

    return handler


def quotient(function: Callable[[Any, Any], Any]) -> Arithmetic:
    """A division of sizes that cannot be negative: below zero, ONNX rounds towards zero and dims
    round down. A divisor of zero is not folded."""
    whole = elementwise(function)

    def handler(arrays: list[Any], attributes: dict[str, Any]) -> Any:
        left, right = ([number(v) for v in a.ravel().tolist()] for a in arrays)
        if not all(map(dims.never_negative, left + right)) or 0 in right:
            return None
        return whole(arrays, attributes)

    return handler
