"""What passes found and left alone, with the reason."""

from __future__ import annotations

from dataclasses import dataclass, field

from onnx2rust.naming import comment
from onnx2rust.program import Step

_LONGEST = 400


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
    """Collects what the passes say; a pass that looks twice is heard once."""

    running: str = ""
    heard: dict[Declined, None] = field(default_factory=dict)

    def add(self, step: Step, reason: str) -> None:
        """The pass that runs leaves this step (named by the node that it comes from) as it is."""
        self.heard.setdefault(Declined(self.running, str(step.origin), reason))
