"""Computes once what the model computes twice.

    a = layer(x); b = layer(x)   →   a = layer(x), and every reader of b reads a

for two steps of one list whose layers are equal (weights: the same content and packing), whose inputs are the same values or
equal constants, and whose outputs have the same types. Layers have no state and no side effect, so equal steps have equal
results. A body sees the steps in front of it, so what stands there already is not computed again inside.

Refused: steps with bodies, steps that define sizes (their symbols would need renaming), and outputs
of the program, each of which keeps its own buffer.
"""

from __future__ import annotations

from dataclasses import replace

from onnx2rust.base.arrays import digest
from onnx2rust.ir.layer import Weight
from onnx2rust.ir.program import Program, Step, Value
from onnx2rust.passes.rewriting import Passed

Seen = dict[object, Step]


def run(program: Program) -> Passed:
    """The program without repeated steps."""
    repeated: list[Step] = []
    after = _run(program, {}, {}, repeated)
    return Passed(after if repeated else program, tuple(repeated))


def _run(program: Program, seen: Seen, same: dict[Value, Value], repeated: list[Step]) -> Program:
    seen = dict(seen)
    fixed = set(program.outputs)
    steps = []
    for step in program.steps:
        inputs = tuple(None if v is None else same.get(v, v) for v in step.inputs)
        bodies = tuple(_run(b, seen, same, repeated) for b in step.bodies)
        if inputs != step.inputs or step.bodies:
            step = replace(step, inputs=inputs, bodies=bodies)
        if not step.bodies and not step.defines:
            key = _key(step)
            first = seen.get(key)
            if first is not None and not fixed & set(step.results()):
                same |= {b: a for a, b in zip(first.outputs, step.outputs, strict=True) if a is not None and b is not None}
                repeated.append(step)
                continue
            seen.setdefault(key, step)
        steps.append(step)
    # a branch may hand out a value of the program around it
    return replace(program, steps=tuple(steps), outputs=tuple(same.get(v, v) for v in program.outputs))


def _key(step: Step) -> object:
    fields = tuple((k, _content(v)) for k, v in step.layer.constants().items())
    outputs = tuple(None if v is None else v.type for v in step.outputs)
    return type(step.layer), fields, tuple(step.layer.sizes().items()), tuple(map(_content, step.inputs)), outputs


def _content(value: object) -> object:
    if isinstance(value, Weight):
        return digest(value.array), str(value.array.dtype), value.array.shape, value.packing
    if isinstance(value, Value) and value.array is not None:
        return digest(value.array), value.type
    return value
