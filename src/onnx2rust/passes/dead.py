"""Removes steps whose results nobody uses, and of steps that stay the optional outputs that nobody uses.

A layer has no effect but its outputs and the symbols it defines, so a step whose outputs are all unused and whose
symbols appear in no remaining type or size can go. Works backwards, so that whole chains go at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from onnx2rust.ir.program import Program, Step, Value


def run(program: Program) -> Program:
    """The program without dead steps."""
    steps = _live(program.steps, set(program.outputs), _symbols_of(program.outputs))
    return program if steps == program.steps else replace(program, steps=steps)


def _live(steps: tuple[Step, ...], used: set[Value], sizes: set[str]) -> tuple[Step, ...]:
    kept: list[Step] = []
    for step in reversed(steps):
        if not any(v in used for v in step.results()) and not sizes & set(step.defines):
            continue
        optional = step.layer.optional_outputs()
        if optional and any(v is not None and v not in used for v in step.outputs):
            outputs = tuple(v if v in used or k not in optional else None for k, v in enumerate(step.outputs))
            step = replace(step, outputs=outputs)
        bodies = []
        for body in step.bodies:
            inside = set(body.outputs)
            inner_sizes = set(sizes) | _symbols_of(body.outputs)
            bodies.append(replace(body, steps=_live(body.steps, inside, inner_sizes)))
            sizes |= inner_sizes
        if step.bodies:
            step = replace(step, bodies=tuple(bodies))
        used.update(step.uses())
        sizes |= step.symbols()
        kept.append(step)
    return tuple(reversed(kept))


def _symbols_of(values: Iterable[Value]) -> set[str]:
    return {name for value in values for name in value.symbols}
