"""Takes out of loops what is the same in every iteration.

    while …: t = layer(a); …   →   t = layer(a); while …: …

for a step of Loop's body whose inputs all come from outside the body (or from steps already taken out), that defines no sizes and
whose sizes do not depend on any that the loop changes: it computes the same in every iteration, so once is enough. Views go
along.

Refused: steps that can fail (a loop that runs no iteration must not fail), that have bodies or
define sizes, and bodies of If, which may not run at all.
"""

from __future__ import annotations

from dataclasses import replace

from onnx2rust.ir.program import Program, Step, Value
from onnx2rust.layers.control import Loop
from onnx2rust.passes.rewriting import Passed


def run(program: Program) -> Passed:
    """The program with such steps in front of their loops."""
    moved: list[Step] = []
    after = _run(program, moved)
    return Passed(after if moved else program, tuple(moved))


def _run(program: Program, moved: list[Step]) -> Program:
    steps: list[Step] = []
    for step in program.steps:
        if step.bodies:
            step = replace(step, bodies=tuple(_run(b, moved) for b in step.bodies))
        if isinstance(step.layer, Loop):
            before, step = _hoisted(step)
            steps += before
            moved += before
        steps.append(step)
    return replace(program, steps=tuple(steps))


def _hoisted(loop: Step) -> tuple[list[Step], Step]:
    (body,) = loop.bodies
    inside: set[Value] = set(body.inputs)
    changing = set(loop.defines)
    before: list[Step] = []
    kept: list[Step] = []
    # what the loop hands on must be computed in its body: buffers are exchanged there
    handed_on = set(body.outputs)
    for step in body.steps:
        changing |= set(step.defines)
        moves = (
            not step.can_fail()
            and not step.bodies
            and not step.defines
            and not any(v in inside for v in step.uses())
            and not any(v in handed_on for v in step.results())
            and not step.symbols() & changing
        )
        if moves:
            before.append(step)
        else:
            kept.append(step)
            inside.update(step.results())
    return before, replace(loop, bodies=(replace(body, steps=tuple(kept)),))
