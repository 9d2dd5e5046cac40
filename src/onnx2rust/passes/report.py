"""What passes found and left alone, with the reason."""

from __future__ import annotations

from dataclasses import dataclass, field

from onnx2rust.program import Step


@dataclass(frozen=True)
class Declined:
    """A place that looked like what a pass replaces, and why it stays."""

    by: str
    step: str
    reason: str

    def __str__(self) -> str:
        return f"{self.by} left {self.step}: {self.reason}"


@dataclass
class Report:
    """Collects what the passes say; a pass that looks twice is heard once."""

    running: str = ""
    heard: dict[Declined, None] = field(default_factory=dict)

    def declined(self, step: Step, reason: str) -> None:
        """The pass that runs leaves this step (named by the node that it comes from) as it is."""
        self.heard.setdefault(Declined(self.running, str(step.origin), reason))
