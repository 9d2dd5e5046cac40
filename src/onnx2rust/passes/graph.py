"""What rewriting passes share: who makes and who reads a value, and replacing a step together with those it absorbs.

A rule looks at one step and says what stands in its place: `Rewrite(new step, absorbed steps)`. The new step produces the same
values as the old one, so that readers need not change, and stands where the old one stood, so that everything it reads exists.
Rules see the steps of one program or one body at a time: nothing is moved into a loop or out of it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from onnx2rust.ir.layer import Layer, View
from onnx2rust.ir.program import Program, Step, Value


@dataclass(frozen=True)
class Rewrite:
    """`step` instead of the one that was looked at, behind the steps `before`, which it needs;
    `absorbed` are no longer needed."""

    step: Step
    absorbed: tuple[Step, ...]
    before: tuple[Step, ...] = ()


def fused(step: Step, layer: Layer, *others: Step, kind: str = "") -> Step:
    """The step with a layer that stands for what several nodes did (`others` among them): it comes from the scope that they have
    in common, and is called after what it is, for the last of the nodes says nothing of that (`attention/output/Reshape_3`)."""
    kind = kind or type(layer).__name__
    scopes = [s.origin.node.split("/")[:-1] for s in (step, *others)]
    scope = list(itertools.takewhile(lambda names: len(set(names)) == 1, zip(*scopes, strict=False)))
    node = "/".join([*(names[0] for names in scope), kind])
    return replace(step, layer=layer, origin=replace(step.origin, node=node, op=kind))


@dataclass(frozen=True)
class Source:
    """The step that computes a value, and the views between them."""

    step: Step
    views: tuple[Step, ...]

    @property
    def all(self) -> tuple[Step, ...]:
        """The step and the views."""
        return (self.step, *self.views)


Rule = Callable[["Graph", Step], Rewrite | None]


class Graph:
    """The steps of one program or body, as they are now."""

    def __init__(self, program: Program, reads: Counter[Value]) -> None:
        self.maker = {v: step for step in program.steps for v in step.results()}
        self.reads = reads

    def source(self, value: Value | None) -> Step | None:
        """The step that computes the value, seen through views."""
        while value is not None and value in self.maker:
            step = self.maker[value]
            if not isinstance(step.layer, View):
                return step
            value = step.inputs[0]
        return None

    def only_source(self, value: Value | None) -> Source | None:
        """The step that computes the value (seen through views) if it has this one output and nobody else reads it."""
        views: list[Step] = []
        while value is not None and self.reads[value] == 1 and value in self.maker:
            step = self.maker[value]
            if not isinstance(step.layer, View):
                alone = [v for v in step.outputs if v is not None] == [value] and not step.bodies and not step.defines
                return Source(step, tuple(views)) if alone else None
            views.append(step)
            value = step.inputs[0]
        return None


def rewrite(program: Program, rule: Rule, *, backwards: bool = False) -> Program:
    """Applies the rule to every step, in order or from the last to the first (then the largest of nested patterns is found); what
    it makes is looked at again, until nothing changes."""
    reads = Counter(v for step in program.walk() for v in step.inputs if v is not None)
    reads.update(program.outputs)
    reads.update(v for step in program.walk() for body in step.bodies for v in body.outputs)
    return _rewrite(program, rule, reads, backwards)


def _rewrite(program: Program, rule: Rule, reads: Counter[Value], backwards: bool) -> Program:
    graph = Graph(program, reads)
    kept: dict[Step, None] = {}
    absorbed: set[Step] = set()
    changed = False
    for step in reversed(program.steps) if backwards else program.steps:
        if step in absorbed:
            continue
        if step.bodies:
            bodies = tuple(_rewrite(b, rule, reads, backwards) for b in step.bodies)
            changed |= bodies != step.bodies
            step = replace(step, bodies=bodies)
            graph.maker.update(dict.fromkeys(step.results(), step))
        needed: list[Step] = []
        while (change := rule(graph, step)) is not None:
            changed = True
            absorbed.update(change.absorbed)
            for gone in (step, *change.absorbed):
                reads.subtract(v for v in gone.inputs if v is not None)
                kept.pop(gone, None)
                for value in gone.results():
                    graph.maker.pop(value, None)
            step = change.step
            needed += change.before
            for new in (step, *change.before):
                reads.update(v for v in new.inputs if v is not None)
                graph.maker.update(dict.fromkeys(new.results(), new))
        kept.update(dict.fromkeys((step, *reversed(needed)) if backwards else (*needed, step)))
    return replace(program, steps=tuple(reversed(kept) if backwards else kept)) if changed else program
