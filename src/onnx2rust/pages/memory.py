"""The planner's buffers over time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from onnx2rust.ir.dims import Dim
from onnx2rust.ir.program import Step
from onnx2rust.plan.planner import Plan


def buffers(plan: Plan, size: Callable[[Dim], int], number: Callable[[Step], int | None]) -> dict[str, Any]:
    """The slots with their bytes, where sizes are what `size` says; what lies in them from which step to which; and how many
    bytes are in use at each step. `number` is the page's number of a step's layer."""
    maker = {value: step for step in plan.order for value in step.results()}
    changes = [0] * (len(plan.order) + 1)
    lives = []
    ends: dict[int, list[int]] = {}
    for value, (start, end) in sorted(plan.lives.items(), key=lambda item: item[1]):
        slot = plan.slot_of[value]
        count = max(0, value.type.bytes(size))
        over = _in_place(ends.setdefault(slot, []), start, end)
        own: dict[str, Any] = {"slot": slot, "from": start, "to": end, "bytes": count, "over": over}
        lives.append(own | {"name": value.name, "of": number(maker[value])})
        # where it is written over another one, both are the same bytes
        changes[start + over] += count
        changes[end + 1] -= count
    place = {step: k for k, step in enumerate(plan.order)}
    steps = plan.program.steps
    turns = [{"from": place[steps[s.start]], "to": place[steps[s.end - 1]], "samples": s.samples} for s in plan.segments]
    return {
        "slots": [{"name": n, "type": t.buffer, "bytes": plan.bytes(k, size)} for k, (n, t) in enumerate(_named(plan))],
        "lives": lives,
        "alive": list(itertools.accumulate(changes[:-1])),
        "steps": [number(step) for step in plan.order],
        "scratch": any(step.layer.scratch for step in plan.order),
        "turns": turns,
    }


def _named(plan: Plan) -> list[tuple[str, Any]]:
    return list(zip(plan.names, plan.slots, strict=True))


def _in_place(ends: list[int], start: int, end: int) -> bool:
    """Whether the value begins where another one of its slot ends: it is written over that one."""
    shared = bool(ends) and ends[-1] == start
    ends.append(end)
    return shared
