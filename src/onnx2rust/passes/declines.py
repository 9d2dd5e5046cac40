"""Why a pass leaves a place alone that looks like what it replaces: one plain sentence for `onnx2rust inspect --passes`."""

from __future__ import annotations

from dataclasses import dataclass

from onnx2rust.base.naming import comment
from onnx2rust.ir.program import Value

_LONGEST = 400


class Decline(Exception):
    """Ends a rule: its pattern is there, but is not what the layer computes, or cannot be shown to be. Where parts of one pattern
    look like it too, `about`, a value that they share, lets only the first of them be heard."""

    def __init__(self, reason: str, about: Value | None = None) -> None:
        self.about = about
        super().__init__(reason)


@dataclass(frozen=True)
class Declined:
    """What a pass returns of it: the node that the step comes from, the reason, and which pass it was."""

    node: str
    reason: str
    by: str = ""

    def __str__(self) -> str:
        return f"{self.by}: {comment(self.node)}: {comment(self.reason, _LONGEST)}"
