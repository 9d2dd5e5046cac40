"""What each operator wants of the inputs that are no mere data: one table, operator by operator.

An entry says what the elements of an input may be, given the node and the shapes that the run has there. It may ask for a shape that
nobody knows (`Unknown`): then the elements are as small as they can be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import onnx

from onnx2rust.usage.rules import MOST, Axes, Factors, Mask, Only, Parts, Resized, Rule, Shape, Usual, Wider, Within


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


def _always(rule: Rule) -> Entry:
    return lambda use: rule


def _ids_of_axis(use: Use) -> Rule:
    return Within(0, use.axis() - 1)


def _ids_of_axes(use: Use) -> Rule:
    first = use.attribute("batch_dims", 0)
    sizes = use.shape(0)[first:]
    return Within(0, tuple(s - 1 for s in sizes[: use.shape(1)[-1]]))


def _one_axis(use: Use) -> Rule:
    rank = len(use.shape(0))
    return Within(-rank, rank - 1)


def _axes(use: Use) -> Rule:
    rank = len(use.shape(0))
    return Axes(tuple(range(rank)), rank)


def _unit_axes(use: Use) -> Rule:
    shape = use.shape(0)
    return Axes(tuple(k for k, size in enumerate(shape) if size == 1) or (0,), len(shape))


def _new_axes(use: Use) -> Rule:
    rank = len(use.shape(0)) + math.prod(use.shape(1))
    return Axes(tuple(range(rank)), rank)


def _pads(use: Use) -> Rule:
    mode = next((a.s for a in use.node.attribute if a.name == "mode"), b"constant")
    return Within(0, 2 if mode in (b"constant", b"edge", b"wrap") else max(0, min(2, min(use.shape(0), default=0) - 1)))


def _depth(use: Use) -> Rule:
    depth = use.values_of(use.node.input[1])
    return Within(0, MOST - 1 if depth is None else max(0, int(depth.reshape(-1)[0]) - 1))


def _of_integers(rule: Rule) -> Entry:
    return lambda use: None if use.dtype.startswith("float") else rule


def _zero_point(use: Use) -> Rule:
    return Only(0) if use.dtype == "int32" else Usual(0)


_SIZE = _always(Within(1, MOST - 1))
_POSITIVE = _always(Usual(0.1))
_MASK = _always(Mask())
_SCALE: dict[int, Entry] = {1: _POSITIVE, 2: _zero_point}
_PRODUCT = dict.fromkeys((1, 4, 6), _POSITIVE)
_LENGTHS: dict[int, Entry] = {4: lambda use: Within(1, use.shape(0)[1 if use.attribute("layout", 0) else 0])}

FACTS: dict[str, dict[int, Entry]] = {
    "Attention": {6: lambda use: Within(1, use.shape(1)[-2])},
    "BatchNormalization": {4: _POSITIVE},
    "BitShift": {1: _always(Within(0, 7))},
    "CenterCropPad": {1: _SIZE},
    "Clip": {1: _always(Within(0, 1)), 2: _always(Within(2, 5))},
    "Compress": {1: _MASK},
    "ConstantOfShape": {0: _SIZE},
    "CumProd": {1: _one_axis},
    "CumSum": {1: _one_axis},
    "DequantizeLinear": _SCALE,
    "Div": {1: _of_integers(Usual(1))},
    "Dropout": {1: _always(Only(0)), 2: _always(Only(0))},
    "Expand": {1: lambda use: Wider(use.shape(0))},
    "GRU": _LENGTHS,
    "Gather": {1: _ids_of_axis},
    "GatherElements": {1: _ids_of_axis},
    "GatherND": {1: _ids_of_axes},
    "LSTM": _LENGTHS,
    "Log": {0: _POSITIVE},
    "Loop": {0: _SIZE},
    "Mod": {1: _of_integers(Usual(1))},
    "NegativeLogLikelihoodLoss": {1: lambda use: Within(0, use.shape(0)[1] - 1)},
    "OneHot": {0: _depth, 1: _always(Within(MOST, 2 * MOST))},
    "Pad": {1: _pads, 3: _axes},
    "Pow": {1: _of_integers(Within(0, 3))},
    "QLinearConv": _PRODUCT,
    "QLinearMatMul": _PRODUCT,
    "QuantizeLinear": _SCALE,
    "RNN": _LENGTHS,
    "Range": {0: _always(Within(0, 2)), 1: _always(Within(4, 8)), 2: _always(Within(1, 2))},
    "Reshape": {1: lambda use: Factors(math.prod(use.shape(0)))},
    "Resize": {2: lambda use: Resized(use.shape(0)), 3: lambda use: Resized(use.shape(0))},
    "ReverseSequence": {1: lambda use: Within(1, use.shape(0)[use.attribute("time_axis", 0)])},
    "RotaryEmbedding": {3: lambda use: Within(0, use.shape(1)[0] - 1)},
    "Scatter": {1: _ids_of_axis},
    "ScatterElements": {1: _ids_of_axis},
    "ScatterND": {1: _ids_of_axes},
    "Slice": {1: _always(Within(0, 1)), 2: _always(Within(2, 8)), 3: _axes, 4: _always(Within(1, 2))},
    "SoftmaxCrossEntropyLoss": {1: lambda use: Within(0, use.shape(0)[1] - 1)},
    "Split": {1: lambda use: Parts(use.axis())},
    "Sqrt": {0: _POSITIVE},
    "Squeeze": {1: _unit_axes},
    "Tile": {1: _SIZE},
    "TopK": {1: lambda use: Within(1, use.axis(-1))},
    "Trilu": {1: _always(Within(-2, 2))},
    "Unsqueeze": {1: _new_axes},
    "Upsample": {1: lambda use: Resized(use.shape(0))},
    "Where": {0: _MASK},
}
"""By operator and position of the input."""
for _name in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"):
    FACTS[f"Reduce{_name}"] = {1: _axes}
for _name in ("And", "Or", "Xor", "Not", "If"):
    FACTS[_name] = {0: _MASK, 1: _MASK}
_AT_LEAST_ONE = frozenset(("Expand", "Reshape", "Resize", "Split", "TopK", "LSTM", "GRU", "RNN", "ReverseSequence", "Attention"))
"""Operators whose entries are sizes, which cannot be 0 where nothing is known; for others 0 is an axis or an id that there always is."""


def rule(use: Use, index: int) -> Rule | None:
    """What the elements of a node's input may be; None if anything."""
    entry = FACTS.get(use.node.op_type, {}).get(index)
    if entry is None:
        return None
    try:
        return entry(use)
    except (Unknown, IndexError):
        return Within(1, 1) if use.node.op_type in _AT_LEAST_ONE else Within(0, 0)
