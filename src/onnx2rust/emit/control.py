"""If and Loop in Rust: the only steps whose emission is more than one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2rust.program import Step

if TYPE_CHECKING:
    from onnx2rust.emit.steps import Writer


def lines(writer: Writer, step: Step) -> list[str]:
    """The lines of a step with bodies."""
    raise NotImplementedError(step.layer)
