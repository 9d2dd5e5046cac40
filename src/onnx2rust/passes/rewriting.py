"""What passes share: who makes and who reads a value, and rewriting by a rule.

A rule looks at one step and says what stands in its place, a `Rewrite`; None if the step is nothing to it; or it ends with a
`Decline`, which says why a step that looks like its pattern stays. The new step produces the same values as the old one, so that
readers need not change, and stands where the old one stood, so that everything it reads exists. Rules see the steps of one
program or one body at a time: nothing is moved into a loop or out of it.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from onnx2rust.base.naming import comment
from onnx2rust.ir import views
from onnx2rust.ir.layer import Layer
from onnx2rust.ir.program import Program, Step, Value

_LONGEST = 400
"""Characters of a reason that a user sees at most."""


class Decline(Exception):
    """Ends a rule: its pattern is there, but is not what the layer computes, or cannot be shown to be. Where parts of one pattern
    look like it too, `about`, a value that they share, lets only the first of them be heard."""

    def __init__(self, reason: str, about: Value | None = None) -> None:
        self.about = about
        super().__init__(reason)


@dataclass(frozen=True)
class Declined:
    """What a pass returns of it: the node that the step comes from, the reason (one plain sentence), and which pass it was."""

    node: str
    reason: str
    by: str = ""

    def __str__(self) -> str:
        return f"{self.by}: {comment(self.node)}: {comment(self.reason, _LONGEST)}"


@dataclass(frozen=True)
class Rewrite:
    """`step` instead of the one that was looked at, behind the steps `before`, which it needs; `absorbed` are no longer needed,
    and steps that come `later` are replaced too."""

    step: Step
    absorbed: tuple[Step, ...] = ()
    before: tuple[Step, ...] = ()
    later: Mapping[Step, tuple[Step, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Passed:
    """What a pass returns: the program after it, the steps that it rewrote, as they were, and what it left alone."""

    program: Program
    rewritten: tuple[Step, ...] = ()
    declined: tuple[Declined, ...] = ()


Pass = Callable[[Program], Passed]


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


Rule = Callable[["Links", Step], Rewrite | None]
"""May end with a `Decline`."""


class Links:
    """Who makes and who reads each value of one program or body, as it is now."""

    def __init__(self, program: Program, reads: Counter[Value]) -> None:
        self.program = program
        self.reads = reads
        self.maker: dict[Value, Step] = {}
        self._sources: dict[Value, Value] = {}
        self.add(*program.steps)

    @functools.cached_property
    def place(self) -> dict[Value, int]:
        """Where each value stood in the order of the steps at first."""
        return {v: k for k, v in enumerate(v for step in self.program.steps for v in step.results())}

    def add(self, *steps: Step) -> None:
        """Steps that make values."""
        self.maker.update((v, step) for step in steps for v in step.results())
        self._sources |= views.sources(steps)

    def replace(self, gone: Sequence[Step], new: Sequence[Step]) -> None:
        """Steps that are there no longer, and those that are there instead."""
        for value in (v for step in gone for v in step.results()):
            self.maker.pop(value, None)
            self._sources.pop(value, None)
        self.reads.subtract(v for step in gone for v in step.inputs if v is not None)
        self.reads.update(v for step in new for v in step.inputs if v is not None)
        self.add(*new)

    def root(self, value: Value) -> Value:
        """The value, seen through views."""
        return views.root(value, self._sources)

    def source(self, value: Value | None) -> Step | None:
        """The step that computes the value, seen through views."""
        return None if value is None else self.maker.get(self.root(value))

    def only_source(self, value: Value | None) -> Source | None:
        """The step that computes the value (seen through views) if it has this one output and nobody else reads it."""
        chain = [] if value is None else views.chain(value, self._sources)
        step = self.maker.get(chain[-1]) if chain else None
        if step is None or [*step.results()] != chain[-1:] or step.bodies or step.defines:
            return None
        if any(self.reads[v] != 1 for v in chain):
            return None
        return Source(step, tuple(self.maker[v] for v in chain[:-1]))


def by_rule(rule: Rule, *, backwards: bool = False) -> Pass:
    """The pass that applies the rule to every step, in order or from the last to the first (then the largest of nested patterns
    is found); what it makes is looked at again, until nothing changes."""

    def run(program: Program) -> Passed:
        reads = Counter(v for step in program.walk() for v in step.inputs if v is not None)
        reads.update(program.outputs)
        reads.update(v for step in program.walk() for body in step.bodies for v in body.outputs)
        rewriting = _Rewriting(rule, backwards, reads)
        program = rewriting.of(program)
        return Passed(program, tuple(rewriting.rewritten), tuple(rewriting.declined))

    return run


@dataclass
class _Rewriting:
    """One run of a rule over a program and its bodies."""

    rule: Rule
    backwards: bool
    reads: Counter[Value]
    rewritten: list[Step] = field(default_factory=list)
    declined: dict[Declined, None] = field(default_factory=dict)
    heard_about: set[Value] = field(default_factory=set)

    def of(self, program: Program) -> Program:
        """The program after the rule."""
        links, done = Links(program, self.reads), len(self.rewritten)
        kept: dict[Step, None] = {}
        instead: dict[Step, tuple[Step, ...]] = {}
        for old in reversed(program.steps) if self.backwards else program.steps:
            if old in instead:
                kept.update(dict.fromkeys(instead[old]))
                continue
            step, needed = old, list[Step]()
            if step.bodies:
                step = replace(step, bodies=tuple(map(self.of, step.bodies)))
                links.add(step)
            while (change := self._change(links, step)) is not None:
                self.rewritten.append(step)
                instead |= {**dict.fromkeys(change.absorbed, ()), **change.later}
                gone = (step, *change.absorbed, *change.later)
                step = change.step
                needed += change.before
                new = (step, *change.before, *itertools.chain(*change.later.values()))
                for each in gone:
                    kept.pop(each, None)
                links.replace(gone, new)
            kept.update(dict.fromkeys((step, *reversed(needed)) if self.backwards else (*needed, step)))
        changed = len(self.rewritten) > done
        return replace(program, steps=tuple(reversed(kept) if self.backwards else kept)) if changed else program

    def _change(self, links: Links, step: Step) -> Rewrite | None:
        try:
            return self.rule(links, step)
        except Decline as why:
            if why.about not in self.heard_about:
                self.declined.setdefault(Declined(str(step.origin), str(why)))
            if why.about is not None:
                self.heard_about.add(why.about)
            return None
