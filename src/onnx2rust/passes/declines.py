"""What passes found and left alone, with the reason.

A rule that has found its pattern, but cannot show that the layer computes the same, raises `Decline` with one plain sentence.
`Declines.heard_by` makes of it a rule that says nothing and keeps the sentence. Passes run until nothing changes, and only what
the last round says is true of the program that is left: `onnx2rust inspect --passes` prints that.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from onnx2rust.base.naming import comment
from onnx2rust.ir.program import Step, Value
from onnx2rust.passes.graph import Graph, Rewrite, Rule

_LONGEST = 400


class Decline(Exception):
    """The pattern is there, but is not what the layer computes, or cannot be shown to be. Where parts of one pattern look like it
    too, `about`, a value that they share, lets only the first of them be heard."""

    def __init__(self, reason: str, about: Value | None = None) -> None:
        self.about = about
        super().__init__(reason)


@dataclass(frozen=True)
class Declined:
    """A place that looked like what a pass replaces, and why it stays."""

    by: str
    node: str
    reason: str

    def __str__(self) -> str:
        return f"{self.by}: {comment(self.node)}: {comment(self.reason, _LONGEST)}"


@dataclass
class Declines:
    """Collects what the passes say in one round; a pass that looks twice is heard once."""

    running: str = ""
    heard: dict[Declined, None] = field(default_factory=dict)

    def add(self, step: Step, reason: str) -> None:
        """The pass that runs leaves this step (named by the node that it comes from) as it is."""
        self.heard.setdefault(Declined(self.running, str(step.origin), reason))

    def heard_by(self, rule: Rule) -> Rule:
        """The rule, which leaves a step alone where it declines."""

        spoken_of: set[Value] = set()

        def listening(graph: Graph, step: Step) -> Rewrite | None:
            try:
                return rule(graph, step)
            except Decline as why:
                if why.about not in spoken_of:
                    self.add(step, str(why))
                if why.about is not None:
                    spoken_of.add(why.about)
                return None

        return listening
