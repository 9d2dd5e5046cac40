"""Leaves out initial states of zeros, with which LSTM, GRU and RNN begin by themselves.

    layer(x, initial_h = 0, initial_c = 0)   →   layer(x)

where a state is zeros that are moved, repeated or put together only, and has the state's size: an absent state is zeros.

Refused: zeros whose number may differ from the state's.
"""

from __future__ import annotations

from dataclasses import replace

from onnx2rust.ir.layer import Copy, View
from onnx2rust.ir.program import Step, Value
from onnx2rust.layers.movement import Concat, Expand, Slice, Tile, Transpose
from onnx2rust.passes.recurrent import Recurrent, directions, places, state_size
from onnx2rust.passes.rewriting import Decline, Links, Rewrite

_MOVES = (View, Copy, Expand, Tile, Transpose, Slice, Concat)


def rule(links: Links, step: Step) -> Rewrite | None:
    """The recurrent layer without the states that are zeros."""
    layer = step.layer
    if not isinstance(layer, Recurrent):
        return None
    size = directions(layer) * state_size(layer)
    inputs = list(step.inputs)
    for k in (k for name, k in places(layer).items() if name.startswith("initial_")):
        value = inputs[k]
        if value is None or not _is_zero(links, value):
            continue
        if value.tensor.size != size:
            raise Decline(f"an initial state is zeros of {value.type}, which may be more or fewer than the {size} of a state")
        inputs[k] = None
    return None if inputs == list(step.inputs) else Rewrite(replace(step, inputs=tuple(inputs)))


def _is_zero(links: Links, value: Value) -> bool:
    """Whether the value is made of nothing but zeros."""
    queue, seen = [value], {value}
    for near in queue:
        if near.array is None:
            maker = links.maker.get(near)
            if maker is None or not isinstance(maker.layer, _MOVES):
                return False
            new = [v for v in maker.uses() if v not in seen]
            queue += new
            seen.update(new)
        elif near.array.any():
            return False
    return True
