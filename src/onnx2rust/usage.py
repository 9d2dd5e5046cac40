"""What a model does with its inputs, so that random ones make sense: ids stay within their table, masks are 0 or 1, lengths are
positive.

Each input is followed through operators that keep its values (casts, reshapes…) to the operators that give them a meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from onnx2rust.dims import evaluate
from onnx2rust.dtypes import DType
from onnx2rust.frontends.graph import all_graphs
from onnx2rust.program import Program, Value

Array = np.ndarray[Any, Any]
_KEEPS = frozenset(
    [
        "Cast",
        "Identity",
        "Reshape",
        "Unsqueeze",
        "Squeeze",
        "Flatten",
        "Transpose",
        "Add",
        "Where",
        "Clip",
        "Max",
        "Min",
        "Slice",
        "Concat",
        "Expand",
        "Tile",
        "Split",
    ]
)
_KEEPS_IDS = _KEEPS | {"Mul"}
"""`Mul` selects integers: TensorFlow's `where` on ids is a sum of products with 0 or 1."""
_SELECTS = frozenset(["Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND", "Scatter"])
_AS_SIZES = {"Reshape": (1,), "Expand": (1,), "Tile": (1,), "Range": (0, 1), "Slice": (1, 2), "TopK": (1,)} | {
    "ConstantOfShape": (0,), "Resize": (3,), "Loop": (0,), "Split": (1,), "OneHot": (1,), "Trilu": (1,)
}  # fmt: skip
_AS_LENGTHS = {"LSTM": 4, "GRU": 4, "RNN": 4, "ReverseSequence": 1}
_AS_MASK = frozenset(["Not", "And", "Or", "Xor", "If"])
_POSITIVE = frozenset(["Log", "Sqrt"])
UNKNOWN_IDS = 8
"""Ids below this are drawn where nothing says how many there are."""
FEW = 4
"""Sizes below this are drawn for an input that is used as a size."""


@dataclass
class Usage:
    """How an input's values are used."""

    ids: int | None = None
    """One more than the largest id."""
    mask: bool = False
    size: bool = False
    length: bool = False
    positive: bool = False


def of_inputs(proto: onnx.ModelProto, program: Program) -> dict[str, Usage]:
    """The usage of every input of the program."""
    shapes = {t.name: tuple(t.dims) for t in proto.graph.initializer}
    nodes = [node for graph in all_graphs(proto.graph) for node in graph.node]
    casts = {o for n in nodes if n.op_type == "Cast" and _attribute(n, "to") == onnx.TensorProto.BOOL for o in n.output}
    found = {}
    for value in program.inputs:
        usage = found[value.name] = Usage()
        usage.mask = "mask" in value.name.lower()
        usage.length = "length" in value.name.lower() and value.dtype.is_int
        keeps = _KEEPS_IDS if value.dtype.is_int else _KEEPS
        for node, index, name in _uses(nodes, value.name, keeps):
            _note(usage, node, index, shapes)
            usage.mask |= name in casts
    return found


def _uses(nodes: list[onnx.NodeProto], start: str, keeps: frozenset[str]) -> Iterator[tuple[onnx.NodeProto, int, str]]:
    """Every (node, input index, name) that reads the value `start` or one with the same elements."""
    reached = {start}
    for node in nodes:
        for index, name in enumerate(node.input):
            if name in reached:
                yield node, index, name
                if node.op_type in keeps and index not in _AS_SIZES.get(node.op_type, ()):
                    reached.update(node.output)
                    yield from ((node, -1, output) for output in node.output)


def _note(usage: Usage, node: onnx.NodeProto, index: int, shapes: dict[str, tuple[int, ...]]) -> None:
    if node.op_type in _SELECTS and index == 1:
        shape = shapes.get(node.input[0])
        axis = _attribute(node, "axis") or 0
        if shape is None:
            size = 1
        elif node.op_type in ("GatherND", "ScatterND"):
            size = min(shape, default=1)
        else:
            size = shape[axis] if -len(shape) <= axis < len(shape) else 1
        usage.ids = size if usage.ids is None else min(usage.ids, size)
    elif node.op_type == "Where" and index == 0:
        usage.mask = True
    usage.mask |= node.op_type in _AS_MASK
    usage.size |= index in _AS_SIZES.get(node.op_type, ())
    usage.length |= _AS_LENGTHS.get(node.op_type) == index
    usage.positive |= node.op_type in _POSITIVE


def _attribute(node: onnx.NodeProto, name: str) -> int | None:
    return next((a.i for a in node.attribute if a.name == name), None)


def draw_all(program: Program, uses: dict[str, Usage], sizes: dict[str, int], rng: np.random.Generator) -> dict[str, Array]:
    """Random content for all inputs, at the given sizes."""
    axes = [evaluate(d, sizes) for v in program.inputs if v.rank > 1 for d in v.shape[:2]]
    # a length counts along one of the first two axes of another input
    shortest = max(1, min(axes, default=1))
    return {v.name: np.asarray(draw(v, uses[v.name], sizes, shortest, rng)) for v in program.inputs}


def draw(value: Value, usage: Usage, sizes: dict[str, int], shortest: int, rng: np.random.Generator) -> Array:
    """Random content for an input; lengths are at most `shortest`."""
    shape = tuple(evaluate(d, sizes) for d in value.shape)
    if value.dtype is DType.BOOL or usage.mask:
        # at least something is not masked, or a softmax has nothing to choose from
        mask = rng.integers(0, 2, shape)
        if mask.ndim:
            mask[..., :1] = 1
        return mask.astype(value.dtype.numpy)
    if value.dtype.is_float:
        drawn = np.asarray(rng.standard_normal(shape))
        return (np.abs(drawn) + 0.1 if usage.positive else drawn).astype(value.dtype.numpy)
    if usage.ids is not None:
        return rng.integers(0, max(1, usage.ids), shape).astype(value.dtype.numpy)
    if usage.length:
        return rng.integers(1, shortest + 1, shape).astype(value.dtype.numpy)
    if usage.size:
        return rng.integers(1, FEW, shape).astype(value.dtype.numpy)
    if value.dtype.bytes == 1:
        low = 0 if value.dtype is DType.U8 else -128
        return rng.integers(low, low + 256, shape).astype(value.dtype.numpy)
    return rng.integers(0, UNKNOWN_IDS, shape).astype(value.dtype.numpy)
