"""What operators want of the inputs that are no mere data: the entries of `Facts.reads`, given beside their lowerings.

An entry says what the elements of an input may be, given the node and its inputs' shapes at run time. It may ask for a shape
that is not known (`Unknown`): then the elements are as small as they can be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import onnx

from onnx2rust.registry.rules import MOST, Axes, Mask, Only, Rule, Shape, Usual, Within


class Unknown(Exception):
    """The shape that a rule asks for is not known before the model runs."""


@dataclass(frozen=True)
class Use:
    """An input of the model as a node reads it."""

    node: onnx.NodeProto
    shape_of: Callable[[str], Shape | None]
    values_of: Callable[[str], Any]
    dtype: str
    """The element type of the model's input, as numpy calls it."""

    def shape(self, index: int) -> Shape:
        """The shape of an input of the node."""
        name = self.node.input[index] if index < len(self.node.input) else ""
        found = self.shape_of(name) if name else None
        if found is None:
            raise Unknown(name)
        return found

    def axis(self, default: int = 0) -> int:
        """The size of the first input's axis that the attribute `axis` names."""
        shape, axis = self.shape(0), self.attribute("axis", default)
        if not -len(shape) <= axis < len(shape):
            raise Unknown("axis")
        return shape[axis]

    def attribute(self, name: str, default: int) -> int:
        """An integer attribute."""
        return next((a.i for a in self.node.attribute if a.name == name), default)


Entry = Callable[[Use], Rule | None]


def always(rule: Rule) -> Entry:
    """The rule, whatever the shapes."""
    return lambda use: rule


def ids_of_axis(use: Use) -> Rule:
    """Places on the axis that the attribute `axis` names."""
    return Within(0, use.axis() - 1)


def ids_of_axes(use: Use) -> Rule:
    """Tuples of places on the first axes behind `batch_dims`."""
    first = use.attribute("batch_dims", 0)
    sizes = use.shape(0)[first:]
    return Within(0, tuple(s - 1 for s in sizes[: use.shape(1)[-1]]))


def one_axis(use: Use) -> Rule:
    """An axis of the first input, counted from either end."""
    rank = len(use.shape(0))
    return Within(-rank, rank - 1)


def axes(use: Use) -> Rule:
    """Different axes of the first input."""
    rank = len(use.shape(0))
    return Axes(tuple(range(rank)), rank)


def unit_axes(use: Use) -> Rule:
    """Different axes of the first input that have one place."""
    shape = use.shape(0)
    return Axes(tuple(k for k, size in enumerate(shape) if size == 1) or (0,), len(shape))


def new_axes(use: Use) -> Rule:
    """Different axes of the output, which has as many more than the first input."""
    rank = len(use.shape(0)) + math.prod(use.shape(1))
    return Axes(tuple(range(rank)), rank)


def pads(use: Use) -> Rule:
    """Few places; with `reflect` fewer than the image has."""
    mode = next((a.s for a in use.node.attribute if a.name == "mode"), b"constant")
    return Within(0, 2 if mode in (b"constant", b"edge", b"wrap") else max(0, min(2, min(use.shape(0), default=0) - 1)))


def classes(use: Use) -> Rule:
    """Classes of OneHot."""
    depth = use.values_of(use.node.input[1])
    return Within(0, MOST - 1 if depth is None else max(0, int(depth.reshape(-1)[0]) - 1))


def of_integers(rule: Rule) -> Entry:
    """The rule for integers; floats are as they come."""
    return lambda use: None if use.dtype.startswith("float") else rule


def _zero_point(use: Use) -> Rule:
    return Only(0) if use.dtype == "int32" else Usual(0)


SIZE = always(Within(1, MOST - 1))
POSITIVE = always(Usual(0.1))
MASK = always(Mask())
SCALE: dict[int, Entry] = {1: POSITIVE, 2: _zero_point}
"""Of a quantisation: a scale, and a zero point."""
