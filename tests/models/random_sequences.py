"""What random graphs are made of: sequences of tensors, of which only what is read from them stays."""

from __future__ import annotations

from typing import Any

from onnx import NodeProto, helper
from random_draft import Draft, Tensor
from random_kinds import has, kind


def _split(d: Draft, x: Tensor, nodes: list[NodeProto], read: list[Tensor]) -> tuple[str, int, int | None]:
    """Pieces of x, their number of axes, and the only axis along which they may be joined, if there is one: elsewhere a piece
    without elements adds room that onnxruntime leaves as it was."""
    axis = d.rng.randrange(x.rank)
    how = d.rng.choice(["one", "each", "flat", "parts"])
    size = x.shape[axis]
    name, inputs, only = d.fresh(), [x.name], None
    if how == "parts" and size is not None:
        first = d.rng.randint(0, size)
        only = axis if first in (0, size) else None
        sizes: Tensor | None = d.ints(first, size - first)
    else:
        sizes = d.known(d.rng.randint(1, 3), "int64") if how == "each" else None
    if sizes is not None:
        read.append(sizes)
        inputs.append(sizes.name)
    keepdims = int(how != "flat")
    nodes.append(helper.make_node("SplitToSequence", inputs, [name], axis=axis - x.rank * d.chance(0.3), keepdims=keepdims))
    return name, x.rank - (keepdims == 0), only


def _construct(d: Draft, x: Tensor, nodes: list[NodeProto], read: list[Tensor]) -> tuple[str, int, None]:
    """x some times, or with another one of its type."""
    other = d.pick(lambda t: t.dtype == x.dtype and t.rank == x.rank and t.size)
    read.append(other)
    name, start = d.fresh(), d.fresh()
    if d.chance(0.3):
        code = helper.np_dtype_to_tensor_dtype(x.dtype)
        nodes.append(helper.make_node("SequenceEmpty", [], [start], dtype=code))
        nodes.append(helper.make_node("SequenceInsert", [start, x.name], [name]))
        return name, x.rank, None
    nodes.append(helper.make_node("SequenceConstruct", [x.name, other.name, x.name], [name]))
    return name, x.rank, None


@kind(since=11, weight=0.8)
def sequences(d: Draft) -> Any:
    """A sequence is made, perhaps changed, and read."""
    x = d.pick(has(1), lambda t: t.dtype.name in ("float32", "int64", "int32") and t.size)
    nodes: list[NodeProto] = []
    read = [x]
    name, rank, only = (_split if d.chance(0.5) else _construct)(d, x, nodes, read)
    if d.chance(0.4) and rank == x.rank:
        position = d.known(d.rng.choice([0, -1]), "int64")
        read.append(position)
        inputs = [name, x.name, *([position.name] if d.chance(0.7) else [])]
        name = d.fresh()
        nodes.append(helper.make_node("SequenceInsert", inputs, [name]))
        if d.chance(0.5):
            inputs, name = [name, position.name], d.fresh()
            nodes.append(helper.make_node("SequenceErase", inputs, [name]))
    how = d.rng.choice(["at", "length", "join", "join", "stack" if only is None else "join"])
    result = d.fresh()
    if how == "at":
        position = d.known(d.rng.choice([0, -1]), "int64")
        read.append(position)
        nodes.append(helper.make_node("SequenceAt", [name, position.name], [result]))
    elif how == "length":
        nodes.append(helper.make_node("SequenceLength", [name], [result]))
    elif how == "join" and rank:
        axis = d.rng.randrange(-rank, rank) if only is None else only
        nodes.append(helper.make_node("ConcatFromSequence", [name], [result], axis=axis))
    else:
        axis = d.rng.randrange(-rank - 1, rank + 1)
        nodes.append(helper.make_node("ConcatFromSequence", [name], [result], axis=axis, new_axis=1))
    return d.chain(nodes, read)[0]


@kind(since=15, weight=0.2)
def optional(d: Draft) -> Any:
    """An optional tensor is asked whether it is there, or what it is."""
    x = d.pick(lambda t: t.dtype.name in ("float32", "int64") and t.size)
    name, result = d.fresh(), d.fresh()
    op = d.rng.choice(["OptionalHasElement", "OptionalGetElement", "OptionalGetElement"])
    return d.chain([helper.make_node("Optional", [x.name], [name]), helper.make_node(op, [name], [result])], [x])[0]
