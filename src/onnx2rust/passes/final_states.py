"""Takes the final state that LSTM, GRU and RNN hand out instead of the last step of their sequence.

    y = layer(x), y[steps − 1, d]            →   y_h = layer(x), y_h[d]       (y[0, d] where direction d runs backwards)

where all readers of y look at such parts of it. They are found by where their elements lie (layout.py): a part that is followed
through views, transpositions, slices and constant indices is an offset and axes over y, and must be all of one direction's last
step, in order. Y_h is that step by the definition of the operators, and the layer copies it from the same place. A sequence whose
length is known only at run time may be empty: then there is no last step, and a step that finds that out stays. It takes the
first of min(1, steps) states.

Refused: sequences of different lengths (beyond its own end a sequence's y is 0); a y that is an output of the model or of which
something else is read as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from onnx2rust.ir.dims import Dim, minimum, product, substitute, symbol, symbols
from onnx2rust.ir.dtypes import DType
from onnx2rust.ir.layer import View
from onnx2rust.ir.program import Program, Step, Value
from onnx2rust.ir.types import TensorType
from onnx2rust.layers.indexing import Gather
from onnx2rust.layers.movement import Slice, Transpose
from onnx2rust.passes.layout import Axes, exact, joined, split
from onnx2rust.passes.recurrent import Recurrent, directions, places, state_size
from onnx2rust.passes.rewriting import Decline, Links, Rewrite


@dataclass(frozen=True)
class _Part:
    """The elements of y at `offset` and `axes` behind it. Sizes are those of a sequence that has a last step."""

    offset: Dim
    axes: Axes


def rule(links: Links, step: Step) -> Rewrite | None:
    """The recurrent layer without its sequence, and the steps that take its final state."""
    layer = step.layer
    if not isinstance(layer, Recurrent) or layer.steps in (0, 1) or (y := step.outputs[0]) is None:
        return None
    found, others = _parts(links.program, y, layer)
    if not found:
        return None
    if others:
        raise Decline("the last step of its result is used, and something else of it too")
    if step.inputs[places(layer)["sequence_lens"]] is not None:
        raise Decline("the last step of its result is used, but sequences of other lengths end earlier")
    final = TensorType(DType.F32, (directions(layer), layer.batch, layer.hidden))
    state = step.outputs[1] or Value(f"{y.name}.last", final)
    readers = {links.maker[v]: tuple(_of_state(links.maker[v], v, state, found[v], layer)) for v in found}
    return Rewrite(replace(step, outputs=(None, state, *step.outputs[2:])), later=readers)


def _parts(program: Program, y: Value, layer: Recurrent) -> tuple[dict[Value, int], bool]:
    """The values that are the last step of a direction (and of which one), and whether y is read otherwise."""
    parts = {y: _Part(0, joined([(_assumed(y.tensor.size, layer), 1)]))}
    found: dict[Value, int] = {}
    others = y in program.outputs
    for step in program.steps:
        read = [v for v in step.uses() if v in parts]
        if not read:
            continue
        part = _through(step, parts[read[0]], layer)
        out = step.outputs[0] if step.outputs else None
        direction = None if part is None else _direction(part, layer)
        if part is not None and out is not None and direction is not None and out.tensor.size in _sizes(layer):
            parts[out], found[out] = part, direction
        elif all(v in found for v in read):
            continue
        elif part is None or out is None:
            others = True
        else:
            parts[out] = part
            others |= out in program.outputs
    return found, others


def _through(step: Step, part: _Part, layer: Recurrent) -> _Part | None:
    """The part of y that a step takes from a part; None if it does anything else."""
    taker, inputs = step.layer, step.inputs
    if isinstance(taker, View):
        return part
    if isinstance(taker, Transpose):
        groups = split(part.axes, [_assumed(d, layer) for d in taker.shape])
        return None if groups is None else _Part(part.offset, joined(axis for p in taker.perm for axis in groups[p]))
    cuts: Iterator[tuple[Dim, Dim, Dim, Dim]]
    if isinstance(taker, Slice):
        cuts = zip(taker.shape, taker.start, taker.size, taker.steps, strict=True)
    elif isinstance(taker, Gather) and inputs[1] is not None and inputs[1].array is not None and inputs[1].array.size == 1:
        at = int(inputs[1].array.ravel()[0])
        whole = [(n, 0, n, 1) for n in (taker.outer, taker.inner)]
        cuts = iter([whole[0], (taker.axis, at + (taker.axis if at < 0 else 0), 1, 1), whole[1]])
    else:
        return None
    return _cut(part, [tuple(_assumed(d, layer) for d in cut) for cut in cuts])


def _cut(part: _Part, cuts: list[tuple[Dim, ...]]) -> _Part | None:
    """Of each axis (size, start, count, step) so many elements from the start."""
    groups = split(part.axes, [size for size, *_ in cuts])
    if groups is None:
        return None
    offset, axes = part.offset, list[tuple[Dim, Dim]]()
    for (size, start, count, step), group in zip(cuts, groups, strict=True):
        if (start, count, step) == (0, size, 1):
            axes += group
            continue
        kept = _range(list(group), start, count, step)
        if kept is None:
            return None
        offset, axes = offset + kept.offset, [*axes, *kept.axes]
    return _Part(offset, joined(axes))


def _range(group: list[tuple[Dim, Dim]], start: Dim, count: Dim, step: Dim) -> _Part | None:
    """So many elements from the start, of an axis that lies as several: then whole elements of the outermost."""
    outer, inner = group[0][1] if group else 0, product(size for size, _ in group[1:])
    first, many = exact(start, inner), exact(count, inner)
    if not group or first is None or many is None or (inner != 1 and step != 1):
        return None
    return _Part(first * outer, ((many, outer * step), *group[1:]))


def _direction(part: _Part, layer: Recurrent) -> int | None:
    """The direction of which the part is all of the last step."""
    count = directions(layer)
    state = state_size(layer)
    if part.axes != joined([(state, 1)]):
        return None
    last = (_assumed(layer.steps, layer) - 1) * count * state
    backwards = [layer.directions.name == "Reverse"] if count == 1 else [False, True]
    return next((d for d, back in enumerate(backwards) if part.offset == d * state + (0 if back else last)), None)


def _sizes(layer: Recurrent) -> tuple[Dim, Dim]:
    """How many elements the last step has: a reader of a single step knows that it is there, one of
    a range takes what there is."""
    size = state_size(layer)
    return size, minimum(1, layer.steps) * size


def _assumed(dim: Dim, layer: Recurrent) -> Dim:
    """A size where the sequence has at least one step."""
    steps = layer.steps
    (name, *_) = sorted(symbols(steps)) or ("",)
    return substitute(dim, {name: symbol(name) + 1}) if name and steps == symbol(name) else dim


def _of_state(old: Step, out: Value, state: Value, direction: int, layer: Recurrent) -> list[Step]:
    """The steps that take one direction's final state instead of `old`."""
    (size, clipped), known = _sizes(layer), isinstance(layer.steps, int)
    taken: list[Step] = []
    if directions(layer) == 2:
        part = out if known else Value(f"{out.name}.state", state.tensor.with_shape(layer.batch, layer.hidden))
        cut = Slice((1, 1), (2, size), (direction, 0), (1, size))
        taken.append(Step(old.name if known else f"{old.name}.state", cut, (state,), (part,), old.origin))
        state = part
    elif known:
        taken.append(replace(old, layer=View(), inputs=(state,)))
    if not known:
        kept = minimum(1, layer.steps)
        assert out.tensor.size in (size, clipped)
        first = Value(f"{out.name}.first", TensorType(DType.I64, ()), np.array(0))
        whole = out.tensor.size == size
        pick = Gather(1, kept, size) if whole else Slice((1, 1), (1, size), (0, 0), (kept, size))
        taken.append(replace(old, layer=pick, inputs=(state, first) if whole else (state,)))
    return taken
