"""What rewriting passes share: who uses a value, and walking into bodies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from onnx2rust.program import Program, Step, Value


class Uses:
    """How often each value is read, by steps and as an output, bodies included."""

    def __init__(self, program: Program) -> None:
        self._count: Counter[Value] = Counter()
        self._add(program)

    def _add(self, program: Program) -> None:
        self._count.update(program.outputs)
        for step in program.steps:
            self._count.update(v for v in step.inputs if v is not None)
            for body in step.bodies:
                self._add(body)

    def once(self, value: Value) -> bool:
        """Whether there is exactly one reader."""
        return self._count[value] == 1


def rewrite(program: Program, steps: Callable[[tuple[Step, ...], Uses], tuple[Step, ...]]) -> Program:
    """The program with `steps` applied to its list of steps and to those of all bodies."""
    uses = Uses(program)

    def walk(part: Program) -> Program:
        inner = tuple(replace(s, bodies=tuple(walk(b) for b in s.bodies)) if s.bodies else s for s in part.steps)
        return replace(part, steps=steps(inner, uses))

    return walk(program)
